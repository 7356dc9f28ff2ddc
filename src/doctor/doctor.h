/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "doctor/doc_vary.h"
#include "explain/explain.h"

/*
 * One project, built under conditions that must not matter, and what differs then. Which builds,
 * and why these: docs/decisions/0024-doctor.md.
 *
 *   1. twice as it is: what differs now differs each time;
 *   2. once with all variations: if nothing more differs, that is the answer, after three builds;
 *   3. else once with each variation alone, to say which of them triggers what.
 *
 * A variation under which the project does not build is not varied, with the reason.
 *
 * `quick`: once as it is and once with all variations. What differs is the same but for what chance
 * makes alike this once; what triggers it is not known.
 */

/* What builds, so that tests need no engine. */
struct doc_builder {
	/* The project under these variations, into the file `output`. */
	int (*build)(void *ctx, uint32_t vary, const char *output, struct ss_err *err);
	void *ctx;
	const char *dir; /* an empty folder for the results */
	struct ex_options compare;
	uint64_t (*now_ms)(void);
	struct ss_progress *progress;
	bool quick;
};

#define DOC_EACH_TIME (1u << DOC_VARIATIONS) /* a trigger: it needs no variation */

struct doc_report {
	struct ex_report diff;
	uint32_t *triggers; /* for each of diff.diffs; 0: only some together; NULL: `quick` */
	uint32_t varied;
	char *why_not[DOC_VARIATIONS]; /* of those that were asked for and not varied */
	unsigned builds;
};

/* An error: the project does not build as it is, or not under all variations that alone it does. */
SS_MUST_CHECK SS_NONNULL int doc_run(const struct doc_builder *b, uint32_t vary,
				     struct doc_report *ret, struct ss_err *err);
void doc_report_done(struct doc_report *r);

/* All triggers of the differences of one group; none of a `quick` report. */
SS_NONNULL uint32_t doc_group_triggers(const struct doc_report *r, const struct ex_group *g);

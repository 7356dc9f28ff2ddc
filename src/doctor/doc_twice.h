/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "explain/explain.h"
#include "project/project.h"

/*
 * `build --double`: a project that was just built is built once more, from the lock that the first
 * run wrote, as a rebuilder would: what the steps fetched is played to them. What differs now came
 * from a step that does not do the same twice, whatever it sees.
 */
struct doc_twice {
	bool same;             /* all that measurements.json says */
	struct ex_report diff; /* of both files, the first run's first */
	uint64_t *steps;       /* for each of its differences the step that wrote it; 0: none */
};

/* Before the first run: SS_EUSAGE if there will be nothing to run twice, or no lock to go by. */
SS_MUST_CHECK SS_NONNULL int doc_twice_check(const struct project_options *o, struct ss_err *err);
/* `first` is what project_build() made of `o`. *ret is the caller's: doc_twice_done(). */
SS_MUST_CHECK SS_NONNULL int doc_twice(const struct project_options *o,
				       struct project_result *first, struct doc_twice *ret,
				       struct ss_err *err);
/* Accepts a zeroed one. */
SS_NONNULL void doc_twice_done(struct doc_twice *t);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/field.h"

/*
 * [[step]] of enclave.lock: how each RUN step of a hermetic build was run, one entry a step, by its
 * number in the build. Level "light" is a step that asked for the times of no file (docs/
 * determinism.md), so that a rebuild need not answer for them; any other is "full".
 */
#define CFG_STEPS_MAX 4096u
#define CFG_STEP_RUN_MAX 120u /* bytes of what is shown of it */

struct cfg_step {
	char *level; /* "light", "full" */
	uint64_t number;
	char *run;    /* what it runs, in one line, the beginning; for people */
	char *sha256; /* of the whole of that line, as far as a builder tells it */
};

extern const struct cfg_field cfg_step_fields[];

/* Appends one, if there is room: `line` is what it runs, in one line. The order is made when the
 * list is read or written. */
SS_NONNULL void cfg_steps_add(struct cfg_list *l, uint64_t number, const char *line, bool light);
/* The very step ran, and was light. */
SS_MUST_CHECK SS_NONNULL bool cfg_steps_light(const struct cfg_list *l, uint64_t number,
					      const char *line);
/* The one of that number; NULL = there is none. */
SS_NONNULL const struct cfg_step *cfg_steps_find(const struct cfg_list *l, uint64_t number);
/* By number; two of one number are an error. */
SS_MUST_CHECK SS_NONNULL int cfg_steps_sort(struct cfg_list *l, struct ss_err *err);
SS_NONNULL void cfg_steps_done(struct cfg_list *l);

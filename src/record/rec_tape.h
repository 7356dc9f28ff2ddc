/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/lock_input.h"

/*
 * The answers of one build, in the order of the requests. Recording, each request takes its turn
 * when it arrives and is filled when its answer is whole; one that failed leaves no gap. Playing,
 * the N-th request of a kind gets the answer that the N-th got. Any number of threads.
 */
struct rec_tape;

struct rec_id {
	const char *method;
	const char *url;
	const char *key; /* NULL = none */
};

/* Where a request's answer goes. */
struct rec_turn {
	void *kind;
	size_t at;
};

#define REC_REQUESTS_MAX 1048576u

/* An empty one, to record. */
SS_MUST_CHECK struct rec_tape *rec_tape_new(void);
/* With the inputs of a lock (sorted), to play; kinds that it lacks may be recorded. Borrows them.
 */
SS_MUST_CHECK SS_NONNULL struct rec_tape *rec_tape_load(const struct cfg_list *inputs);
void rec_tape_free(struct rec_tape *t);

/* --- recording ---------------------------------------------------------------------------------
 */

SS_MUST_CHECK SS_NONNULL int rec_tape_begin(struct rec_tape *t, const struct rec_id *id,
					    struct rec_turn *ret, struct ss_err *err);
/* Method, URL, key and turn of `answer` are not looked at. */
SS_NONNULL void rec_tape_fill(struct rec_tape *t, const struct rec_turn *turn,
			      const struct cfg_input *answer);
/* All that was filled, and of what was played the answers that were asked for: sorted, an answer
 * once for as long as it stayed the same. */
SS_MUST_CHECK SS_NONNULL int rec_tape_list(struct rec_tape *t, struct cfg_list *ret,
					   struct ss_err *err);

/* --- playing -----------------------------------------------------------------------------------
 */

/* The answer to the next request of this kind, borrowed; NULL = the lock has none. */
SS_MUST_CHECK SS_NONNULL const struct cfg_input *rec_tape_play(struct rec_tape *t,
							       const struct rec_id *id);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/lock_input.h"
#include "record/rec_store.h"

/*
 * Asks a server again, outside of a build, for what an entry has. Only what can be asked for: a GET
 * whose URL has no secrets, and whose key follows from method, URL and a request that is common
 * (pip's, npm's, git's).
 */
enum rec_renewed {
	REC_SAME,
	REC_OTHER,  /* *ret_now says what there is; the caller releases it */
	REC_UNABLE, /* nobody can ask for it outside of a build */
};

/* With a store the body is put there; NULL: it is only hashed. `local` as in rec_config: a lock is
 * no more trusted than a step. SS_EREMOTE: no answer was had, or one of the moment. */
SS_MUST_CHECK int rec_renew(struct rec_store *store, const struct cfg_texts *local,
			    const struct cfg_input *in, enum rec_renewed *ret,
			    struct cfg_input *ret_now, struct ss_err *err);

/* True for the entry that stands for what a server said last: no other of its kind is behind it. */
SS_MUST_CHECK SS_NONNULL bool rec_is_last(const struct cfg_list *inputs, size_t i);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/lock_input.h"
#include "record/rec_store.h"

/* The store as a whole: is it what it should be, and what does nobody need any more? */

struct rec_state {
	uint64_t whole;
	uint64_t damaged;
	uint64_t missing; /* of a lock's inputs */
	uint64_t bytes;   /* of the whole ones */
};

/* Hears of each object that is not whole; `url` is NULL where no lock is asked. */
struct rec_listener {
	void (*bad)(void *ctx, const uint8_t hash[CRYPTO_SHA256_SIZE], enum rec_found found,
		    const char *url);
	void (*odd)(void *ctx, struct ss_span path); /* a file that is no object */
	void *ctx;
};

/* Every object in the store is read and hashed. */
SS_MUST_CHECK SS_NONNULL int rec_check_store(const struct rec_store *s,
					     const struct rec_listener *l, struct rec_state *ret,
					     struct ss_err *err);
/* The objects that these inputs need, each once; `inputs` is sorted. */
SS_MUST_CHECK SS_NONNULL int rec_check_inputs(const struct rec_store *s,
					      const struct cfg_list *inputs,
					      const struct rec_listener *l, struct rec_state *ret,
					      struct ss_err *err);

struct rec_kept {
	uint8_t hash[CRYPTO_SHA256_SIZE];
	size_t at; /* the order in which they came */
};

/* Hashes to keep, sorted, each once. */
struct rec_keep {
	struct rec_kept *v;
	size_t n;
};

SS_MUST_CHECK SS_NONNULL int rec_keep_add(struct rec_keep *k, const struct cfg_list *inputs,
					  struct ss_err *err);
SS_NONNULL void rec_keep_done(struct rec_keep *k);

struct rec_pruned {
	uint64_t removed;
	uint64_t removed_bytes;
	uint64_t left;
	uint64_t left_bytes;
};

/* Removes what is not in `keep` and was last used before `before`. The store is held alone. */
SS_MUST_CHECK SS_NONNULL int rec_prune(const struct rec_store *s, const struct rec_keep *keep,
				       int64_t before, struct rec_pruned *ret, struct ss_err *err);

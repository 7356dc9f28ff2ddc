/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_chain.h"

/*
 * The inside of struct att_cache, for att_chain.c: beginnings of chains that were checked, each
 * under a digest of all its certificates. Documents of one region share the first two, of one zone
 * three, of one instance all.
 */
struct att_issuers {
	struct crypto_p384 *key; /* of the last; NULL = none */
	uint8_t subject[ATT_CERT_MAX];
	size_t n_subject;
	int64_t from;      /* all are valid from … */
	int64_t to;        /* … to */
	size_t may_follow; /* so many issuers */
};

#define ATT_CACHE_SLOTS 64u

/* Over the first n certificates of the bundle, with their lengths. */
SS_NONNULL void att_cache_key(const struct att_doc *d, size_t n, uint8_t ret[CRYPTO_SHA256_SIZE]);
/* NULL = not seen; else the cache's own, until the next put. */
SS_NONNULL const struct att_issuers *att_cache_find(const struct att_cache *c,
						    const uint8_t key[CRYPTO_SHA256_SIZE]);
/* Keeps a share of is->key. The oldest goes. */
SS_NONNULL void att_cache_put(struct att_cache *c, const uint8_t key[CRYPTO_SHA256_SIZE],
			      const struct att_issuers *is);

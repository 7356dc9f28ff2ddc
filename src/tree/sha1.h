/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * SHA-1 (FIPS 180-4), for the one format in an image that ends with it: git's index. It says that a
 * file is whole, and nothing more: nobody may trust it. Plain data, no heap.
 */
#define TREE_SHA1_SIZE 20u

struct tree_sha1 {
	uint32_t h[5];
	uint64_t n; /* bytes so far */
	uint8_t block[64];
};

SS_NONNULL void tree_sha1_init(struct tree_sha1 *s);
SS_NONNULL void tree_sha1_put(struct tree_sha1 *s, const uint8_t *p, size_t n);
/* Then it may only be initialised again. */
SS_NONNULL void tree_sha1_end(struct tree_sha1 *s, uint8_t ret[TREE_SHA1_SIZE]);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * SHA-384 (FIPS 180-4) for stage0, which is too small for a library. Held against OpenSSL for every
 * length from 0 to 1000 by its test.
 */
#define RT_SHA384_SIZE 48u
#define RT_SHA384_BLOCK 128u

struct rt_sha384 {
	uint64_t h[8];
	uint64_t total; /* bytes so far; the format's 2^125 cannot be reached */
	uint8_t block[RT_SHA384_BLOCK];
};

SS_NONNULL void rt_sha384_init(struct rt_sha384 *s);
SS_NONNULL void rt_sha384_update(struct rt_sha384 *s, struct ss_span in);
/* Writes RT_SHA384_SIZE bytes; `s` must be initialised again before it is used again. */
SS_NONNULL void rt_sha384_final(struct rt_sha384 *s, uint8_t *ret);

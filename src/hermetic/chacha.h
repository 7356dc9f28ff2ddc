/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * The generator behind a step's randomness: ChaCha20 (RFC 8439) as a stream, and HChaCha20 as the
 * way from one key to another. Not for secrets: whoever knows the lock knows every byte.
 */
#define HM_KEY 32u
#define HM_BLOCK 64u

/* The block of the key stream with that number; the nonce is zero. */
SS_NONNULL void hm_chacha_block(const uint8_t key[HM_KEY], uint64_t number, uint8_t ret[HM_BLOCK]);
/* A key that depends on `key` and on all of `s`, its length included. */
SS_NONNULL void hm_chacha_mix(const uint8_t key[HM_KEY], struct ss_span s, uint8_t ret[HM_KEY]);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * SHA-256 and SHA-384 over OpenSSL, and CRC-32. This folder is the only one that
 * includes OpenSSL's headers.
 *
 * A context is created by crypto_hash_new() and owned by the caller. The functions
 * cannot fail on input; a failure of the library ends the program.
 */
enum crypto_hash_kind { CRYPTO_SHA256, CRYPTO_SHA384, CRYPTO_SHA512 };

#define CRYPTO_SHA256_SIZE 32u
#define CRYPTO_SHA384_SIZE 48u
#define CRYPTO_HASH_MAX 64u

struct crypto_hash;

SS_MUST_CHECK struct crypto_hash *crypto_hash_new(enum crypto_hash_kind kind);
/* A second context in the same state: how PCR1 forks from PCR0. */
SS_MUST_CHECK SS_NONNULL struct crypto_hash *crypto_hash_fork(const struct crypto_hash *h);
SS_NONNULL void crypto_hash_put(struct crypto_hash *h, struct ss_span s);
/* Writes the digest (32, 48 or 64 bytes); the context may only be freed afterwards. */
SS_NONNULL void crypto_hash_end(struct crypto_hash *h, uint8_t *ret);
void crypto_hash_free(struct crypto_hash *h);
size_t crypto_hash_size(enum crypto_hash_kind kind);

static inline void crypto_hash_freep(struct crypto_hash **h)
{
	crypto_hash_free(*h);
}
#define AUTO_HASH SS_CLEANUP(crypto_hash_freep)

/* The digest of one span. */
SS_NONNULL void crypto_hash_once(enum crypto_hash_kind kind, struct ss_span s, uint8_t *ret);

/* CRC-32/ISO-HDLC (zlib's crc32): start with 0, feed the result back in. */
SS_MUST_CHECK uint32_t crypto_crc32(uint32_t crc, struct ss_span s);
/* The CRC of A ‖ B from those of A and B and the length of B: a header patched in at the end. */
SS_MUST_CHECK uint32_t crypto_crc32_combine(uint32_t a, uint32_t b, uint64_t b_size);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/hash.h"

#include <stdbool.h>

/*
 * Public keys on P-384 and the signatures they verify: what attestation documents and the
 * certificates behind them use, and nothing else. OpenSSL's key objects are made from the point
 * itself: its reader of certificates takes as long as half a verification.
 */
#define CRYPTO_P384_POINT 97u /* 04, x, y */

struct crypto_p384;

/* Fails if the bytes are not an uncompressed point of the curve. */
SS_MUST_CHECK SS_NONNULL int crypto_p384_new(struct ss_span point, struct crypto_p384 **ret,
					     struct ss_err *err);
void crypto_p384_free(struct crypto_p384 *k); /* accepts NULL */
/* A second owner of the same key: each frees its own. */
SS_MUST_CHECK SS_NONNULL struct crypto_p384 *crypto_p384_share(const struct crypto_p384 *k);

static inline void crypto_p384_freep(struct crypto_p384 **k)
{
	crypto_p384_free(*k);
}
#define AUTO_P384 SS_CLEANUP(crypto_p384_freep)

/* Whether `der`, an Ecdsa-Sig-Value, is a signature over the SHA-384. */
SS_NONNULL bool crypto_p384_verify(const struct crypto_p384 *k,
				   const uint8_t sha384[CRYPTO_SHA384_SIZE], struct ss_span der);
/* The same for r ‖ s of 96 bytes. */
SS_NONNULL bool crypto_p384_verify_rs(const struct crypto_p384 *k,
				      const uint8_t sha384[CRYPTO_SHA384_SIZE], struct ss_span rs);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/hash.h"

#include <stdbool.h>

/*
 * ECDSA with nonces derived from key and message (RFC 6979), so that signing twice gives the same
 * bytes. Only k is derived here; r and s come from OpenSSL
 * (docs/decisions/0012-eif-digest-and-nonces.md).
 */
enum crypto_curve { CRYPTO_P256, CRYPTO_P384, CRYPTO_P521 };

#define CRYPTO_RS_MAX 132u /* r ‖ s on P-521 */

/* Bytes of r and of s: 32, 48, 66. */
size_t crypto_curve_size(enum crypto_curve c);
/* The hash that COSE pairs with the curve: SHA-256, SHA-384, SHA-512. */
enum crypto_hash_kind crypto_curve_hash(enum crypto_curve c);
const char *crypto_curve_name(enum crypto_curve c); /* "P-256" */

struct crypto_key;

/* A private key in PEM text, PKCS#8 or SEC 1, on one of the three curves, without a passphrase. */
SS_MUST_CHECK SS_NONNULL int crypto_key_read_pem(struct ss_span pem, struct crypto_key **ret,
						 struct ss_err *err);
void crypto_key_free(struct crypto_key *k); /* accepts NULL */
SS_NONNULL enum crypto_curve crypto_key_curve(const struct crypto_key *k);

static inline void crypto_key_freep(struct crypto_key **k)
{
	crypto_key_free(*k);
}
#define AUTO_KEY SS_CLEANUP(crypto_key_freep)

/*
 * Signs a digest made with `hash`; writes r ‖ s, 2 * crypto_curve_size() bytes, to `ret`, which has
 * room for CRYPTO_RS_MAX. The result was verified before it is handed out.
 */
SS_MUST_CHECK SS_NONNULL int crypto_key_sign(const struct crypto_key *k, enum crypto_hash_kind hash,
					     struct ss_span digest, uint8_t *ret,
					     struct ss_err *err);

/* Overwrites bytes that held a secret. */
SS_NONNULL void crypto_wipe(void *p, size_t n);

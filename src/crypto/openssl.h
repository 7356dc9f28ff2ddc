/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/sign.h"

#include <openssl/evp.h>

/* Shared by the files of this folder only: nothing outside includes OpenSSL's headers. */

struct crypto_key {
	EVP_PKEY *pkey;
	enum crypto_curve curve;
};

/*
 * `return crypto_fail(err, "cannot do this")`: with OpenSSL's own reason, which is then cleared. A
 * macro, as ss_fail() is, so that the analysers see the -1.
 */
#define crypto_fail(err, what) (crypto_err_set(err, what), -1)
SS_NONNULL void crypto_err_set(struct ss_err *err, const char *what);
int crypto_curve_nid(enum crypto_curve c);
/* The curve of an EC key; an error names what else the key is. `whose` begins the message. */
int crypto_pkey_curve(const EVP_PKEY *p, const char *whose, enum crypto_curve *ret,
		      struct ss_err *err);
const EVP_MD *crypto_md(enum crypto_hash_kind kind);

/*
 * The nonce of RFC 6979, section 3.2, for the private key x modulo q and a digest made with `hash`:
 * 0 with k set, or -1.
 */
int crypto_rfc6979(enum crypto_hash_kind hash, const BIGNUM *q, const BIGNUM *x,
		   struct ss_span digest, BIGNUM *k, struct ss_err *err);

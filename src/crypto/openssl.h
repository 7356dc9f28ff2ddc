/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/x509.h"

#include <openssl/evp.h>

/* Shared by the files of this folder only: nothing outside includes OpenSSL's headers. */

struct crypto_key {
	EVP_PKEY *pkey;
	enum crypto_curve curve;
};

struct crypto_cert {
	X509 *x;
	int64_t not_before;
	int64_t not_after;
};

/* Takes over `x`, also when it fails. */
int crypto_cert_adopt(X509 *x, struct crypto_cert **ret, struct ss_err *err);

/* `return crypto_fail(err, "cannot do this")`: with OpenSSL's own reason, which is then cleared. */
int crypto_fail(struct ss_err *err, const char *what);
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

/* SPDX-License-Identifier: Apache-2.0 */

/* ECDSA with a nonce of one's own exists only in the interface that OpenSSL 3.0 calls deprecated;
 * `nonce-type` came with 3.2. One path for all versions:
 * docs/decisions/0012-eif-digest-and-nonces.md. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/sign.h"

#include "base/mem.h"
#include "crypto/openssl.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

size_t crypto_curve_size(enum crypto_curve c)
{
	switch (c) {
	case CRYPTO_P256:
		return 32;
	case CRYPTO_P384:
		return 48;
	case CRYPTO_P521:
		return 66;
	}
	abort(); /* no such curve */
}

enum crypto_hash_kind crypto_curve_hash(enum crypto_curve c)
{
	switch (c) {
	case CRYPTO_P256:
		return CRYPTO_SHA256;
	case CRYPTO_P384:
		return CRYPTO_SHA384;
	case CRYPTO_P521:
		return CRYPTO_SHA512;
	}
	abort(); /* no such curve */
}

const char *crypto_curve_name(enum crypto_curve c)
{
	switch (c) {
	case CRYPTO_P256:
		return "P-256";
	case CRYPTO_P384:
		return "P-384";
	case CRYPTO_P521:
		return "P-521";
	}
	abort(); /* no such curve */
}

void crypto_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

/* Nobody is asked: a build has no terminal. */
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
static int no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	(void)buf, (void)size, (void)rwflag;
	*(bool *)asked = true;
	return -1;
}

int crypto_key_read_pem(struct ss_span pem, struct crypto_key **ret, struct ss_err *err)
{
	AUTO_KEY struct crypto_key *k = ss_calloc(1, sizeof(*k));
	bool asked = false;
	BIO *bio;

	if (pem.n > INT32_MAX)
		return ss_fail(err, SS_ELIMIT, "a private key of %zu bytes", pem.n);
	bio = BIO_new_mem_buf(pem.n > 0 ? (const void *)pem.p : "", (int)pem.n);
	if (bio == NULL)
		return crypto_fail(err, "cannot read a private key");
	k->pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	BIO_free(bio);
	ERR_clear_error();
	if (k->pkey == NULL && asked) {
		(void)ss_fail(err, SS_EINPUT, "the private key is encrypted with a passphrase");
		err->hint = "'openssl pkey -in KEY -out PLAIN' decrypts it";
		return -1;
	}
	if (k->pkey == NULL)
		return ss_fail(err, SS_EINPUT, "there is no private key in PEM form");
	if (crypto_pkey_curve(k->pkey, "the private key", &k->curve, err) < 0)
		return -1;
	*ret = TAKE_PTR(k);
	return 0;
}

void crypto_key_free(struct crypto_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

enum crypto_curve crypto_key_curve(const struct crypto_key *k)
{
	return k->curve;
}

/* What one signature needs; the numbers are secret until the end. */
struct work {
	EC_KEY *key;
	EC_POINT *point;
	BN_CTX *ctx;
	BIGNUM *x;    /* the private key */
	BIGNUM *k;    /* the nonce */
	BIGNUM *kinv; /* 1 / k mod q */
	BIGNUM *r;
	ECDSA_SIG *sig;
};

static void work_done(struct work *w)
{
	EC_KEY_free(w->key);
	EC_POINT_clear_free(w->point);
	BN_CTX_free(w->ctx);
	BN_clear_free(w->x);
	BN_clear_free(w->k);
	BN_clear_free(w->kinv);
	BN_clear_free(w->r);
	ECDSA_SIG_free(w->sig);
}

static bool work_init(struct work *w, const struct crypto_key *k)
{
	w->key = EC_KEY_new_by_curve_name(crypto_curve_nid(k->curve));
	w->ctx = BN_CTX_secure_new();
	w->k = BN_secure_new();
	w->kinv = BN_secure_new();
	w->r = BN_new();
	if (w->key == NULL || w->ctx == NULL || w->k == NULL || w->kinv == NULL || w->r == NULL ||
	    EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &w->x) != 1)
		return false;
	w->point = EC_POINT_new(EC_KEY_get0_group(w->key));
	return w->point != NULL && EC_KEY_set_private_key(w->key, w->x) == 1;
}

/* The two values that ECDSA_do_sign_ex() takes in place of a random nonce. */
static bool precompute(struct work *w)
{
	const EC_GROUP *g = EC_KEY_get0_group(w->key);
	const BIGNUM *q = EC_GROUP_get0_order(g);

	BN_set_flags(w->k, BN_FLG_CONSTTIME);
	return EC_POINT_mul(g, w->point, w->k, NULL, NULL, w->ctx) == 1 &&
	       EC_POINT_get_affine_coordinates(g, w->point, w->r, NULL, w->ctx) == 1 &&
	       BN_nnmod(w->r, w->r, q, w->ctx) == 1 && !BN_is_zero(w->r) &&
	       BN_mod_inverse(w->kinv, w->k, q, w->ctx) != NULL;
}

/* A fault in the arithmetic must not leave the house: it could tell the key. */
static bool holds(struct work *w, struct ss_span digest)
{
	const EC_GROUP *g = EC_KEY_get0_group(w->key);

	return EC_POINT_mul(g, w->point, w->x, NULL, NULL, w->ctx) == 1 &&
	       EC_KEY_set_public_key(w->key, w->point) == 1 &&
	       ECDSA_do_verify(digest.p, (int)digest.n, w->sig, w->key) == 1;
}

int crypto_key_sign(const struct crypto_key *k, enum crypto_hash_kind hash, struct ss_span digest,
		    uint8_t *ret, struct ss_err *err)
{
	SS_CLEANUP(work_done) struct work w = { 0 };
	const int size = (int)crypto_curve_size(k->curve);
	const BIGNUM *r, *s;

	if (!work_init(&w, k))
		return crypto_fail(err, "cannot sign");
	if (crypto_rfc6979(hash, EC_GROUP_get0_order(EC_KEY_get0_group(w.key)), w.x, digest, w.k,
			   err) < 0)
		return -1;
	if (!precompute(&w))
		return crypto_fail(err, "cannot sign");
	w.sig = ECDSA_do_sign_ex(digest.p, (int)digest.n, w.kinv, w.r, w.key);
	if (w.sig == NULL || !holds(&w, digest))
		return crypto_fail(err, "cannot sign");
	ECDSA_SIG_get0(w.sig, &r, &s);
	if (BN_bn2binpad(r, ret, size) != size || BN_bn2binpad(s, ret + size, size) != size)
		return crypto_fail(err, "cannot sign");
	return 0;
}

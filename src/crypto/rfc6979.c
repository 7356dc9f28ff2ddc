/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/openssl.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

/*
 * HMAC_DRBG as RFC 6979 uses it. Lengths: hlen is the hash's, rlen the octets of q; both at most
 * 66. Everything here is secret and lies in one struct that is wiped.
 */
#define Q_MAX 66u
#define SEED_MAX (CRYPTO_HASH_MAX + 1 + 2 * Q_MAX)

struct drbg {
	const EVP_MD *md;
	size_t hlen;
	uint8_t k[CRYPTO_HASH_MAX];
	uint8_t v[CRYPTO_HASH_MAX];
	uint8_t seed[SEED_MAX];
	uint8_t t[CRYPTO_HASH_MAX + Q_MAX];
};

static bool hmac(struct drbg *d, const uint8_t *data, size_t n, uint8_t *ret)
{
	unsigned got = 0;

	return HMAC(d->md, d->k, (int)d->hlen, data, n, ret, &got) != NULL && got == d->hlen;
}

/* K = HMAC_K(V ‖ mark ‖ rest); V = HMAC_K(V) */
static bool rekey(struct drbg *d, uint8_t mark, struct ss_span rest)
{
	uint8_t k[CRYPTO_HASH_MAX];
	bool ok;

	memcpy(d->seed, d->v, d->hlen);
	d->seed[d->hlen] = mark;
	if (rest.n > 0)
		memcpy(d->seed + d->hlen + 1, rest.p, rest.n);
	ok = hmac(d, d->seed, d->hlen + 1 + rest.n, k);
	memcpy(d->k, k, d->hlen);
	OPENSSL_cleanse(k, sizeof(k));
	return ok && hmac(d, d->v, d->hlen, d->v);
}

/* bits2int: the leftmost qlen bits of the octets. */
static bool bits_to_int(const uint8_t *p, size_t n, int qlen, BIGNUM *ret)
{
	const int bits = (int)n * 8;

	return BN_bin2bn(p, (int)n, ret) != NULL &&
	       (bits <= qlen || BN_rshift(ret, ret, bits - qlen) == 1);
}

//= rfc6979#section-3.2
//# d. Set: K = HMAC_K(V || 0x00 || int2octets(x) || bits2octets(h1))
static bool seed(struct drbg *d, const BIGNUM *q, const BIGNUM *x, struct ss_span digest,
		 BIGNUM *tmp, BN_CTX *ctx)
{
	const int qlen = BN_num_bits(q);
	const int rlen = (qlen + 7) / 8;
	uint8_t both[2 * Q_MAX];
	struct ss_span s = { both, 2 * (size_t)rlen };
	bool ok;

	memset(d->v, 1, d->hlen);
	memset(d->k, 0, d->hlen);
	ok = BN_bn2binpad(x, both, rlen) == rlen && bits_to_int(digest.p, digest.n, qlen, tmp) &&
	     BN_nnmod(tmp, tmp, q, ctx) == 1 && BN_bn2binpad(tmp, both + rlen, rlen) == rlen &&
	     rekey(d, 0, s) && rekey(d, 1, s);
	OPENSSL_cleanse(both, sizeof(both));
	return ok;
}

//= rfc6979#section-3.2
//# h. Apply the following algorithm until a proper value is found for k
static bool next(struct drbg *d, const BIGNUM *q, BIGNUM *k)
{
	const int qlen = BN_num_bits(q);
	const size_t rlen = ((size_t)qlen + 7) / 8;

	for (;;) {
		size_t n = 0;

		while (n < rlen) {
			if (!hmac(d, d->v, d->hlen, d->v))
				return false;
			memcpy(d->t + n, d->v, d->hlen);
			n += d->hlen;
		}
		if (!bits_to_int(d->t, n, qlen, k))
			return false;
		if (!BN_is_zero(k) && BN_cmp(k, q) < 0)
			return true;
		if (!rekey(d, 0, (struct ss_span){ NULL, 0 }))
			return false;
	}
}

int crypto_rfc6979(enum crypto_hash_kind hash, const BIGNUM *q, const BIGNUM *x,
		   struct ss_span digest, BIGNUM *k, struct ss_err *err)
{
	struct drbg d = { .md = crypto_md(hash), .hlen = crypto_hash_size(hash) };
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *tmp = BN_secure_new();
	const bool ok = ctx != NULL && tmp != NULL && BN_num_bytes(q) <= (int)Q_MAX &&
			digest.n == d.hlen && seed(&d, q, x, digest, tmp, ctx) && next(&d, q, k);

	BN_clear_free(tmp);
	BN_CTX_free(ctx);
	OPENSSL_cleanse(&d, sizeof(d));
	return ok ? 0 : crypto_fail(err, "cannot derive a nonce");
}

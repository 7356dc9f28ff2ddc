/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hash.h"

#include "base/mem.h"
#include "crypto/openssl.h"

#include <assert.h>

struct crypto_hash {
	EVP_MD_CTX *ctx;
};

const EVP_MD *crypto_md(enum crypto_hash_kind kind)
{
	switch (kind) {
	case CRYPTO_SHA256:
		return EVP_sha256();
	case CRYPTO_SHA384:
		return EVP_sha384();
	case CRYPTO_SHA512:
		return EVP_sha512();
	}
	abort(); /* no such kind */
}

static struct crypto_hash *blank(void)
{
	struct crypto_hash *h = ss_calloc(1, sizeof(*h));

	h->ctx = EVP_MD_CTX_new();
	assert(h->ctx != NULL);
	return h;
}

struct crypto_hash *crypto_hash_new(enum crypto_hash_kind kind)
{
	struct crypto_hash *h = blank();
	const int ok = EVP_DigestInit_ex(h->ctx, crypto_md(kind), NULL);

	assert(ok == 1);
	return h;
}

struct crypto_hash *crypto_hash_fork(const struct crypto_hash *from)
{
	struct crypto_hash *h = blank();
	const int ok = EVP_MD_CTX_copy_ex(h->ctx, from->ctx);

	assert(ok == 1);
	return h;
}

void crypto_hash_put(struct crypto_hash *h, struct ss_span s)
{
	const int ok = EVP_DigestUpdate(h->ctx, s.p, s.n);

	assert(ok == 1);
}

void crypto_hash_end(struct crypto_hash *h, uint8_t *ret)
{
	const int ok = EVP_DigestFinal_ex(h->ctx, ret, NULL);

	assert(ok == 1);
}

void crypto_hash_free(struct crypto_hash *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

size_t crypto_hash_size(enum crypto_hash_kind kind)
{
	return (size_t)EVP_MD_get_size(crypto_md(kind));
}

void crypto_hash_once(enum crypto_hash_kind kind, struct ss_span s, uint8_t *ret)
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(kind);

	crypto_hash_put(h, s);
	crypto_hash_end(h, ret);
}

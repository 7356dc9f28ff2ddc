/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/p384.h"

#include "base/mem.h"
#include "crypto/openssl.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define NUMBER_SIZE 48u
#define RS_DER_MAX (2 * (NUMBER_SIZE + 3) + 3)

struct crypto_p384 {
	EVP_PKEY *pkey;
};

static EVP_PKEY *make_key(struct ss_span point)
{
	char group[] = "P-384";
	uint8_t copy[CRYPTO_P384_POINT];
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(copy, point.p, sizeof(copy));
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy));
	params[2] = OSSL_PARAM_construct_end();
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

int crypto_p384_new(struct ss_span point, struct crypto_p384 **ret, struct ss_err *err)
{
	struct crypto_p384 *k;
	EVP_PKEY *pkey;

	if (point.n != CRYPTO_P384_POINT || point.p[0] != 4)
		return ss_fail(err, SS_EINPUT, "not an uncompressed point of P-384");
	pkey = make_key(point);
	if (pkey == NULL)
		return ss_fail(err, SS_EINPUT, "not a point of P-384");
	k = ss_calloc(1, sizeof(*k));
	k->pkey = pkey;
	*ret = k;
	return 0;
}

void crypto_p384_free(struct crypto_p384 *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

struct crypto_p384 *crypto_p384_share(const struct crypto_p384 *k)
{
	struct crypto_p384 *twin = ss_calloc(1, sizeof(*twin));
	const int ok = EVP_PKEY_up_ref(k->pkey);

	assert(ok == 1);
	twin->pkey = k->pkey;
	return twin;
}

/* OpenSSL itself refuses a value that is not in DER, and bytes after it. */
bool crypto_p384_verify(const struct crypto_p384 *k, const uint8_t sha384[CRYPTO_SHA384_SIZE],
			struct ss_span der)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->pkey, NULL);
	const bool holds = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
			   EVP_PKEY_verify(ctx, der.p, der.n, sha384, CRYPTO_SHA384_SIZE) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return holds;
}

/* One INTEGER of 48 big-endian bytes in its shortest form. */
static size_t put_integer(const uint8_t *v, uint8_t *ret)
{
	size_t skip = 0, pad;

	while (skip < NUMBER_SIZE - 1 && v[skip] == 0)
		skip++;
	pad = v[skip] >= 0x80;
	ret[0] = 0x02;
	ret[1] = (uint8_t)(NUMBER_SIZE - skip + pad);
	ret[2] = 0;
	memcpy(ret + 2 + pad, v + skip, NUMBER_SIZE - skip);
	return 2 + pad + NUMBER_SIZE - skip;
}

bool crypto_p384_verify_rs(const struct crypto_p384 *k, const uint8_t sha384[CRYPTO_SHA384_SIZE],
			   struct ss_span rs)
{
	uint8_t der[RS_DER_MAX];
	size_t n = 2;

	if (rs.n != (size_t)2 * NUMBER_SIZE)
		return false;
	n += put_integer(rs.p, der + n);
	n += put_integer(rs.p + NUMBER_SIZE, der + n);
	der[0] = 0x30;
	der[1] = (uint8_t)(n - 2); /* at most 102: the short form */
	return crypto_p384_verify(k, sha384, (struct ss_span){ der, n });
}

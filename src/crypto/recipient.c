/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/recipient.h"

#include "fmt/cms.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define RSA_BITS 2048u
#define RSA_SIZE (RSA_BITS / 8)
#define AES_KEY 32u

struct crypto_recipient {
	EVP_PKEY *pkey;
	uint8_t spki[CRYPTO_RECIPIENT_SPKI];
};

int crypto_recipient_new(struct crypto_recipient **ret, struct ss_err *err)
{
	AUTO_RECIPIENT struct crypto_recipient *r = ss_calloc(1, sizeof(*r));
	uint8_t *p = r->spki;

	r->pkey = EVP_RSA_gen(RSA_BITS);
	if (r->pkey == NULL || i2d_PUBKEY(r->pkey, NULL) != (int)sizeof(r->spki) ||
	    i2d_PUBKEY(r->pkey, &p) != (int)sizeof(r->spki)) {
		ERR_clear_error();
		return ss_fail(err, SS_ESYS, "cannot make an RSA key");
	}
	*ret = TAKE_PTR(r);
	return 0;
}

void crypto_recipient_free(struct crypto_recipient *r)
{
	if (r == NULL)
		return;
	EVP_PKEY_free(r->pkey); /* which wipes it */
	free(r);
}

void crypto_recipient_spki(const struct crypto_recipient *r, uint8_t ret[CRYPTO_RECIPIENT_SPKI])
{
	memcpy(ret, r->spki, sizeof(r->spki));
}

/* RSAES-OAEP with SHA-256 and its MGF1. False: these bytes are no key of 32. */
static bool decrypt_key(const struct crypto_recipient *r, const struct cms_envelope *e,
			uint8_t ret[RSA_SIZE])
{
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(r->pkey, NULL);
	size_t n = RSA_SIZE;
	const bool good = x != NULL && e->n_key == RSA_SIZE && EVP_PKEY_decrypt_init(x) == 1 &&
			  EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_OAEP_PADDING) == 1 &&
			  EVP_PKEY_CTX_set_rsa_oaep_md(x, EVP_sha256()) == 1 &&
			  EVP_PKEY_CTX_set_rsa_mgf1_md(x, EVP_sha256()) == 1 &&
			  EVP_PKEY_decrypt(x, ret, &n, e->key, e->n_key) == 1 && n == AES_KEY;

	EVP_PKEY_CTX_free(x);
	ERR_clear_error();
	return good;
}

/* In place; the padding stays. */
static bool decrypt_content(const uint8_t key[AES_KEY], struct ss_span iv, struct ss_buf *content)
{
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	int n = 0, last = 0;
	const bool good = x != NULL &&
			  EVP_DecryptInit_ex(x, EVP_aes_256_cbc(), NULL, key, iv.p) == 1 &&
			  EVP_CIPHER_CTX_set_padding(x, 0) == 1 &&
			  EVP_DecryptUpdate(x, content->p, &n, content->p, (int)content->n) == 1 &&
			  EVP_DecryptFinal_ex(x, content->p + n, &last) == 1 &&
			  (size_t)n + (size_t)last == content->n;

	EVP_CIPHER_CTX_free(x);
	ERR_clear_error();
	return good;
}

/*
 * How many bytes of the last block are padding: 1 to 16, each of which says so; 0 = it is none.
 * Looks at all sixteen whatever they are.
 */
//= rfc5652#section-6.3
//# pad the input at the trailing end with k-(lth mod k) octets all having value k-(lth mod k)
static unsigned padding(const struct ss_buf *content)
{
	const uint8_t *block = content->p + content->n - CMS_BLOCK;
	const unsigned n = block[CMS_BLOCK - 1];
	unsigned wrong = (n - 1) & ~(CMS_BLOCK - 1); /* n is not 1 to 16 */

	for (unsigned i = 0; i < CMS_BLOCK; i++) {
		const unsigned is_pad = 0u - (unsigned)(CMS_BLOCK - 1 - i < n);

		wrong |= is_pad & (block[i] ^ n);
	}
	return wrong == 0 ? n : 0;
}

/*
 * A message whose key cannot be had is decrypted all the same, with a key of chance: its padding is
 * then wrong, and nothing tells the one fault from the other (RFC 3218, section 2.3.2, asks the
 * same of PKCS #1 v1.5).
 */
static bool open_content(const struct crypto_recipient *r, const struct cms_envelope *e,
			 struct ss_buf *content, unsigned *ret_pad)
{
	uint8_t key[RSA_SIZE] = { 0 }, chance[AES_KEY];
	const bool drawn = RAND_bytes(chance, sizeof(chance)) == 1;
	const bool good = decrypt_key(r, e, key);
	const uint8_t mask = good ? 0xff : 0;
	bool done;

	for (size_t i = 0; i < AES_KEY; i++)
		key[i] = (uint8_t)((key[i] & mask) | (chance[i] & (uint8_t)~mask));
	done = drawn && decrypt_content(key, e->iv, content);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(chance, sizeof(chance));
	*ret_pad = done ? padding(content) : 0;
	return good && *ret_pad > 0;
}

int crypto_recipient_unwrap(const struct crypto_recipient *r, struct ss_span message,
			    struct ss_buf *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf content = SS_BUF_INIT(CMS_MAX_MESSAGE);
	struct cms_envelope e = { 0 };
	unsigned pad = 0;
	bool good;

	if (cms_envelope_read(message, &e, &content, err) < 0)
		return -1;
	good = open_content(r, &e, &content, &pad);
	if (good)
		ss_buf_put(ret, (struct ss_span){ content.p, content.n - pad });
	OPENSSL_cleanse(content.p, content.n);
	if (!good)
		return ss_fail(err, SS_EVERIFY, "the message cannot be unwrapped with this key");
	return ss_buf_check(ret, "the plaintext", err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "crypto/hash.h"
#include "endpoint/ep_sender_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static BIO *memory(struct ss_span s)
{
	return s.n <= INT32_MAX ? BIO_new_mem_buf(s.p, (int)s.n) : NULL;
}

static void put_id(struct ep_sender *s)
{
	uint8_t *der = NULL;
	const int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(s->certificate), &der);

	if (n > 0)
		crypto_hash_once(CRYPTO_SHA256, (struct ss_span){ der, (size_t)n }, s->id);
	OPENSSL_free(der);
}

int ep_sender_read(struct ss_span certificate, struct ss_span key, struct ep_sender **ret,
		   struct ss_err *err)
{
	AUTO_SENDER struct ep_sender *s = ss_calloc(1, sizeof(*s));
	BIO *c = memory(certificate), *k = memory(key);
	char nothing[] = ""; /* the passphrase, so that nobody is asked for one */

	if (c != NULL)
		s->certificate = PEM_read_bio_X509(c, NULL, NULL, nothing);
	if (k != NULL)
		s->key = PEM_read_bio_PrivateKey(k, NULL, NULL, nothing);
	BIO_free(c);
	BIO_free(k);
	ERR_clear_error();
	if (s->certificate == NULL)
		return ss_fail(err, SS_EINPUT, "the sender's certificate: no certificate in PEM");
	if (s->key == NULL)
		return ss_fail(err, SS_EINPUT,
			       "the sender's key: no private key in PEM without a passphrase");
	if (X509_check_private_key(s->certificate, s->key) != 1) {
		ERR_clear_error();
		return ss_fail(err, SS_EINPUT, "the sender's key is not that of the certificate");
	}
	put_id(s);
	*ret = TAKE_PTR(s);
	return 0;
}

void ep_sender_free(struct ep_sender *s)
{
	if (s == NULL)
		return;
	X509_free(s->certificate);
	EVP_PKEY_free(s->key); /* which wipes it */
	free(s);
}

void ep_sender_id(const struct ep_sender *s, uint8_t ret[EP_SENDER_ID])
{
	for (size_t i = 0; i < EP_SENDER_ID; i++)
		ret[i] = s->id[i];
}

static int on_asked(SSL *ssl, void *arg)
{
	(void)ssl;
	*(bool *)arg = true;
	return 1;
}

void ep_sender_offer(const struct ep_sender *s, SSL *ssl, bool *asked)
{
	*asked = false;
	(void)SSL_use_certificate(ssl, s->certificate);
	(void)SSL_use_PrivateKey(ssl, s->key);
	SSL_set_cert_cb(ssl, on_asked, asked);
}

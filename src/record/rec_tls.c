/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_tls.h"

#include "base/mem.h"
#include "record/rec_jks.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#define NOT_BEFORE 0
#define NOT_AFTER 4102444799 /* the end of 2099 */

struct rec_authority {
	EVP_PKEY *key;
	EVP_PKEY *leaf_key; /* of all certificates */
	X509 *cert;
};

struct rec_tls {
	SSL_CTX *ctx;
	SSL *ssl;
	bool waits;
};

static int fail(struct ss_err *err, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return ss_fail(err, SS_ESYS, "%s: %s", what, why != NULL ? why : "no reason is given");
}

/* --- certificates --------------------------------------------------------------------------------
 */

static bool put_serial(X509 *x)
{
	uint64_t v = 0;

	return RAND_bytes((uint8_t *)&v, sizeof(v)) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), v >> 1 | 1) == 1;
}

static bool put_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	ok = e != NULL && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static bool put_name(X509 *x, const char *text)
{
	X509_NAME *n = X509_NAME_new();
	const bool ok = n != NULL &&
			X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const uint8_t *)text,
						   -1, -1, 0) == 1 &&
			X509_set_subject_name(x, n) == 1;

	X509_NAME_free(n);
	return ok;
}

static bool fill(X509 *x, const char *name, EVP_PKEY *key)
{
	return X509_set_version(x, X509_VERSION_3) == 1 && put_serial(x) && put_name(x, name) &&
	       ASN1_TIME_set(X509_getm_notBefore(x), NOT_BEFORE) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(x), NOT_AFTER) != NULL &&
	       X509_set_pubkey(x, key) == 1;
}

static bool make_authority(struct rec_authority *a)
{
	a->key = EVP_EC_gen("P-256");
	a->leaf_key = EVP_EC_gen("P-256");
	a->cert = X509_new();
	return a->key != NULL && a->leaf_key != NULL && a->cert != NULL &&
	       fill(a->cert, REC_AUTHORITY_NAME, a->key) &&
	       X509_set_issuer_name(a->cert, X509_get_subject_name(a->cert)) == 1 &&
	       put_extension(a->cert, a->cert, NID_basic_constraints,
			     "critical,CA:TRUE,pathlen:0") &&
	       put_extension(a->cert, a->cert, NID_key_usage, "critical,keyCertSign") &&
	       put_extension(a->cert, a->cert, NID_subject_key_identifier, "hash") &&
	       X509_sign(a->cert, a->key, EVP_sha256()) > 0;
}

struct rec_authority *rec_authority_new(struct ss_err *err)
{
	struct rec_authority *a = ss_calloc(1, sizeof(*a));

	if (make_authority(a))
		return a;
	(void)fail(err, "cannot make the recorder's certificate");
	rec_authority_free(a);
	return NULL;
}

void rec_authority_free(struct rec_authority *a)
{
	if (a == NULL)
		return;
	EVP_PKEY_free(a->key);
	EVP_PKEY_free(a->leaf_key);
	X509_free(a->cert);
	free(a);
}

int rec_authority_jks(const struct rec_authority *a, struct ss_buf *ret, struct ss_err *err)
{
	uint8_t *der = NULL;
	const int n = i2d_X509(a->cert, &der);
	int rc;

	if (n <= 0)
		return fail(err, "cannot write the recorder's certificate");
	rc = rec_jks_write((struct ss_span){ der, (size_t)n }, ret, err);
	OPENSSL_free(der);
	return rc;
}

int rec_authority_pem(const struct rec_authority *a, struct ss_buf *ret, struct ss_err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n = 0;
	int rc = 0;

	if (bio == NULL || PEM_write_bio_X509(bio, a->cert) != 1)
		rc = fail(err, "cannot write the recorder's certificate");
	else
		n = BIO_get_mem_data(bio, &p);
	if (rc == 0)
		ss_buf_put(ret, (struct ss_span){ (const uint8_t *)p, (size_t)n });
	BIO_free(bio);
	return rc < 0 ? -1 : ss_buf_check(ret, "certificate", err);
}

/* "DNS:name" or "IP:address"; the host's characters were checked when the URL was read. */
static bool make_leaf(const struct rec_authority *a, const char *host, X509 *x)
{
	uint8_t address[16];
	char san[300];
	const bool is_ip =
		inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;

	(void)snprintf(san, sizeof(san), "%s:%s", is_ip ? "IP" : "DNS", host);
	return fill(x, "selfsame: recorded", a->leaf_key) &&
	       X509_set_issuer_name(x, X509_get_subject_name(a->cert)) == 1 &&
	       put_extension(x, a->cert, NID_basic_constraints, "critical,CA:FALSE") &&
	       put_extension(x, a->cert, NID_key_usage, "critical,digitalSignature") &&
	       put_extension(x, a->cert, NID_ext_key_usage, "serverAuth") &&
	       put_extension(x, a->cert, NID_authority_key_identifier, "keyid:always") &&
	       put_extension(x, a->cert, NID_subject_alt_name, san) &&
	       X509_sign(x, a->key, EVP_sha256()) > 0;
}

/* --- the connection ------------------------------------------------------------------------------
 */

static int select_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_n,
		       const unsigned char *in, unsigned n, void *ctx)
{
	static const unsigned char ours[] = "\x08http/1.1\x02h2"; /* the first that it offers */
	unsigned char *out = NULL;

	(void)ssl;
	(void)ctx;
	if (SSL_select_next_proto(&out, ret_n, ours, sizeof(ours) - 1, in, n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*ret = out;
	return SSL_TLSEXT_ERR_OK;
}

static bool set_up(const struct rec_authority *a, const char *host, int fd, struct rec_tls *t)
{
	X509 *leaf = X509_new();
	bool ok = leaf != NULL && make_leaf(a, host, leaf);

	t->ctx = SSL_CTX_new(TLS_server_method());
	ok = ok && t->ctx != NULL && SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) == 1 &&
	     SSL_CTX_use_certificate(t->ctx, leaf) == 1 &&
	     SSL_CTX_use_PrivateKey(t->ctx, a->leaf_key) == 1;
	X509_free(leaf);
	if (!ok)
		return false;
	SSL_CTX_set_alpn_select_cb(t->ctx, select_alpn, NULL);
	(void)SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(t->ctx, 0);
	t->ssl = SSL_new(t->ctx);
	return t->ssl != NULL && SSL_set_fd(t->ssl, fd) == 1;
}

struct rec_tls *rec_tls_accept(const struct rec_authority *a, const char *host, int fd,
			       struct ss_err *err)
{
	struct rec_tls *t = ss_calloc(1, sizeof(*t));

	if (set_up(a, host, fd, t) && SSL_accept(t->ssl) == 1)
		return t;
	(void)fail(err, "TLS with the step");
	rec_tls_free(t);
	return NULL;
}

void rec_tls_free(struct rec_tls *t)
{
	if (t == NULL)
		return;
	if (t->ssl != NULL && SSL_is_init_finished(t->ssl) == 1)
		(void)SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	ERR_clear_error();
	free(t);
}

/* Whether an operation that did nothing is to be tried again. */
static ssize_t note(struct rec_tls *t, int rc)
{
	const int why = rc > 0 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, rc);

	t->waits = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
	ERR_clear_error();
	return rc;
}

ssize_t rec_tls_read(struct rec_tls *t, uint8_t *p, size_t n)
{
	return note(t, SSL_read(t->ssl, p, n < INT_MAX ? (int)n : INT_MAX));
}

ssize_t rec_tls_write(struct rec_tls *t, struct ss_span s)
{
	return note(t, SSL_write(t->ssl, s.p, s.n < INT_MAX ? (int)s.n : INT_MAX));
}

bool rec_tls_waits(const struct rec_tls *t)
{
	return t->waits;
}

bool rec_tls_is_h2(const struct rec_tls *t)
{
	const unsigned char *p = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(t->ssl, &p, &n);
	return n == 2 && memcmp(p, "h2", 2) == 0;
}

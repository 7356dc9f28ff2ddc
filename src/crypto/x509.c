/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/x509.h"

#include "base/date.h"
#include "base/text.h"
#include "crypto/openssl.h"

#include <assert.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

struct crypto_cert {
	X509 *x;
	int64_t not_before;
	int64_t not_after;
};

/* OpenSSL checks the digits when it reads the certificate's times, not when it reads it. */
static int read_time(const ASN1_TIME *t, int64_t *ret, struct ss_err *err)
{
	struct tm tm = { 0 };
	struct ss_date d;

	if (ASN1_TIME_to_tm(t, &tm) != 1) {
		ERR_clear_error();
		return ss_fail(err, SS_EINPUT, "the certificate has a date that is none");
	}
	d = (struct ss_date){ .year = (int64_t)tm.tm_year + 1900,
			      .month = (unsigned)tm.tm_mon + 1,
			      .day = (unsigned)tm.tm_mday,
			      .hour = (unsigned)tm.tm_hour,
			      .minute = (unsigned)tm.tm_min,
			      .second = (unsigned)tm.tm_sec };
	*ret = ss_date_unix(&d);
	return 0;
}

/* PEM can be encrypted, certificates too, and OpenSSL would ask the terminal for the passphrase. */
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
static int no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	(void)buf, (void)size, (void)rwflag;
	*(bool *)asked = true;
	return -1;
}

int crypto_cert_read_pem(struct ss_span pem, struct crypto_cert **ret, struct ss_err *err)
{
	AUTO_CERT struct crypto_cert *c = ss_calloc(1, sizeof(*c));
	bool asked = false;
	BIO *bio;

	if (pem.n > INT32_MAX)
		return ss_fail(err, SS_ELIMIT, "a certificate of %zu bytes", pem.n);
	bio = BIO_new_mem_buf(pem.n > 0 ? (const void *)pem.p : "", (int)pem.n);
	if (bio == NULL)
		return crypto_fail(err, "cannot read a certificate");
	c->x = PEM_read_bio_X509(bio, NULL, no_passphrase, &asked);
	BIO_free(bio);
	ERR_clear_error();
	if (c->x == NULL && asked)
		return ss_fail(err, SS_EINPUT, "the certificate is encrypted with a passphrase");
	if (c->x == NULL)
		return ss_fail(err, SS_EINPUT, "there is no certificate in PEM form");
	if (read_time(X509_get0_notBefore(c->x), &c->not_before, err) < 0 ||
	    read_time(X509_get0_notAfter(c->x), &c->not_after, err) < 0)
		return -1;
	*ret = TAKE_PTR(c);
	return 0;
}

/* --- PEM text that holds certificates only -------------------------------------------------- */

static const char begin_line[] = "-----BEGIN CERTIFICATE-----";
static const char end_line[] = "-----END CERTIFICATE-----";

/* Takes one line off the front; its end, "\n" or "\r\n", is not in *ret. */
static bool next_line(struct ss_span *in, struct ss_span *ret)
{
	const uint8_t *nl;

	if (in->n == 0)
		return false;
	nl = memchr(in->p, '\n', in->n);
	ret->p = in->p;
	ret->n = nl != NULL ? (size_t)(nl - in->p) : in->n;
	in->n -= nl != NULL ? ret->n + 1 : ret->n;
	in->p += nl != NULL ? ret->n + 1 : ret->n;
	if (ret->n > 0 && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

static bool is_blank(struct ss_span line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] != ' ' && line.p[i] != '\t')
			return false;
	return true;
}

static bool is_base64(struct ss_span line)
{
	for (size_t i = 0; i < line.n; i++) {
		const uint8_t c = line.p[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '+' && c != '/' && c != '=')
			return false;
	}
	return line.n > 0;
}

/* Each in its turn, while `on` gives 0. */
typedef int (*on_cert)(void *ctx, struct crypto_cert **c, struct ss_err *err);

static int each_pem(struct ss_span pem, on_cert on, void *ctx, size_t *ret_n, struct ss_err *err)
{
	struct ss_span in = pem, line, from = { NULL, 0 };
	size_t n = 0;

	for (size_t no = 1; next_line(&in, &line); no++) {
		AUTO_CERT struct crypto_cert *c = NULL;

		if (from.p == NULL && ss_is(line, begin_line)) {
			from = line;
		} else if (from.p != NULL && ss_is(line, end_line)) {
			from.n = (size_t)(line.p - from.p) + line.n;
			if (crypto_cert_read_pem(from, &c, err) < 0)
				return ss_ctx(err, "certificate %zu, which ends in line %zu", n + 1,
					      no);
			if (on(ctx, &c, err) < 0)
				return -1;
			n++;
			from.p = NULL;
		} else if (from.p != NULL ? !is_base64(line) : !is_blank(line)) {
			return ss_fail(err, SS_EINPUT,
				       "line %zu is no part of a certificate in PEM form", no);
		}
	}
	if (from.p != NULL)
		return ss_fail(err, SS_EINPUT, "certificate %zu does not end", n + 1);
	if (n == 0)
		return ss_fail(err, SS_EINPUT, "there is no certificate in PEM form");
	*ret_n = n;
	return 0;
}

static int keep_first(void *ctx, struct crypto_cert **c, struct ss_err *err)
{
	struct crypto_cert **first = ctx;

	(void)err;
	if (*first == NULL)
		*first = TAKE_PTR(*c);
	return 0;
}

int crypto_cert_read_pem_only(struct ss_span pem, struct crypto_cert **ret, struct ss_err *err)
{
	AUTO_CERT struct crypto_cert *first = NULL;
	size_t n;

	if (each_pem(pem, keep_first, &first, &n, err) < 0)
		return -1;
	*ret = TAKE_PTR(first);
	return 0;
}

static int put_der(void *ctx, struct crypto_cert **c, struct ss_err *err)
{
	struct ss_buf *all = ctx;

	crypto_cert_der(*c, all);
	return ss_buf_check(all, "the chain", err);
}

int crypto_certs_put_der(struct ss_span pem, struct ss_buf *ret, size_t *ret_n, struct ss_err *err)
{
	return each_pem(pem, put_der, ret, ret_n, err);
}

void crypto_cert_free(struct crypto_cert *c)
{
	if (c == NULL)
		return;
	X509_free(c->x);
	free(c);
}

/* --- what it says --------------------------------------------------------------------------- */

void crypto_cert_der(const struct crypto_cert *c, struct ss_buf *ret)
{
	uint8_t *der = NULL;
	const int n = i2d_X509(c->x, &der);

	assert(n > 0);
	ss_buf_put(ret, (struct ss_span){ der, (size_t)n });
	OPENSSL_free(der);
}

int64_t crypto_cert_not_before(const struct crypto_cert *c)
{
	return c->not_before;
}

int64_t crypto_cert_not_after(const struct crypto_cert *c)
{
	return c->not_after;
}

void crypto_date_text(int64_t unix_s, char ret[CRYPTO_DATE_SIZE])
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	const struct ss_date d = ss_date_of(unix_s);

	(void)snprintf(ret, CRYPTO_DATE_SIZE, "%s %2u %02u:%02u:%02u %lld GMT", months[d.month - 1],
		       d.day, d.hour, d.minute, d.second, (long long)d.year);
}

static void each_name(const X509_NAME *name, crypto_name_put put, void *ctx)
{
	const int n = X509_NAME_entry_count(name);

	for (int i = 0; i < n; i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
		unsigned char *utf8 = NULL;
		char key[128];
		int len;

		(void)OBJ_obj2txt(key, sizeof(key), X509_NAME_ENTRY_get_object(e), 0);
		len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(e));
		ERR_clear_error();
		put(ctx, key, (struct ss_span){ utf8, len > 0 ? (size_t)len : 0 });
		OPENSSL_free(utf8);
	}
}

void crypto_cert_issuer(const struct crypto_cert *c, crypto_name_put put, void *ctx)
{
	each_name(X509_get_issuer_name(c->x), put, ctx);
}

void crypto_cert_subject(const struct crypto_cert *c, crypto_name_put put, void *ctx)
{
	each_name(X509_get_subject_name(c->x), put, ctx);
}

void crypto_cert_algorithm(const struct crypto_cert *c, char *ret, size_t room)
{
	const X509_ALGOR *alg = NULL;
	const ASN1_OBJECT *o = NULL;

	X509_get0_signature(NULL, &alg, c->x);
	X509_ALGOR_get0(&o, NULL, NULL, alg);
	ret[0] = '\0';
	(void)OBJ_obj2txt(ret, (int)room, o, 0);
}

struct ss_span crypto_cert_signature(const struct crypto_cert *c)
{
	const ASN1_BIT_STRING *s = NULL;

	X509_get0_signature(&s, NULL, c->x);
	return (struct ss_span){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

/* --- its key -------------------------------------------------------------------------------- */

int crypto_cert_curve(const struct crypto_cert *c, enum crypto_curve *ret, struct ss_err *err)
{
	const EVP_PKEY *p = X509_get0_pubkey(c->x);

	if (p == NULL) {
		ERR_clear_error();
		return ss_fail(err, SS_EINPUT, "the certificate's key cannot be read");
	}
	return crypto_pkey_curve(p, "the certificate's key", ret, err);
}

bool crypto_cert_has_key(const struct crypto_cert *c, const struct crypto_key *k)
{
	const EVP_PKEY *p = X509_get0_pubkey(c->x);
	const bool same = p != NULL && EVP_PKEY_eq(p, k->pkey) == 1;

	ERR_clear_error();
	return same;
}

/* r ‖ s in the form that OpenSSL reads; NULL only for lack of memory. */
static unsigned char *to_der(struct ss_span rs, int *ret_n)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs.p, (int)(rs.n / 2), NULL);
	BIGNUM *s = BN_bin2bn(rs.p + rs.n / 2, (int)(rs.n / 2), NULL);
	unsigned char *der = NULL;

	if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		*ret_n = i2d_ECDSA_SIG(sig, &der);
	}
	ECDSA_SIG_free(sig);
	return der;
}

int crypto_cert_verify(const struct crypto_cert *c, struct ss_span digest, struct ss_span rs,
		       struct ss_err *err)
{
	EVP_PKEY_CTX *ctx;
	enum crypto_curve curve;
	unsigned char *der;
	int n = 0, rc;

	if (crypto_cert_curve(c, &curve, err) < 0)
		return -1;
	if (rs.n != 2 * crypto_curve_size(curve))
		return ss_fail(err, SS_EVERIFY, "the signature has %zu bytes, those of %s have %zu",
			       rs.n, crypto_curve_name(curve), 2 * crypto_curve_size(curve));
	ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(c->x), NULL);
	der = to_der(rs, &n);
	rc = ctx != NULL && der != NULL && EVP_PKEY_verify_init(ctx) == 1
		     ? EVP_PKEY_verify(ctx, der, (size_t)n, digest.p, digest.n)
		     : -2;
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	if (rc == -2)
		return crypto_fail(err, "cannot verify a signature");
	ERR_clear_error();
	if (rc != 1)
		return ss_fail(err, SS_EVERIFY, "the signature is not by the certificate's key");
	return 0;
}

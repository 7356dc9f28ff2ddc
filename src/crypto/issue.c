/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/issue.h"

#include "base/mem.h"
#include "crypto/openssl.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SERIAL_SIZE 16

int crypto_key_new(enum crypto_curve curve, struct crypto_key **ret, struct ss_err *err)
{
	AUTO_KEY struct crypto_key *k = ss_calloc(1, sizeof(*k));

	k->curve = curve;
	k->pkey = EVP_EC_gen(OBJ_nid2sn(crypto_curve_nid(curve)));
	if (k->pkey == NULL)
		return crypto_fail(err, "cannot make a key");
	*ret = TAKE_PTR(k);
	return 0;
}

/* Appends what was written to `bio`, and wipes it there. */
static int put_bio(BIO *bio, struct ss_buf *ret, struct ss_err *err)
{
	char *p = NULL;
	const long n = BIO_get_mem_data(bio, &p);

	if (n <= 0)
		return crypto_fail(err, "cannot write PEM text");
	ss_buf_put(ret, (struct ss_span){ (const uint8_t *)p, (size_t)n });
	OPENSSL_cleanse(p, (size_t)n);
	return ss_buf_check(ret, "PEM text", err);
}

int crypto_key_put_pem(const struct crypto_key *k, struct ss_buf *ret, struct ss_err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) != 1)
		rc = crypto_fail(err, "cannot write a private key");
	else
		rc = put_bio(bio, ret, err);
	BIO_free(bio);
	return rc;
}

int crypto_cert_put_pem(struct ss_span der, struct ss_buf *ret, struct ss_err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc;

	if (bio == NULL || der.n > INT32_MAX ||
	    PEM_write_bio(bio, "CERTIFICATE", "", der.p, (long)der.n) <= 0)
		rc = crypto_fail(err, "cannot write a certificate");
	else
		rc = put_bio(bio, ret, err);
	BIO_free(bio);
	return rc;
}

int crypto_request_put_pem(struct ss_span der, struct ss_buf *ret, struct ss_err *err)
{
	const uint8_t *p = der.p;
	X509_REQ *r = der.n <= INT32_MAX ? d2i_X509_REQ(NULL, &p, (long)der.n) : NULL;
	EVP_PKEY *key = r != NULL ? X509_REQ_get0_pubkey(r) : NULL;
	const bool holds = key != NULL && p == der.p + der.n && X509_REQ_verify(r, key) == 1;
	BIO *bio = BIO_new(BIO_s_mem());
	int rc;

	if (!holds)
		rc = ss_fail(err, SS_EINPUT, "what the enclave made is no certificate request");
	else if (bio == NULL || PEM_write_bio_X509_REQ(bio, r) != 1)
		rc = crypto_fail(err, "cannot write a certificate request");
	else
		rc = put_bio(bio, ret, err);
	ERR_clear_error();
	BIO_free(bio);
	X509_REQ_free(r);
	return rc;
}

/* --- a certificate --------------------------------------------------------------------------- */

static bool put_text(X509_NAME *name, const char *key, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8, (const unsigned char *)text, -1,
					  -1, 0) == 1;
}

static bool put_subject(X509 *x, const struct crypto_issue *i)
{
	X509_NAME *name = X509_NAME_new();
	const bool good = name != NULL && put_text(name, "O", i->organization) &&
			  put_text(name, "CN", i->common_name) &&
			  X509_set_subject_name(x, name) == 1;

	X509_NAME_free(name);
	return good;
}

/* Positive, and not with a leading zero. */
static bool put_serial(X509 *x)
{
	uint8_t bytes[SERIAL_SIZE];
	BIGNUM *n = NULL;
	bool good;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40);
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	good = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return good;
}

static bool put_times(X509 *x, const struct crypto_issue *i)
{
	return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)i->not_before) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(x), (time_t)i->not_after) != NULL;
}

static bool put_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_nconf_nid(NULL, ctx, nid, value);
	const bool good = e != NULL && X509_add_ext(x, e, -1) == 1;

	X509_EXTENSION_free(e);
	return good;
}

/* The same as AWS's, authorities and leaf: eif-nitro's chain has no other extensions but CRLs. */
static bool put_extensions(X509 *x, X509 *issuer, const struct crypto_issue *i)
{
	char constraints[64] = "critical,CA:FALSE";
	X509V3_CTX ctx;

	if (i->is_ca && i->path_len == CRYPTO_NO_PATH_LEN)
		(void)snprintf(constraints, sizeof(constraints), "critical,CA:TRUE");
	else if (i->is_ca)
		(void)snprintf(constraints, sizeof(constraints), "critical,CA:TRUE,pathlen:%d",
			       i->path_len);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	if (!put_extension(x, &ctx, NID_basic_constraints, constraints) ||
	    !put_extension(x, &ctx, NID_key_usage, i->usage))
		return false;
	if (!i->is_ca)
		return true;
	if (!put_extension(x, &ctx, NID_subject_key_identifier, "hash"))
		return false;
	return issuer == x || put_extension(x, &ctx, NID_authority_key_identifier, "keyid:always");
}

static bool fill(X509 *x, X509 *issuer, const struct crypto_issue *i)
{
	return X509_set_version(x, X509_VERSION_3) == 1 && put_serial(x) && put_subject(x, i) &&
	       put_times(x, i) && X509_set_pubkey(x, i->key->pkey) == 1 &&
	       X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 &&
	       put_extensions(x, issuer, i) && X509_sign(x, i->issuer_key->pkey, EVP_sha384()) > 0;
}

static int put_der(X509 *x, struct ss_buf *ret, struct ss_err *err)
{
	unsigned char *der = NULL;
	const int n = i2d_X509(x, &der);

	if (n <= 0)
		return crypto_fail(err, "cannot write a certificate");
	ss_buf_put(ret, (struct ss_span){ der, (size_t)n });
	OPENSSL_free(der);
	return ss_buf_check(ret, "a certificate", err);
}

int crypto_issue_cert(const struct crypto_issue *i, struct ss_buf *ret, struct ss_err *err)
{
	const unsigned char *p = i->issuer.p;
	X509 *issuer = p != NULL ? d2i_X509(NULL, &p, (long)i->issuer.n) : NULL;
	X509 *x = X509_new();
	int rc;

	if (x == NULL || (i->issuer.p != NULL && issuer == NULL) ||
	    !fill(x, issuer != NULL ? issuer : x, i))
		rc = crypto_fail(err, "cannot make a certificate");
	else
		rc = put_der(x, ret, err);
	X509_free(issuer);
	X509_free(x);
	return rc;
}

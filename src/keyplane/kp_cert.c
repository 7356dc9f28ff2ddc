/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/frame.h"
#include "keyplane/kp_limits.h"
#include "keyplane/kp_tls_parts.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SERIAL_SIZE 16
#define OWN_NAME "selfsame enclave, self-signed"

/* --- of our own ------------------------------------------------------------------------------ */

static bool put_serial(X509 *x)
{
	uint8_t raw[SERIAL_SIZE];
	BIGNUM *n;
	bool good;

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return false;
	raw[0] = (uint8_t)((raw[0] & 0x7fu) | 0x40u); /* positive, of one length */
	n = BN_bin2bn(raw, sizeof(raw), NULL);
	good = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return good;
}

//= rfc5280#section-4.1.2.5
//# To indicate that a certificate has no well-defined expiration date, the notAfter SHOULD be
//# assigned the GeneralizedTime value of 99991231235959Z.
static bool put_times(X509 *x)
{
	return ASN1_TIME_set_string(X509_getm_notBefore(x), "20200101000000Z") == 1 &&
	       ASN1_TIME_set_string(X509_getm_notAfter(x), "99991231235959Z") == 1;
}

static bool put_own_name(X509 *x)
{
	X509_NAME *name = X509_NAME_new();
	const bool good =
		name != NULL &&
		X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
					   (const unsigned char *)OWN_NAME, -1, -1, 0) == 1 &&
		X509_set_subject_name(x, name) == 1 && X509_set_issuer_name(x, name) == 1;

	X509_NAME_free(name);
	return good;
}

/* Appends the DER of a certificate. */
static bool put_der(const X509 *x, struct ss_buf *ret)
{
	uint8_t *der = NULL;
	const int n = i2d_X509(x, &der);

	if (n > 0)
		ss_buf_put(ret, (struct ss_span){ der, (size_t)n });
	OPENSSL_free(der);
	return n > 0 && !ret->bad;
}

int kp_cert_self_signed(struct kp_tls *t, struct ss_err *err)
{
	X509 *x = X509_new();
	const bool good = x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && put_serial(x) &&
			  put_times(x) && put_own_name(x) && X509_set_pubkey(x, t->key) == 1 &&
			  X509_sign(x, t->key, EVP_sha256()) > 0 &&
			  SSL_CTX_use_cert_and_key(t->ctx, x, t->key, NULL, 1) == 1 &&
			  put_der(x, &t->chain);

	X509_free(x);
	return good ? 0 : kp_fail_tls(err, SS_ESYS, "cannot make a certificate");
}

/* --- a request for one ----------------------------------------------------------------------- */

static bool put_name(GENERAL_NAMES *all, struct ss_span s)
{
	GENERAL_NAME *n = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	if (n == NULL || text == NULL || ASN1_STRING_set(text, s.p, (int)s.n) != 1) {
		GENERAL_NAME_free(n);
		ASN1_IA5STRING_free(text);
		return false;
	}
	GENERAL_NAME_set0_value(n, GEN_DNS, text);
	if (sk_GENERAL_NAME_push(all, n) > 0)
		return true;
	GENERAL_NAME_free(n);
	return false;
}

static int read_names(struct ss_span in, GENERAL_NAMES *all, struct ss_err *err)
{
	struct ss_span name;
	size_t at = 0;

	if (!frame_is_names(in))
		return ss_fail(err, SS_EINPUT, "these are no names of DNS");
	while (frame_next_name(in, &at, &name))
		if (!put_name(all, name))
			return kp_fail_tls(err, SS_ESYS, "no memory for names");
	return 0;
}

static bool put_names(X509_REQ *r, GENERAL_NAMES *all)
{
	STACK_OF(X509_EXTENSION) *list = NULL;
	const bool good =
		X509V3_add1_i2d(&list, NID_subject_alt_name, all, 0, X509V3_ADD_APPEND) == 1 &&
		X509_REQ_add_extensions(r, list) == 1;

	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return good;
}

int kp_tls_csr(const struct kp_tls *t, struct ss_span names, struct ss_buf *ret, struct ss_err *err)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	X509_REQ *r = X509_REQ_new();
	uint8_t *der = NULL;
	int rc = -1, n = -1;

	if (all == NULL || r == NULL) {
		(void)kp_fail_tls(err, SS_ESYS, "no memory for a request");
	} else if (read_names(names, all, err) == 0) {
		if (X509_REQ_set_version(r, X509_REQ_VERSION_1) == 1 &&
		    X509_REQ_set_pubkey(r, t->key) == 1 && put_names(r, all) &&
		    X509_REQ_sign(r, t->key, EVP_sha256()) > 0)
			n = i2d_X509_REQ(r, &der);
		if (n <= 0) {
			(void)kp_fail_tls(err, SS_ESYS, "cannot make a request");
		} else {
			ss_buf_put(ret, (struct ss_span){ der, (size_t)n });
			rc = ss_buf_check(ret, "request", err);
		}
	}
	OPENSSL_free(der);
	X509_REQ_free(r);
	GENERAL_NAMES_free(all);
	return rc;
}

/* --- a chain of somebody --------------------------------------------------------------------- */

static int read_chain(struct ss_span in, X509 **leaf, STACK_OF(X509) * rest, struct ss_err *err)
{
	const uint8_t *p = in.p;
	const uint8_t *const end = in.p + in.n;

	if (in.n > KP_MAX_CHAIN)
		return ss_fail(err, SS_ELIMIT, "the chain has %zu bytes; the limit is %zu", in.n,
			       KP_MAX_CHAIN);
	for (unsigned i = 0; p < end; i++) {
		X509 *x;

		if (i == KP_MAX_CHAIN_CERTS)
			return ss_fail(err, SS_ELIMIT, "more than %u certificates",
				       KP_MAX_CHAIN_CERTS);
		x = d2i_X509(NULL, &p, end - p);
		if (x == NULL) {
			ERR_clear_error();
			return ss_fail(err, SS_EINPUT, "certificate %u cannot be read", i);
		}
		if (i == 0) {
			*leaf = x;
		} else if (sk_X509_push(rest, x) <= 0) {
			X509_free(x);
			return kp_fail_tls(err, SS_ESYS, "no memory for a chain");
		}
	}
	return *leaf != NULL ? 0 : ss_fail(err, SS_EINPUT, "there is no certificate");
}

static bool is_ours(const struct kp_tls *t, const X509 *leaf)
{
	const X509_PUBKEY *k = X509_get_X509_PUBKEY(leaf);
	uint8_t *der = NULL;
	const int n = k != NULL ? i2d_X509_PUBKEY(k, &der) : -1;
	const bool same = n > 0 && (size_t)n == t->n_spki && memcmp(der, t->spki, t->n_spki) == 0;

	OPENSSL_free(der);
	return same;
}

int kp_tls_set_chain(struct kp_tls *t, struct ss_span chain, struct ss_err *err)
{
	STACK_OF(X509) *rest = sk_X509_new_null();
	X509 *leaf = NULL;
	int rc = -1;

	if (rest == NULL) {
		(void)kp_fail_tls(err, SS_ESYS, "no memory for a chain");
	} else if (read_chain(chain, &leaf, rest, err) == 0) {
		if (!is_ours(t, leaf)) {
			(void)ss_fail(err, SS_EVERIFY, "the first certificate is not for our key");
		} else if (SSL_CTX_use_cert_and_key(t->ctx, leaf, t->key, rest, 1) != 1) {
			(void)kp_fail_tls(err, SS_EINPUT, "this chain cannot be served");
		} else {
			t->chain.n = 0;
			ss_buf_put(&t->chain, chain);
			rc = 0;
		}
	}
	X509_free(leaf);
	sk_X509_pop_free(rest, X509_free);
	return rc;
}

int kp_tls_put_pem(const struct kp_tls *t, struct ss_buf *ret, struct ss_err *err)
{
	const uint8_t *p = t->chain.p;
	const uint8_t *const end = p + t->chain.n;
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = bio != NULL;
	char *text = NULL;
	long n;

	while (good && p < end) {
		X509 *x = d2i_X509(NULL, &p, end - p);

		good = x != NULL && PEM_write_bio_X509(bio, x) == 1;
		X509_free(x);
	}
	n = good ? BIO_get_mem_data(bio, &text) : 0;
	if (n > 0)
		ss_buf_put(ret, (struct ss_span){ (const uint8_t *)text, (size_t)n });
	BIO_free(bio);
	return n > 0 ? ss_buf_check(ret, "chain", err)
		     : kp_fail_tls(err, SS_ESYS, "cannot write the chain");
}

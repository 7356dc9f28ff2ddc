/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/x509_chain.h"

#include "crypto/openssl.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#define P384_POINT_SIZE 97u /* 04, x, y */

/* OpenSSL's reader follows BER in places; what is signed, hashed and compared here is DER. */
static bool writes_back(X509 *x, struct ss_span der)
{
	unsigned char *again = NULL;
	const int n = i2d_X509(x, &again);
	const bool same = n > 0 && (size_t)n == der.n && memcmp(again, der.p, der.n) == 0;

	OPENSSL_free(again);
	return same;
}

int crypto_cert_read_der(struct ss_span der, struct crypto_cert **ret, struct ss_err *err)
{
	const unsigned char *p = der.p;
	X509 *x;

	if (der.n == 0 || der.n > INT32_MAX)
		return ss_fail(err, SS_EINPUT, "a certificate of %zu bytes", der.n);
	x = d2i_X509(NULL, &p, (long)der.n);
	ERR_clear_error();
	if (x == NULL || p != der.p + der.n || !writes_back(x, der)) {
		X509_free(x);
		return ss_fail(err, SS_EINPUT, "not a certificate in DER");
	}
	return crypto_cert_adopt(x, ret, err);
}

static bool is_oid(const X509_ALGOR *a, int nid)
{
	const ASN1_OBJECT *o = NULL;

	X509_ALGOR_get0(&o, NULL, NULL, a);
	return OBJ_obj2nid(o) == nid;
}

//= rfc5480#section-2.1.1
//# The parameter is the OID of a named curve; implicit and specified curves are not to be used
static bool has_p384(const X509 *x)
{
	X509_ALGOR *alg = NULL;
	const unsigned char *point = NULL;
	const ASN1_OBJECT *kind = NULL;
	const void *curve = NULL;
	int type = V_ASN1_UNDEF, n = 0;

	if (X509_PUBKEY_get0_param(NULL, &point, &n, &alg, X509_get_X509_PUBKEY(x)) != 1)
		return false;
	X509_ALGOR_get0(&kind, &type, &curve, alg);
	return OBJ_obj2nid(kind) == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT &&
	       OBJ_obj2nid(curve) == NID_secp384r1 && n == (int)P384_POINT_SIZE &&
	       point[0] == POINT_CONVERSION_UNCOMPRESSED && X509_get0_pubkey(x) != NULL;
}

static void note_oid(const ASN1_OBJECT *o, char ret[CRYPTO_OID_SIZE])
{
	if (ret[0] == '\0')
		(void)OBJ_obj2txt(ret, (int)CRYPTO_OID_SIZE, o, 1);
}

static void look_through_extensions(const X509 *x, struct crypto_cert_facts *f)
{
	const int n = X509_get_ext_count(x);

	for (int i = 0; i < n; i++) {
		X509_EXTENSION *e = X509_get_ext(x, i);
		const ASN1_OBJECT *o = X509_EXTENSION_get_object(e);
		const int nid = OBJ_obj2nid(o);

		if (X509_get_ext_by_OBJ(x, o, i) >= 0) /* after this one */
			note_oid(o, f->repeated);
		if (X509_EXTENSION_get_critical(e) != 0 && nid != NID_basic_constraints &&
		    nid != NID_key_usage)
			note_oid(o, f->critical);
	}
}

static int read_constraints(const X509 *x, struct crypto_cert_facts *f, struct ss_err *err)
{
	int critical = -1;
	BASIC_CONSTRAINTS *b = X509_get_ext_d2i(x, NID_basic_constraints, &critical, NULL);
	int64_t n = 0;

	if (b == NULL) /* -1: there is none; -2: there are two, which the caller refuses */
		return critical == -1 || critical == -2
			       ? 0
			       : ss_fail(err, SS_EINPUT, "basicConstraints cannot be read");
	f->has_constraints = true;
	f->constraints_critical = critical > 0;
	f->is_ca = b->ca != 0;
	f->has_path_len = b->pathlen != NULL;
	if (f->has_path_len) {
		const bool ok = ASN1_INTEGER_get_int64(&n, b->pathlen) == 1;
		const bool negative = (ASN1_STRING_type(b->pathlen) & V_ASN1_NEG) != 0;

		if (negative) {
			BASIC_CONSTRAINTS_free(b);
			return ss_fail(err, SS_EINPUT, "pathLenConstraint is negative");
		}
		f->path_len = ok && n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
	}
	BASIC_CONSTRAINTS_free(b);
	return 0;
}

static int read_usage(const X509 *x, struct crypto_cert_facts *f, struct ss_err *err)
{
	enum { DIGITAL_SIGNATURE = 0, KEY_CERT_SIGN = 5, BITS = 9 };
	int critical = -1;
	ASN1_BIT_STRING *u = X509_get_ext_d2i(x, NID_key_usage, &critical, NULL);

	if (u == NULL)
		return critical == -1 || critical == -2
			       ? 0
			       : ss_fail(err, SS_EINPUT, "keyUsage cannot be read");
	f->has_usage = true;
	for (int i = 0; i < BITS; i++) {
		if (ASN1_BIT_STRING_get_bit(u, i) == 0)
			continue;
		f->usage |= i == DIGITAL_SIGNATURE ? CRYPTO_USAGE_SIGN
			    : i == KEY_CERT_SIGN   ? CRYPTO_USAGE_CERT_SIGN
						   : CRYPTO_USAGE_OTHER;
	}
	ASN1_BIT_STRING_free(u);
	return 0;
}

static struct ss_span name_of(const X509_NAME *name)
{
	const unsigned char *p = NULL;
	size_t n = 0;

	if (X509_NAME_get0_der(name, &p, &n) != 1)
		return (struct ss_span){ NULL, 0 };
	return (struct ss_span){ p, n };
}

int crypto_cert_facts(const struct crypto_cert *c, struct crypto_cert_facts *ret,
		      struct ss_err *err)
{
	struct crypto_cert_facts f = { .not_before = c->not_before, .not_after = c->not_after };
	const X509_ALGOR *outer = NULL;

	X509_get0_signature(NULL, &outer, c->x);
	f.is_v3 = X509_get_version(c->x) == X509_VERSION_3;
	f.is_p384 = has_p384(c->x);
	f.is_ecdsa_sha384 = is_oid(outer, NID_ecdsa_with_SHA384) &&
			    is_oid(X509_get0_tbs_sigalg(c->x), NID_ecdsa_with_SHA384);
	f.subject = name_of(X509_get_subject_name(c->x));
	f.issuer = name_of(X509_get_issuer_name(c->x));
	look_through_extensions(c->x, &f);
	if (read_constraints(c->x, &f, err) < 0 || read_usage(c->x, &f, err) < 0) {
		ERR_clear_error();
		return -1;
	}
	ERR_clear_error();
	*ret = f;
	return 0;
}

bool crypto_cert_signed_by(const struct crypto_cert *c, const struct crypto_cert *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer->x);
	const bool holds = key != NULL && X509_verify(c->x, key) == 1;

	ERR_clear_error();
	return holds;
}

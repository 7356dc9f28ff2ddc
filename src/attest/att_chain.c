/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_chain.h"

#include "attest/att_cache.h"
#include "base/date.h"
#include "fmt/cbor.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

const uint8_t att_aws_root[CRYPTO_SHA256_SIZE] = {
	0x64, 0x1a, 0x03, 0x21, 0xa3, 0xe2, 0x44, 0xef, 0xe4, 0x56, 0x46,
	0x31, 0x95, 0xd6, 0x06, 0x31, 0x7e, 0xd7, 0xcd, 0xcc, 0x3c, 0x17,
	0x56, 0xe0, 0x98, 0x93, 0xf3, 0xc6, 0x8f, 0x79, 0xbb, 0x5b,
};

struct att_root att_root_aws(void)
{
	struct att_root r = { .is_aws = true };

	memcpy(r.sha256, att_aws_root, sizeof(r.sha256));
	return r;
}

struct att_root att_root_of(const struct crypto_cert *root)
{
	AUTO_BUF struct ss_buf der = SS_BUF_INIT((size_t)INT32_MAX);
	struct att_root r = { 0 };

	crypto_cert_der(root, &der);
	crypto_hash_once(CRYPTO_SHA256, ss_buf_span(&der), r.sha256);
	r.is_aws = memcmp(r.sha256, att_aws_root, sizeof(r.sha256)) == 0;
	return r;
}

/* --- one certificate ------------------------------------------------------------------------- */

/* Where it stands: 0 is the root, n_bundle the leaf. */
struct place {
	size_t i;
	size_t n_bundle;
	char name[32]; /* for messages */
};

static struct place place_at(size_t i, size_t n_bundle)
{
	struct place p = { .i = i, .n_bundle = n_bundle };

	if (i == n_bundle)
		(void)snprintf(p.name, sizeof(p.name), "the leaf certificate");
	else
		(void)snprintf(p.name, sizeof(p.name), "cabundle[%zu]", i);
	return p;
}

static bool is_leaf(const struct place *p)
{
	return p->i == p->n_bundle;
}

static int read_cert(const struct place *p, struct ss_span der, struct crypto_cert_facts *f,
		     struct att_no *no)
{
	struct ss_err err = { 0 };

	if (crypto_cert_facts_read(der, f, &err) == 0)
		return 0;
	return att_refuse(no, ATT_NO_CERTIFICATE, "%s cannot be read: %s", p->name, err.msg);
}

//= aws-attestation#3.2.3.2
//# basicConstraints appears as a critical extension in all CA certificates; pathLenConstraint is
//# the number of CA certificates that may follow
static int check_issuer(const struct place *p, const struct crypto_cert_facts *f, struct att_no *no)
{
	const size_t after = p->n_bundle - 1 - p->i; /* CA certificates */

	if (!f->has_constraints || !f->constraints_critical || !f->is_ca)
		return att_refuse(no, ATT_NO_CA_CONSTRAINTS,
				  "%s has no critical basicConstraints with CA true", p->name);
	//= aws-attestation#3.2.3.3
	//# All but the target: keyCertSign is present, no chain longer than the pathLenConstraint
	if (!f->has_usage || (f->usage & CRYPTO_USAGE_CERT_SIGN) == 0)
		return att_refuse(no, ATT_NO_CA_KEY_USAGE, "%s may not sign certificates", p->name);
	if (f->has_path_len && after > f->path_len)
		return att_refuse(no, ATT_NO_PATH_LENGTH,
				  "%s allows %" PRIu32 " issuers below it; there are %zu", p->name,
				  f->path_len, after);
	return 0;
}

//= aws-attestation#3.2.3.3
//# The target: digitalSignature is present, pathLenConstraint undefined
//= rfc5280#section-4.2.1.3
//# If keyCertSign is asserted, CA in basicConstraints is asserted too
static int check_leaf(const struct place *p, const struct crypto_cert_facts *f, struct att_no *no)
{
	if (f->is_ca || f->has_path_len)
		return att_refuse(no, ATT_NO_LEAF_CONSTRAINTS,
				  "%s is a CA or has a pathLenConstraint", p->name);
	if (!f->has_usage || (f->usage & CRYPTO_USAGE_SIGN) == 0 ||
	    (f->usage & CRYPTO_USAGE_CERT_SIGN) != 0)
		return att_refuse(no, ATT_NO_LEAF_KEY_USAGE,
				  "%s may not sign documents, or may sign certificates", p->name);
	return 0;
}

static int check_cert(const struct place *p, const struct crypto_cert_facts *f, struct att_no *no)
{
	if (!f->is_p384)
		return att_refuse(no, ATT_NO_CERTIFICATE_KEY, "the key of %s is not on P-384",
				  p->name);
	if (!f->is_ecdsa_sha384)
		return att_refuse(no, ATT_NO_CERTIFICATE_ALGORITHM,
				  "%s is not signed by ECDSA with SHA-384", p->name);
	//= rfc5280#section-4.2
	//# A certificate has no more than one instance of an extension; a critical one that is not
	//# recognised, or cannot be processed, means rejection
	if (f->repeated[0] != '\0')
		return att_refuse(no, ATT_NO_EXTENSION_TWICE, "%s has the extension %s twice",
				  p->name, f->repeated);
	if (f->critical[0] != '\0')
		return att_refuse(no, ATT_NO_EXTENSION_CRITICAL,
				  "%s has the critical extension %s, which is not known", p->name,
				  f->critical);
	return is_leaf(p) ? check_leaf(p, f, no) : check_issuer(p, f, no);
}

//= aws-attestation#3.2.3.1
//# The time lies within the validity of every certificate, the root's too
static int check_time(const struct place *p, int64_t from, int64_t to, int64_t at,
		      struct att_no *no)
{
	char a[SS_DATE_SIZE], b[SS_DATE_SIZE];

	ss_date_text(at, a);
	if (at < from) {
		ss_date_text(from, b);
		return att_refuse(no, ATT_NO_CERTIFICATE_EARLY, "%s is valid from %s on, after %s",
				  p->name, b, a);
	}
	if (at > to) {
		ss_date_text(to, b);
		return att_refuse(no, ATT_NO_CERTIFICATE_EXPIRED,
				  "%s was valid until %s, before %s", p->name, b, a);
	}
	return 0;
}

/* One below the other. Names are compared as bytes: AWS writes them alike. */
static int check_link(const struct place *p, const struct crypto_cert_facts *f,
		      const struct att_issuers *above, struct att_no *no)
{
	//= rfc5280#section-6.1
	//# The subject of each certificate is the issuer of the next
	if (f->issuer.n != above->n_subject ||
	    memcmp(f->issuer.p, above->subject, above->n_subject) != 0)
		return att_refuse(
			no, ATT_NO_CHAIN_NAME,
			"the issuer of %s is not the subject of the certificate before it",
			p->name);
	if (!crypto_cert_signed_by(f, above->key))
		return att_refuse(no, ATT_NO_CHAIN_SIGNATURE,
				  "%s is not signed by the certificate before it", p->name);
	return 0;
}

/* All that is asked of one certificate; `above` has no key if it is the root. *ret is its own key.
 */
static int check_all(const struct place *p, struct ss_span der, int64_t at,
		     const struct att_issuers *above, struct crypto_cert_facts *f,
		     struct crypto_p384 **ret, struct att_no *no)
{
	AUTO_P384 struct crypto_p384 *key = NULL;
	struct ss_err err = { 0 };

	if (read_cert(p, der, f, no) < 0 || check_cert(p, f, no) < 0)
		return -1;
	if (crypto_p384_new(f->point, &key, &err) < 0)
		return att_refuse(no, ATT_NO_CERTIFICATE_KEY, "the key of %s: %s", p->name,
				  err.msg);
	if (above->key != NULL && check_link(p, f, above, no) < 0)
		return -1;
	if (check_time(p, f->not_before, f->not_after, at, no) < 0)
		return -1;
	*ret = TAKE_PTR(key);
	return 0;
}

/* --- the issuers ------------------------------------------------------------------------------ */

static int check_root(const struct att_doc *d, const struct att_root *root, struct att_no *no)
{
	uint8_t seen[CRYPTO_SHA256_SIZE];

	crypto_hash_once(CRYPTO_SHA256, d->bundle[0], seen);
	if (memcmp(seen, root->sha256, sizeof(seen)) == 0)
		return 0;
	if (root->is_aws)
		return att_refuse(no, ATT_NO_ROOT_NOT_AWS,
				  "the chain does not begin with AWS's root certificate");
	return att_refuse(no, ATT_NO_ROOT_NOT_GIVEN,
			  "the chain does not begin with the root certificate that was given");
}

static void issuers_done(struct att_issuers *is)
{
	crypto_p384_free(is->key);
}

/* One more certificate below those of `is`. */
static int add_issuer(const struct place *p, struct ss_span der, int64_t at, struct att_issuers *is,
		      struct att_no *no)
{
	struct crypto_p384 *key = NULL;
	struct crypto_cert_facts f;

	if (check_all(p, der, at, is, &f, &key, no) < 0)
		return -1;
	crypto_p384_free(is->key);
	is->key = key;
	assert(f.subject.n <= sizeof(is->subject)); /* a part of the certificate */
	memcpy(is->subject, f.subject.p, f.subject.n);
	is->n_subject = f.subject.n;
	is->from = f.not_before > is->from ? f.not_before : is->from;
	is->to = f.not_after < is->to ? f.not_after : is->to;
	if (is->may_follow > 0) /* check_issuer() has seen to the rest */
		is->may_follow--;
	if (f.has_path_len && f.path_len < is->may_follow)
		is->may_follow = f.path_len;
	return 0;
}

/*
 * The longest beginning of the chain that was seen, or none: how many certificates. What is true of
 * it at another time, or with another number of issuers below it, is worked out anew.
 */
static size_t recall(const struct att_doc *d, int64_t at, const struct att_cache *cache,
		     struct att_issuers *ret)
{
	for (size_t n = d->n_bundle; n > 0; n--) {
		uint8_t key[CRYPTO_SHA256_SIZE];
		const struct att_issuers *is;

		att_cache_key(d, n, key);
		is = att_cache_find(cache, key);
		if (is == NULL || at < is->from || at > is->to || d->n_bundle - n > is->may_follow)
			continue;
		*ret = *is;
		ret->key = crypto_p384_share(is->key);
		return n;
	}
	return 0;
}

/* Everything but the leaf. */
static int walk_issuers(const struct att_doc *d, int64_t at, struct att_cache *cache,
			struct att_issuers *is, struct att_no *no)
{
	size_t n = cache != NULL ? recall(d, at, cache, is) : 0;

	for (; n < d->n_bundle; n++) {
		const struct place p = place_at(n, d->n_bundle);
		uint8_t key[CRYPTO_SHA256_SIZE];

		if (add_issuer(&p, d->bundle[n], at, is, no) < 0)
			return -1;
		if (cache == NULL)
			continue;
		att_cache_key(d, n + 1, key);
		if (att_cache_find(cache, key) == NULL)
			att_cache_put(cache, key, is);
	}
	return 0;
}

//= aws-attestation#3.2.3
//# cabundle is in order, the root first; the target is signed by the last
int att_chain_check(const struct att_doc *d, const struct att_root *root, int64_t at,
		    struct att_cache *cache, struct crypto_p384 **ret, struct att_no *no)
{
	SS_CLEANUP(issuers_done)
	struct att_issuers is = { .from = INT64_MIN, .to = INT64_MAX, .may_follow = SIZE_MAX };
	const struct place p = place_at(d->n_bundle, d->n_bundle);
	struct crypto_cert_facts f;

	if (d->n_bundle == 0)
		return att_refuse(no, ATT_NO_CABUNDLE_COUNT, "cabundle is empty");
	if (check_root(d, root, no) < 0 || walk_issuers(d, at, cache, &is, no) < 0)
		return -1;
	assert(is.key != NULL); /* or the leaf would need no signature */
	return check_all(&p, d->certificate, at, &is, &f, ret, no);
}

/* --- the document's own signature ------------------------------------------------------------ */

//= rfc9052#section-4.4
//# The Sig_structure is a CBOR array: context "Signature1", body_protected, external_aad, payload
int att_signature_check(const struct att_doc *d, const struct crypto_p384 *leaf, struct att_no *no)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ATT_DOCUMENT_MAX + 64);
	uint8_t digest[CRYPTO_SHA384_SIZE];
	struct ss_err err = { 0 };

	cbor_put_array(&b, 4);
	cbor_put_tstr(&b, "Signature1");
	cbor_put_bstr(&b, d->protected);
	cbor_put_bstr(&b, (struct ss_span){ NULL, 0 });
	cbor_put_bstr(&b, d->payload);
	if (ss_buf_check(&b, "what is signed", &err) < 0)
		return att_refuse(no, ATT_NO_SIGNATURE, "%s", err.msg);
	crypto_hash_once(CRYPTO_SHA384, ss_buf_span(&b), digest);
	if (!crypto_p384_verify_rs(leaf, digest, d->signature))
		return att_refuse(no, ATT_NO_SIGNATURE,
				  "the document's signature is not by the leaf certificate's key");
	return 0;
}

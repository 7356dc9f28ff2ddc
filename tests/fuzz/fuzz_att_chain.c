/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of certificates, each behind its length in two bytes, the leaf last; the first is the
 * pinned root. What is refused says why, with a cache and without; what is taken, OpenSSL's own
 * path validation takes too. A certificate that both read says the same to both.
 *
 * Every input is judged with the seam of signature_seam.h, past which mutations get; then each
 * signature was asked about, with the right key, and OpenSSL is told to forgive signatures and
 * nothing else. Some are judged with real signatures too.
 */
#include "attest/att_chain.h"
#include "base/date.h"
#include "signature_seam.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AT 1700000000

static void must(bool good)
{
	if (!good)
		abort();
}

static X509 *read_x509(struct ss_span s)
{
	const unsigned char *p = s.p;

	return d2i_X509(NULL, &p, (long)s.n);
}

static int64_t time_of(const ASN1_TIME *t)
{
	struct tm tm = { 0 };
	struct ss_date d;

	must(ASN1_TIME_to_tm(t, &tm) == 1);
	d = (struct ss_date){ tm.tm_year + 1900,    (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday,
			      (unsigned)tm.tm_hour, (unsigned)tm.tm_min,     (unsigned)tm.tm_sec };
	return ss_date_unix(&d);
}

static void judge_name(struct ss_span ours, const X509_NAME *theirs)
{
	const unsigned char *p = NULL;
	size_t n = 0;

	must(X509_NAME_get0_der(theirs, &p, &n) == 1 && n == ours.n && memcmp(p, ours.p, n) == 0);
}

static void judge_extensions(const struct crypto_cert_facts *f, const X509 *x)
{
	int critical = -1;
	BASIC_CONSTRAINTS *b = X509_get_ext_d2i(x, NID_basic_constraints, &critical, NULL);
	ASN1_BIT_STRING *u;

	if (critical != -2) { /* there are not two */
		must((b != NULL) == f->has_constraints);
		must(b == NULL ||
		     ((b->ca != 0) == f->is_ca && (critical > 0) == f->constraints_critical &&
		      (b->pathlen != NULL) == f->has_path_len));
		must(b == NULL || b->pathlen == NULL || f->path_len == UINT32_MAX ||
		     ASN1_INTEGER_get(b->pathlen) == (long)f->path_len);
	}
	BASIC_CONSTRAINTS_free(b);
	u = X509_get_ext_d2i(x, NID_key_usage, &critical, NULL);
	if (critical != -2) {
		must((u != NULL) == f->has_usage);
		must(u == NULL ||
		     (ASN1_BIT_STRING_get_bit(u, 0) != 0) == ((f->usage & CRYPTO_USAGE_SIGN) != 0));
		must(u == NULL || (ASN1_BIT_STRING_get_bit(u, 5) != 0) ==
					  ((f->usage & CRYPTO_USAGE_CERT_SIGN) != 0));
	}
	ASN1_BIT_STRING_free(u);
}

static void judge_cert(struct ss_span der)
{
	struct crypto_cert_facts f;
	struct ss_err err = { 0 };
	X509 *x;

	if (crypto_cert_facts_read(der, &f, &err) < 0) {
		must(err.code == SS_EINPUT && err.msg[0] != '\0');
		return;
	}
	x = read_x509(der);
	if (x == NULL) /* it looks into names and numbers that nothing here depends on */
		return;
	must(X509_get_version(x) == X509_VERSION_3);
	must(time_of(X509_get0_notBefore(x)) == f.not_before);
	must(time_of(X509_get0_notAfter(x)) == f.not_after);
	judge_name(f.subject, X509_get_subject_name(x));
	judge_name(f.issuer, X509_get_issuer_name(x));
	judge_extensions(&f, x);
	if (f.is_ecdsa_sha384)
		must(X509_get_signature_nid(x) == NID_ecdsa_with_SHA384);
	X509_free(x);
}

static int forgive_signatures(int good, X509_STORE_CTX *ctx)
{
	return good == 1 || X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_SIGNATURE_FAILURE;
}

static void validate(X509 *root, STACK_OF(X509) * between, X509 *leaf)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	must(X509_STORE_add_cert(store, root) == 1);
	must(X509_STORE_CTX_init(ctx, store, leaf, between) == 1);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), AT);
	X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(ctx), 16);
	/* The first is trusted because it was pinned: who issued it, it need not say. */
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
	if (seam.is_on)
		X509_STORE_CTX_set_verify_cb(ctx, forgive_signatures);
	must(X509_verify_cert(ctx) == 1);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
}

static void judge(const struct att_doc *d)
{
	STACK_OF(X509) *between = sk_X509_new_null();
	X509 *leaf = read_x509(d->certificate);
	X509 *root = read_x509(d->bundle[0]);
	bool can_read = leaf != NULL && root != NULL;

	for (size_t i = 1; i < d->n_bundle; i++) {
		X509 *x = read_x509(d->bundle[i]);

		can_read = can_read && x != NULL;
		must(x == NULL || sk_X509_push(between, x) > 0);
	}
	if (can_read) /* as in judge_cert(): it reads the names, too */
		validate(root, between, leaf);
	sk_X509_pop_free(between, X509_free);
	X509_free(leaf);
	X509_free(root);
}

/* 0 if the input is a chain at all. */
static int split(struct ss_span in, struct att_doc *d)
{
	struct ss_cur c = ss_cur_init(in);
	struct ss_span v[ATT_BUNDLE_MAX + 1];
	size_t n = 0;

	while (ss_cur_left(&c) > 0 && n <= ATT_BUNDLE_MAX) {
		const uint16_t size = ss_cur_be16(&c);

		v[n++] = ss_cur_take(&c, size);
	}
	if (c.bad || n < 2 || ss_cur_left(&c) > 0)
		return -1;
	for (size_t i = 0; i < n - 1; i++)
		d->bundle[i] = v[i];
	d->n_bundle = n - 1;
	d->certificate = v[n - 1];
	return 0;
}

static void check(const struct att_doc *d, struct att_cache *cache)
{
	struct att_root root = { 0 };
	struct crypto_p384 *leaf = NULL, *again = NULL;
	struct att_no no = { 0 }, twice = { 0 };
	int rc;

	crypto_hash_once(CRYPTO_SHA256, d->bundle[0], root.sha256);
	rc = att_chain_check(d, &root, AT, NULL, &leaf, &no);
	if (rc == 0 && seam.is_on)
		seam_saw_chain(d, 1);
	for (int i = 0; i < 2; i++) {
		seam_begin(seam.is_on);
		must(att_chain_check(d, &root, AT, cache, &again, &twice) == rc);
		must(rc < 0 ? twice.reason == no.reason : again != NULL);
		if (rc == 0 && seam.is_on) /* the second time, nothing is left but the leaf */
			seam_saw_chain(d, i == 0 ? 1 : d->n_bundle);
		crypto_p384_free(again);
		again = NULL;
	}
	if (rc < 0)
		must(no.reason != ATT_NO_NONE && no.err.msg[0] != '\0');
	else
		judge(d);
	crypto_p384_free(leaf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct att_cache *cache;
	AUTO_ATT_CACHE struct att_cache *own = att_cache_new();
	struct att_doc d = { 0 };

	if (cache == NULL)
		cache = att_cache_new();
	if (split((struct ss_span){ data, size }, &d) < 0)
		return 0;
	for (size_t i = 0; i < d.n_bundle; i++)
		judge_cert(d.bundle[i]);
	judge_cert(d.certificate);
	seam_begin(true);
	check(&d, own); /* what it remembers holds for the seam alone */
	seam_begin(false);
	if (seam_is_turn_of_the_real())
		check(&d, cache);
	return 0;
}

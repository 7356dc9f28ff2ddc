/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of certificates, each behind its length in two bytes, the leaf last; the first is the
 * pinned root. What is refused says why, with a cache and without; what is taken, OpenSSL's own
 * path validation takes too.
 */
#include "attest/att_chain.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>

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

static void judge(const struct att_doc *d)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	X509 *leaf = read_x509(d->certificate);
	X509 *root = read_x509(d->bundle[0]);

	for (size_t i = 1; i < d->n_bundle; i++)
		must(sk_X509_push(between, read_x509(d->bundle[i])) > 0);
	must(X509_STORE_add_cert(store, root) == 1);
	must(X509_STORE_CTX_init(ctx, store, leaf, between) == 1);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), AT);
	X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(ctx), 16);
	must(X509_verify_cert(ctx) == 1);
	X509_STORE_CTX_free(ctx);
	sk_X509_pop_free(between, X509_free);
	X509_free(leaf);
	X509_free(root);
	X509_STORE_free(store);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct att_cache *cache;
	struct att_doc d = { 0 };
	struct att_root root = { 0 };
	struct crypto_cert *leaf = NULL, *again = NULL;
	struct att_no no = { 0 }, twice = { 0 };
	int rc;

	if (cache == NULL)
		cache = att_cache_new();
	if (split((struct ss_span){ data, size }, &d) < 0)
		return 0;
	crypto_hash_once(CRYPTO_SHA256, d.bundle[0], root.sha256);
	rc = att_chain_check(&d, &root, AT, NULL, &leaf, &no);
	for (int i = 0; i < 2; i++) {
		must(att_chain_check(&d, &root, AT, cache, &again, &twice) == rc);
		must(rc < 0 ? twice.reason == no.reason : again != NULL);
		crypto_cert_free(again);
		again = NULL;
	}
	if (rc < 0)
		must(no.reason != ATT_NO_NONE && no.err.msg[0] != '\0');
	else
		judge(&d);
	crypto_cert_free(leaf);
	return 0;
}

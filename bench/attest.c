/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: bench_attest DOCUMENT
 *
 * Verdicts a second on one core over a genuine document, at its own time: with nothing remembered,
 * with its issuers known, and the latter as a program has it through libselfsame-verify, report
 * included. Between them OpenSSL's P-384 verifications, of which a verdict takes five (four
 * certificates and the document) or two. Prints "p384 N", "cold N", "warm N", "library N": the
 * median of ROUNDS rounds each, in processor time, so that other work on the machine counts less.
 */
#include "attest/att_verify.h"
#include "io/file.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <selfsame-verify.h>
#include <string.h>
#include <time.h>

#define ROUNDS 7u
#define ROUND_S 0.3

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "bench_attest: %s\n", what);
	exit(1);
}

struct work {
	struct ss_span document;
	struct att_expect e;
	struct att_options o;
	EVP_PKEY_CTX *ctx;
	uint8_t digest[48];
	uint8_t sig[128];
	size_t n_sig;
};

static void one_verdict(const struct work *w, struct att_cache *cache)
{
	struct att_options o = w->o;
	struct att_verdict *v = NULL;
	struct ss_err err = { 0 };

	o.cache = cache;
	must(att_verify(w->document, &w->e, &o, &v, &err) == 0, err.msg);
	must(att_verdict_yes(v) != NULL, att_verdict_message(v));
	att_verdict_free(v);
}

static void cold(const struct work *w)
{
	one_verdict(w, NULL);
}

static struct att_cache *seen;

static void warm(const struct work *w)
{
	one_verdict(w, seen);
}

static struct ssv_question *asked;

static void library(const struct work *w)
{
	struct ssv_verdict *v;

	ssv_verify(asked, w->document.p, w->document.n, &v);
	must(ssv_verdict_yes(v) != NULL, ssv_verdict_message(v));
	ssv_verdict_free(v);
}

static void p384(const struct work *w)
{
	must(EVP_PKEY_verify(w->ctx, w->sig, w->n_sig, w->digest, sizeof(w->digest)) == 1, "P-384");
}

static double rate(void (*fn)(const struct work *w), const struct work *w)
{
	const double from = now();
	double took;
	size_t n = 0;

	do {
		fn(w);
		n++;
		took = now() - from;
	} while (took < ROUND_S);
	return (double)n / took;
}

static void prepare_p384(struct work *w)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");

	/* A digest like any other: with zeros a verification is one multiplication less. */
	crypto_hash_once(CRYPTO_SHA384, w->document, w->digest);
	w->ctx = EVP_PKEY_CTX_new(key, NULL);
	w->n_sig = sizeof(w->sig);
	must(EVP_PKEY_sign_init(w->ctx) == 1 &&
		     EVP_PKEY_sign(w->ctx, w->sig, &w->n_sig, w->digest, sizeof(w->digest)) == 1 &&
		     EVP_PKEY_verify_init(w->ctx) == 1,
	     "cannot sign");
	EVP_PKEY_free(key);
}

/* By insertion: there are few. */
static double median(double v[ROUNDS])
{
	for (size_t i = 1; i < ROUNDS; i++)
		for (size_t k = i; k > 0 && v[k - 1] > v[k]; k--) {
			const double x = v[k];

			v[k] = v[k - 1];
			v[k - 1] = x;
		}
	return v[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	static void (*const fns[])(const struct work *) = { p384, cold, warm, library };
	static const char *const names[] = { "p384", "cold", "warm", "library" };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ATT_DOCUMENT_MAX);
	double rates[SS_NELEMS(fns)][ROUNDS];
	uint8_t pcr[3][ATT_PCR_SIZE];
	struct att_register r[3];
	struct work w = { 0 };
	struct ss_err err = { 0 };
	struct att_no no = { 0 };
	struct att_doc d;

	must(argc == 2 && io_load_file(argv[1], &b, &err) == 0, err.msg);
	w.document = ss_buf_span(&b);
	must(att_doc_read(w.document, &d, &no) == 0, no.err.msg);
	asked = ssv_question_new();
	for (unsigned i = 0; i < 3; i++) {
		(void)ssv_expect_pcr(asked, i, d.pcr[i].p, d.pcr[i].n); /* or there is no yes */
		memcpy(pcr[i], d.pcr[i].p, ATT_PCR_SIZE);
		r[i] = (struct att_register){ i, &pcr[i], 1, "bench" };
	}
	w.e = (struct att_expect){ .registers = r, .n_registers = 3 };
	w.o = (struct att_options){ .root = att_root_aws(), .when = ATT_AT_DOCUMENT };
	(void)ssv_at_document(asked);
	prepare_p384(&w);
	seen = att_cache_new();
	warm(&w);
	for (size_t i = 0; i < ROUNDS; i++)
		for (size_t k = 0; k < SS_NELEMS(fns); k++)
			rates[k][i] = rate(fns[k], &w);
	for (size_t k = 0; k < SS_NELEMS(fns); k++)
		printf("%s %.1f\n", names[k], median(rates[k]));
	att_cache_free(seen);
	ssv_question_free(asked);
	EVP_PKEY_CTX_free(w.ctx);
	return 0;
}

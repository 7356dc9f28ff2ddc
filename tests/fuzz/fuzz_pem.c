/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates as people hand them in: PEM text, or one in DER, or a request of the enclave in DER.
 * A text that is refused says why. One that is taken holds certificates that OpenSSL reads too,
 * byte for byte; written again as PEM it is taken again and is the same. The first of a text that
 * holds nothing else is the first of any text. A request is taken only if its own signature holds.
 */
#include "base/mem.h"
#include "crypto/issue.h"
#include "crypto/x509.h"
#include "crypto/x509_chain.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM ((size_t)64 * 1024)

static void must(bool good)
{
	if (!good)
		abort();
}

static bool is_equal(const struct ss_buf *a, const struct ss_buf *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

/* Each of them to OpenSSL, and back to text. */
static void write_again(const struct ss_buf *der, size_t n)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(4 * ROOM);
	AUTO_BUF struct ss_buf again = SS_BUF_INIT(4 * ROOM);
	const uint8_t *p = der->p;
	struct ss_err err = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *from = p;
		X509 *x = d2i_X509(NULL, &p, (long)(der->n - (size_t)(p - der->p)));

		must(x != NULL);
		X509_free(x);
		must(crypto_cert_put_pem((struct ss_span){ from, (size_t)(p - from) }, &pem,
					 &err) == 0);
	}
	must(p == der->p + der->n);
	must(crypto_certs_put_der(ss_buf_span(&pem), &again, &count, &err) == 0 && count == n);
	must(is_equal(&again, der));
}

static void judge_texts(struct ss_span in)
{
	AUTO_BUF struct ss_buf all = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf first = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf any = SS_BUF_INIT(ROOM);
	AUTO_CERT struct crypto_cert *only = NULL, *c = NULL;
	struct ss_err err = { 0 }, why = { 0 };
	size_t n = 0;
	const int rc = crypto_certs_put_der(in, &all, &n, &err);

	must((crypto_cert_read_pem_only(in, &only, &why) == 0) == (rc == 0) ||
	     err.code == SS_ELIMIT);
	if (rc < 0) {
		must(err.code != SS_OK && err.msg[0] != '\0');
		return;
	}
	must(n > 0 && all.n > 0);
	write_again(&all, n);
	must(crypto_cert_read_pem(in, &c, &err) == 0);
	crypto_cert_der(only, &first);
	crypto_cert_der(c, &any);
	must(is_equal(&first, &any) && first.n <= all.n && memcmp(first.p, all.p, first.n) == 0);
	must(crypto_cert_not_before(c) == crypto_cert_not_before(only));
}

static void judge_request(struct ss_span in)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(4 * ROOM);
	struct ss_err err = { 0 };
	const uint8_t *p = in.p;
	X509_REQ *r;

	if (crypto_request_put_pem(in, &pem, &err) < 0) {
		must(err.code == SS_EINPUT && err.msg[0] != '\0' && pem.n == 0);
		return;
	}
	r = d2i_X509_REQ(NULL, &p, (long)in.n);
	must(r != NULL && p == in.p + in.n && X509_REQ_verify(r, X509_REQ_get0_pubkey(r)) == 1);
	X509_REQ_free(r);
}

static void judge_names(struct ss_span in)
{
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(16 * ROOM);
	struct crypto_cert_facts f;
	struct ss_err err = { 0 };

	if (crypto_cert_facts_read(in, &f, &err) < 0) {
		must(err.code == SS_EINPUT && err.msg[0] != '\0');
		return;
	}
	crypto_name_text(f.subject, &text);
	for (size_t i = 0; i < text.n; i++) /* fit for a terminal */
		must(text.p[i] >= ' ' && text.p[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ss_span in = { data, size };

	judge_texts(in);
	judge_request(in);
	judge_names(in);
	return 0;
}

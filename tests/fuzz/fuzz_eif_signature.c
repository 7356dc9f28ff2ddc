/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/signature.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Whatever the certificate says, it is read or refused, and every question has an answer. */
static void ask(const struct eif_signature *s)
{
	AUTO_CERT struct crypto_cert *c = NULL;
	uint8_t pcr8[CRYPTO_SHA384_SIZE];
	struct ss_err err = { 0 };

	if (crypto_cert_read_pem(ss_buf_span(&s->pem), &c, &err) < 0) {
		must(err.msg[0] != '\0');
		return;
	}
	eif_signature_pcr8(c, pcr8);
	must(eif_signature_verify(s, c, &err) == 0 || err.code == SS_EVERIFY);
	must(eif_signature_in_time(c, 0, &err) == 0 || err.code == SS_EVERIFY);
}

/* What is read is written again to the same bytes; what is refused says why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct ss_buf again = SS_BUF_INIT((size_t)4 * EIF_SIGNATURE_MAX);
	AUTO_SIGNATURE struct eif_signature s = { 0 };
	struct ss_err err = { 0 };

	if (eif_signature_read((struct ss_span){ data, size }, &s, &err) < 0) {
		must(err.code != SS_OK && err.msg[0] != '\0');
		return 0;
	}
	eif_signature_write(&s, &again);
	must(again.n == size && memcmp(again.p, data, size) == 0);
	ask(&s);
	return 0;
}

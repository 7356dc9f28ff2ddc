/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/signature.h"
#include "explain/ex_side.h"

#include <string.h>

/*
 * Two signature sections. What a register covers of them is the certificate, by PCR8: signatures
 * may differ and it be the same, and a signed file has one that an unsigned file has not.
 */
static int pcr8_of(const struct ex_bytes *b, uint8_t ret[CRYPTO_SHA384_SIZE], bool *ret_ok,
		   struct ss_err *err)
{
	AUTO_SIGNATURE struct eif_signature s = { .tagged = false };
	AUTO_FREE uint8_t *p = ss_calloc(EIF_SIGNATURE_MAX, 1);
	AUTO_CERT struct crypto_cert *cert = NULL;
	struct ss_err why = { 0 };
	size_t n;

	*ret_ok = false;
	if (b->n > EIF_SIGNATURE_MAX)
		return 0;
	if (ex_read_some(b, 0, p, EIF_SIGNATURE_MAX, &n, err) < 0)
		return -1;
	if (eif_signature_read((struct ss_span){ p, n }, &s, &why) < 0 ||
	    crypto_cert_read_pem(ss_buf_span(&s.pem), &cert, &why) < 0)
		return 0;
	eif_signature_pcr8(cert, ret);
	*ret_ok = true;
	return 0;
}

int ex_compare_signatures(struct ex_run *r, const struct ex_bytes *a, const struct ex_bytes *b,
			  const char **ret_where, struct ss_err *err)
{
	uint8_t x[CRYPTO_SHA384_SIZE], y[CRYPTO_SHA384_SIZE];
	bool has_x, has_y;

	if (pcr8_of(a, x, &has_x, err) < 0 || pcr8_of(b, y, &has_y, err) < 0)
		return -1;
	if (!has_x || !has_y) {
		r->ret->pcr8 = EX_PCR8_UNKNOWN;
		*ret_where = "the signatures differ; not all of them can be read";
	} else if (memcmp(x, y, sizeof(x)) != 0) {
		r->ret->pcr8 = EX_PCR8_DIFFERS;
		*ret_where = "the signatures differ, and the certificates: PCR8 is another";
	} else {
		*ret_where = "the signatures differ; the certificate, and so PCR8, is the same";
	}
	return 0;
}

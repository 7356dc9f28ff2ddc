/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/examine.h"

#include <string.h>

static int read_section(const struct ss_buf *raw, struct eif_examined *x)
{
	if (eif_signature_read(ss_buf_span(raw), &x->section, &x->readable) < 0)
		return -1;
	if (crypto_cert_read_pem(ss_buf_span(&x->section.pem), &x->cert, &x->readable) < 0)
		return ss_ctx(&x->readable, "signature section");
	return 0;
}

/* The answer is kept in `err`, not told. */
static void keep(int rc, const struct ss_err *err)
{
	(void)rc, (void)err;
}

int eif_examine(const struct eif_file *f, struct eif_measurements *m, int64_t now,
		struct eif_examined *ret, struct ss_err *err)
{
	AUTO_EXAMINED struct eif_examined x = { 0 };
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(EIF_SIGNATURE_MAX);
	const struct eif_section *s = eif_file_find(f, EIF_SIGNATURE, 0);

	if (s != NULL && eif_file_load(f, s, &raw, err) < 0)
		return -1;
	x.is_signed = s != NULL;
	if (s != NULL && read_section(&raw, &x) == 0) {
		x.comparable = !m->pcr0_unknown;
		keep(eif_signature_verify(&x.section, x.cert, &x.holds), &x.holds);
		if (x.comparable)
			keep(eif_signature_covers(&x.section, m->pcr0, &x.covers), &x.covers);
		keep(eif_signature_in_time(x.cert, now, &x.in_time), &x.in_time);
		eif_signature_pcr8(x.cert, m->pcr8);
		m->has_pcr8 = true;
	}
	*ret = x;
	x = (struct eif_examined){ 0 };
	return 0;
}

void eif_examined_done(struct eif_examined *x)
{
	eif_signature_done(&x->section);
	crypto_cert_free(x->cert);
	*x = (struct eif_examined){ 0 };
}

const struct ss_err *eif_examined_no(const struct eif_examined *x)
{
	const struct ss_err *all[] = { &x->readable, &x->holds, &x->covers, &x->in_time };

	for (size_t i = 0; i < SS_NELEMS(all); i++)
		if (all[i]->code != SS_OK)
			return all[i];
	return NULL;
}

bool eif_examined_check(const struct eif_examined *x)
{
	return x->is_signed && x->comparable && x->readable.code == SS_OK &&
	       x->holds.code == SS_OK && x->covers.code == SS_OK;
}

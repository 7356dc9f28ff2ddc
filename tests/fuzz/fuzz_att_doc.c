/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document as bytes. What is refused says why; what is taken lies inside the input and within the
 * limits, is CBOR to libcbor too, and says the same when it is written anew in the shortest form.
 * No input is a yes under AWS's root.
 *
 * Past signatures a fuzzer gets by the seam of signature_seam.h alone: there a document that is
 * asked for exactly what it says of itself is a yes only if it is not QEMU's and not of debug mode,
 * and if every signature of it was asked about.
 */
#include "attest/att_verify.h"
#include "fmt/cbor.h"
#include "signature_seam.h"

#include <cbor.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void is_inside(struct ss_span s, const uint8_t *data, size_t size)
{
	must(s.p == NULL || (s.p >= data && s.n <= size && (size_t)(s.p - data) <= size - s.n));
}

static bool is_equal(struct ss_span a, struct ss_span b)
{
	return (a.p == NULL) == (b.p == NULL) && a.n == b.n &&
	       (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* libcbor keeps pairs as they come: no key may be there twice, whatever the width of its head. */
static void judge_map(const cbor_item_t *map)
{
	const struct cbor_pair *v = cbor_map_handle(map);

	for (size_t i = 0; i < cbor_map_size(map); i++)
		for (size_t k = 0; k < i; k++) {
			const cbor_item_t *a = v[i].key, *b = v[k].key;

			if (cbor_isa_uint(a) && cbor_isa_uint(b))
				must(cbor_get_int(a) != cbor_get_int(b));
			if (cbor_isa_string(a) && cbor_isa_string(b))
				must(cbor_string_length(a) != cbor_string_length(b) ||
				     memcmp(cbor_string_handle(a), cbor_string_handle(b),
					    cbor_string_length(a)) != 0);
		}
}

static void judge_payload(const struct att_doc *d)
{
	struct cbor_load_result r;
	cbor_item_t *tree = cbor_load(d->payload.p, d->payload.n, &r);
	const struct cbor_pair *v;

	must(tree != NULL && r.read == d->payload.n && cbor_isa_map(tree));
	judge_map(tree);
	v = cbor_map_handle(tree);
	for (size_t i = 0; i < cbor_map_size(tree); i++)
		if (cbor_isa_map(v[i].value))
			judge_map(v[i].value);
	cbor_decref(&tree);
}

static void put_optional(struct ss_buf *b, const char *key, struct ss_span s)
{
	cbor_put_tstr(b, key);
	if (s.p == NULL)
		cbor_put_null(b);
	else
		cbor_put_bstr(b, s);
}

static void write_payload(const struct att_doc *d, struct ss_buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < ATT_PCRS; i++)
		n += d->pcr[i].p != NULL;
	cbor_put_map(b, 9);
	cbor_put_tstr(b, "module_id");
	cbor_put_text(b, d->module_id);
	cbor_put_tstr(b, "digest");
	cbor_put_tstr(b, "SHA384");
	cbor_put_tstr(b, "timestamp");
	cbor_put_uint(b, d->timestamp_ms);
	cbor_put_tstr(b, "pcrs");
	cbor_put_map(b, n);
	for (size_t i = 0; i < ATT_PCRS; i++) {
		if (d->pcr[i].p == NULL)
			continue;
		cbor_put_uint(b, i);
		cbor_put_bstr(b, d->pcr[i]);
	}
	put_optional(b, "certificate", d->certificate);
	cbor_put_tstr(b, "cabundle");
	cbor_put_array(b, d->n_bundle);
	for (size_t i = 0; i < d->n_bundle; i++)
		cbor_put_bstr(b, d->bundle[i]);
	put_optional(b, "public_key", d->public_key);
	put_optional(b, "user_data", d->user_data);
	put_optional(b, "nonce", d->nonce);
}

/* In the shortest form it must still be the same document; the limits hold it. */
static void write_again(const struct att_doc *d)
{
	AUTO_BUF struct ss_buf payload = SS_BUF_INIT(2 * ATT_DOCUMENT_MAX);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4 * ATT_DOCUMENT_MAX);
	struct att_no no = { 0 };
	struct att_doc again;

	write_payload(d, &payload);
	cbor_put_array(&b, 4);
	cbor_put_bstr(&b, d->protected);
	cbor_put_map(&b, 0);
	cbor_put_bstr(&b, ss_buf_span(&payload));
	cbor_put_bstr(&b, d->signature);
	if (payload.n > ATT_PAYLOAD_MAX) /* null where a key was left out */
		return;
	must(att_doc_read(ss_buf_span(&b), &again, &no) == 0);
	must(is_equal(again.module_id, d->module_id) && again.timestamp_ms == d->timestamp_ms &&
	     is_equal(again.certificate, d->certificate) && again.n_bundle == d->n_bundle &&
	     is_equal(again.public_key, d->public_key) && is_equal(again.user_data, d->user_data) &&
	     is_equal(again.nonce, d->nonce) && again.is_emulated == d->is_emulated);
	for (size_t i = 0; i < ATT_PCRS; i++)
		must(is_equal(again.pcr[i], d->pcr[i]));
}

/* Asks for exactly what the document says of itself, at its own time, and allows what can be. */
static void ask(struct ss_span in)
{
	static const uint8_t zeros[ATT_PCR_SIZE];
	struct att_register r[3];
	const struct att_expect e = { .registers = r, .n_registers = 3 };
	const struct att_options o = { .root = att_root_aws(), .when = ATT_AT_DOCUMENT };
	AUTO_BUF struct ss_buf text = SS_BUF_INIT((size_t)1024 * 1024);
	AUTO_VERDICT struct att_verdict *v = NULL;
	struct ss_err err = { 0 };

	for (unsigned i = 0; i < 3; i++)
		r[i] = (struct att_register){ i, &zeros, 1, "fuzz" };
	must(att_verify(in, &e, &o, &v, &err) == 0);
	must(att_verdict_yes(v) == NULL && att_verdict_reason(v) != ATT_NO_NONE);
	att_verdict_text(v, &text);
	must(!text.bad && text.n > 4 && memcmp(text.p, "no: ", 4) == 0);
	json_decref(att_verdict_json(v));
}

/* What it says of itself, below its own root. */
static void ask_itself(struct ss_span in, const struct att_doc *d)
{
	static uint8_t want[3][ATT_PCR_SIZE];
	struct att_register r[3];
	const struct att_expect e = { .registers = r, .n_registers = 3, .nonce = d->nonce };
	struct att_options o = { .when = ATT_AT_DOCUMENT };
	AUTO_VERDICT struct att_verdict *v = NULL;
	struct ss_err err = { 0 };

	crypto_hash_once(CRYPTO_SHA256, d->bundle[0], o.root.sha256);
	for (unsigned i = 0; i < 3; i++) {
		memset(want[i], 0xff, sizeof(want[i]));
		if (d->pcr[i].n == ATT_PCR_SIZE)
			memcpy(want[i], d->pcr[i].p, ATT_PCR_SIZE);
		r[i] = (struct att_register){ i, (const uint8_t(*)[ATT_PCR_SIZE]) & want[i], 1,
					      "itself" };
	}
	must(att_verify(in, &e, &o, &v, &err) == 0);
	if (att_verdict_yes(v) == NULL)
		return;
	must(!d->is_emulated);
	for (unsigned i = 0; i < 3; i++)
		must(d->pcr[i].n == ATT_PCR_SIZE && !att_is_zero(d->pcr[i]));
	seam_saw_chain(d, 1);
	must(seam.n_calls == d->n_bundle + 1 && seam.calls[d->n_bundle].tbs.p == NULL &&
	     seam_is_key_of(d, d->n_bundle, d->n_bundle));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ss_span in = { data, size };
	struct att_doc d;
	struct att_no no = { 0 };

	seam_begin(true);
	ask(in);
	seam_begin(false);
	if (seam_is_turn_of_the_real())
		ask(in);
	must(att_doc_length(in) <= size);
	if (att_doc_read(in, &d, &no) < 0) {
		must(no.reason != ATT_NO_NONE && no.err.code == SS_EVERIFY &&
		     no.err.msg[0] != '\0');
		return 0;
	}
	must(att_doc_length(in) == size);
	must(d.n_bundle > 0 && d.n_bundle <= ATT_BUNDLE_MAX && d.timestamp_ms > 0);
	is_inside(d.module_id, data, size);
	is_inside(d.certificate, data, size);
	is_inside(d.signature, data, size);
	judge_payload(&d);
	write_again(&d);
	seam_begin(true);
	ask_itself(in, &d);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_doc.h"

#include "base/show.h"
#include "fmt/cbor.h"

#include <inttypes.h>
#include <string.h>

/*
 * Citations: aws-attestation#… is docs/attestation_process.md of aws-nitro-enclaves-nsm-api, in our
 * words; what it leaves open is settled in docs/formats/attestation.md.
 */
#define COSE_TAG 18u
#define COSE_HEADER_ALG 1
#define COSE_ES384 (-35)
#define QEMU_ALG (-1)
#define QEMU_ZEROS 64u
#define PUBLIC_KEY_MAX 1024u
#define USER_DATA_MAX 512u
#define NONCE_MAX 512u
#define TIMESTAMP_MAX UINT64_C(253402300799999) /* the end of the year 9999 */

bool att_is_zero(struct ss_span s)
{
	uint8_t all = 0;

	for (size_t i = 0; i < s.n; i++)
		all |= s.p[i];
	return all == 0;
}

static struct cbor_in reader(struct ss_span s)
{
	return cbor_in_init(s, CBOR_ANY_WIDTH | CBOR_INDEFINITE);
}

/* After a part was read: 0, or a no if the bytes were no CBOR that is taken here. */
static int settle(const struct cbor_in *in, const char *what, struct att_no *no)
{
	struct ss_err err = { 0 };

	if (cbor_check(in, what, &err) == 0)
		return 0;
	return att_refuse(no, ATT_NO_CBOR, "%s", err.msg);
}

static int settle_end(const struct cbor_in *in, size_t size, const char *what, struct att_no *no)
{
	const size_t at = cbor_offset(in);

	if (settle(in, what, no) < 0)
		return -1;
	if (at < size)
		return att_refuse(no, ATT_NO_TRAILING_BYTES,
				  "%s: %zu bytes follow its end at byte %zu", what, size - at, at);
	return 0;
}

static const char *kind_name(enum cbor_kind k)
{
	static const char *const names[] = {
		[CBOR_UINT] = "an unsigned integer",
		[CBOR_NEGINT] = "a negative integer",
		[CBOR_BSTR] = "a byte string",
		[CBOR_TSTR] = "a text string",
		[CBOR_ARRAY] = "an array",
		[CBOR_MAP] = "a map",
		[CBOR_TAG] = "a tag",
		[CBOR_SIMPLE] = "null, a boolean or a float",
		[CBOR_NOTHING] = "nothing",
	};

	return names[k];
}

/* The next item has this type; where the bytes have ended, the reader itself says so later. */
static int want_kind(const struct cbor_in *in, enum cbor_kind kind, enum att_reason reason,
		     const char *what, struct att_no *no)
{
	const enum cbor_kind seen = cbor_peek(in);

	if (seen == kind || seen == CBOR_NOTHING)
		return 0;
	return att_refuse(no, reason, "%s is %s, not %s", what, kind_name(seen), kind_name(kind));
}

/* --- the frame ------------------------------------------------------------------------------- */

static int next_element(struct cbor_in *in, struct cbor_seq *seq, enum cbor_kind kind,
			const char *what, struct att_no *no)
{
	if (!cbor_more(in, seq)) {
		if (settle(in, "document", no) < 0)
			return -1;
		return att_refuse(no, ATT_NO_COSE, "the COSE_Sign1 ends before %s", what);
	}
	return want_kind(in, kind, ATT_NO_COSE, what, no);
}

/* An empty map. `empty` is false only if it holds something; then the rest is not read. */
static bool take_empty_map(struct cbor_in *in)
{
	struct cbor_seq m = cbor_map(in);

	return !cbor_more(in, &m);
}

//= rfc9052#section-4.2
//# COSE_Sign1 is an array of protected, unprotected, payload, signature; tagged with 18 or not
//= aws-attestation#3.1
//# COSE_Sign1, tagged or untagged; protected {1: -35}, unprotected {}
static int read_frame(struct cbor_in *in, struct att_doc *d, struct att_no *no)
{
	struct cbor_seq seq;

	(void)cbor_take_tag(in, COSE_TAG);
	if (want_kind(in, CBOR_ARRAY, ATT_NO_COSE, "the document", no) < 0)
		return -1;
	seq = cbor_array(in);
	if (next_element(in, &seq, CBOR_BSTR, "the protected header", no) < 0)
		return -1;
	d->protected = cbor_bstr(in);
	if (next_element(in, &seq, CBOR_MAP, "the unprotected header", no) < 0)
		return -1;
	if (!take_empty_map(in))
		return att_refuse(no, ATT_NO_UNPROTECTED, "the unprotected header is not empty");
	if (next_element(in, &seq, CBOR_BSTR, "the payload", no) < 0)
		return -1;
	d->payload = cbor_bstr(in);
	if (next_element(in, &seq, CBOR_BSTR, "the signature", no) < 0)
		return -1;
	d->signature = cbor_bstr(in);
	if (cbor_more(in, &seq))
		return att_refuse(no, ATT_NO_COSE, "the COSE_Sign1 has over four elements");
	return settle(in, "document", no);
}

size_t att_doc_length(struct ss_span in)
{
	struct att_doc d = { 0 };
	struct att_no ignored = { 0 };
	struct cbor_in r = reader(in);

	return read_frame(&r, &d, &ignored) == 0 ? cbor_offset(&r) : 0;
}

/* {1: ES384}; a map of one pair has no key twice. */
static int read_protected(struct att_doc *d, struct att_no *no)
{
	struct cbor_in in = reader(d->protected);
	struct cbor_seq m;
	int64_t label = 0, alg = 0;
	size_t n = 0;

	if (want_kind(&in, CBOR_MAP, ATT_NO_ALGORITHM, "the protected header", no) < 0)
		return -1;
	for (m = cbor_map(&in); cbor_more(&in, &m); n++) {
		if (n > 0)
			return att_refuse(no, ATT_NO_ALGORITHM,
					  "the protected header has more than the algorithm");
		label = cbor_int(&in);
		alg = cbor_int(&in);
	}
	if (settle_end(&in, d->protected.n, "protected header", no) < 0)
		return -1;
	if (n == 0 || label != COSE_HEADER_ALG)
		return att_refuse(no, ATT_NO_ALGORITHM, "the protected header has no algorithm");
	d->is_emulated =
		alg == QEMU_ALG && d->signature.n == QEMU_ZEROS && att_is_zero(d->signature);
	if (alg != COSE_ES384 && !d->is_emulated)
		return att_refuse(no, ATT_NO_ALGORITHM,
				  "the algorithm is %" PRId64 ", not ES384 (%d)", alg, COSE_ES384);
	return 0;
}

/* Big-endian numbers of the same length: a < b. */
static bool is_less(const uint8_t *a, const uint8_t *b, size_t n)
{
	return memcmp(a, b, n) < 0;
}

//= fips186-5#section-6.4.2
//# A signature whose r or s is not in [1, n - 1] is rejected
static int check_signature_form(const struct att_doc *d, struct att_no *no)
{
	static const uint8_t order[ATT_SIGNATURE_SIZE / 2] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
		0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
	};

	if (d->is_emulated)
		return 0;
	if (d->signature.n != ATT_SIGNATURE_SIZE)
		return att_refuse(no, ATT_NO_SIGNATURE_SIZE,
				  "the signature has %zu bytes; those of ES384 have %u",
				  d->signature.n, ATT_SIGNATURE_SIZE);
	for (size_t i = 0; i < 2; i++) {
		const uint8_t *x = d->signature.p + i * sizeof(order);

		if (att_is_zero((struct ss_span){ x, sizeof(order) }) ||
		    !is_less(x, order, sizeof(order)))
			return att_refuse(no, ATT_NO_SIGNATURE_RANGE,
					  "%s of the signature is out of range",
					  i == 0 ? "r" : "s");
	}
	return 0;
}

/* --- the payload ----------------------------------------------------------------------------- */

enum field {
	MODULE_ID,
	DIGEST,
	TIMESTAMP,
	PCRS,
	CERTIFICATE,
	CABUNDLE,
	PUBLIC_KEY,
	USER_DATA,
	NONCE,
	N_FIELDS,
};

static const char *const field_names[N_FIELDS] = {
	[MODULE_ID] = "module_id",
	[DIGEST] = "digest",
	[TIMESTAMP] = "timestamp",
	[PCRS] = "pcrs",
	[CERTIFICATE] = "certificate",
	[CABUNDLE] = "cabundle",
	[PUBLIC_KEY] = "public_key",
	[USER_DATA] = "user_data",
	[NONCE] = "nonce",
};

/* A byte string of `min` to `max` bytes. */
static int read_bytes(struct cbor_in *in, const char *what, size_t min, size_t max,
		      enum att_reason size_reason, struct ss_span *ret, struct att_no *no)
{
	struct ss_span s;

	if (want_kind(in, CBOR_BSTR, ATT_NO_FIELD_TYPE, what, no) < 0)
		return -1;
	s = cbor_bstr(in);
	if (settle(in, "payload", no) < 0)
		return -1;
	if (s.n < min || s.n > max)
		return att_refuse(no, size_reason, "%s has %zu bytes; it must have %zu to %zu",
				  what, s.n, min, max);
	*ret = s;
	return 0;
}

//= aws-attestation#3.2.2.2
//# module_id: text string, length != 0
static int read_module_id(struct cbor_in *in, struct att_doc *d, struct att_no *no)
{
	if (want_kind(in, CBOR_TSTR, ATT_NO_FIELD_TYPE, "module_id", no) < 0)
		return -1;
	d->module_id = cbor_tstr(in);
	if (settle(in, "payload", no) < 0)
		return -1;
	if (d->module_id.n == 0 || d->module_id.n > ATT_MODULE_ID_MAX)
		return att_refuse(no, ATT_NO_MODULE_ID,
				  "module_id has %zu bytes; it must have 1 to %u", d->module_id.n,
				  ATT_MODULE_ID_MAX);
	return 0;
}

//= aws-attestation#3.2.2.2
//# digest: text string, exactly "SHA384"
static int read_digest(struct cbor_in *in, struct att_no *no)
{
	struct ss_span s;

	if (want_kind(in, CBOR_TSTR, ATT_NO_FIELD_TYPE, "digest", no) < 0)
		return -1;
	s = cbor_tstr(in);
	if (settle(in, "payload", no) < 0)
		return -1;
	if (s.n != strlen("SHA384") || memcmp(s.p, "SHA384", s.n) != 0)
		return att_refuse(no, ATT_NO_DIGEST, "digest is '%s', not 'SHA384'", SS_SHOW(s));
	return 0;
}

//= aws-attestation#3.2.2.2
//# timestamp: integer, > 0
static int read_timestamp(struct cbor_in *in, struct att_doc *d, struct att_no *no)
{
	if (want_kind(in, CBOR_UINT, ATT_NO_FIELD_TYPE, "timestamp", no) < 0)
		return -1;
	d->timestamp_ms = cbor_uint(in);
	if (settle(in, "payload", no) < 0)
		return -1;
	if (d->timestamp_ms == 0 || d->timestamp_ms > TIMESTAMP_MAX)
		return att_refuse(no, ATT_NO_TIMESTAMP, "timestamp is %" PRIu64, d->timestamp_ms);
	return 0;
}

//= aws-attestation#3.2.2.2
//# each PCR: integer key in [0, 32), byte string of 32, 48 or 64 bytes
static int read_pcr(struct cbor_in *in, struct att_doc *d, struct att_no *no)
{
	struct ss_span s;
	uint64_t i;

	if (want_kind(in, CBOR_UINT, ATT_NO_FIELD_TYPE, "the number of a PCR", no) < 0)
		return -1;
	i = cbor_uint(in);
	if (settle(in, "payload", no) < 0)
		return -1;
	if (i >= ATT_PCRS)
		return att_refuse(no, ATT_NO_PCR_INDEX, "there is a PCR%" PRIu64, i);
	if (d->pcr[i].p != NULL)
		return att_refuse(no, ATT_NO_PCR_TWICE, "PCR%" PRIu64 " comes twice", i);
	if (want_kind(in, CBOR_BSTR, ATT_NO_FIELD_TYPE, "a PCR", no) < 0)
		return -1;
	s = cbor_bstr(in);
	if (settle(in, "payload", no) < 0)
		return -1;
	if (s.n != 32 && s.n != ATT_PCR_SIZE && s.n != 64)
		return att_refuse(no, ATT_NO_PCR_SIZE,
				  "PCR%" PRIu64 " has %zu bytes; it must have 32, 48 or 64", i,
				  s.n);
	d->pcr[i] = s;
	return 0;
}

//= aws-attestation#3.2.2.2
//# pcrs: map, size in [1, 32]
static int read_pcrs(struct cbor_in *in, struct att_doc *d, struct att_no *no)
{
	struct cbor_seq m;
	size_t n = 0;

	if (want_kind(in, CBOR_MAP, ATT_NO_FIELD_TYPE, "pcrs", no) < 0)
		return -1;
	for (m = cbor_map(in); cbor_more(in, &m); n++) {
		if (n == ATT_PCRS)
			return att_refuse(no, ATT_NO_PCR_COUNT, "there are over %u PCRs", ATT_PCRS);
		if (read_pcr(in, d, no) < 0)
			return -1;
	}
	if (settle(in, "payload", no) < 0)
		return -1;
	return n > 0 ? 0 : att_refuse(no, ATT_NO_PCR_COUNT, "there are no PCRs");
}

//= aws-attestation#3.2.2.2
//# cabundle: array, not empty; each a byte string of 1 to 1024 bytes
static int read_cabundle(struct cbor_in *in, struct att_doc *d, struct att_no *no)
{
	struct cbor_seq a;

	if (want_kind(in, CBOR_ARRAY, ATT_NO_FIELD_TYPE, "cabundle", no) < 0)
		return -1;
	for (a = cbor_array(in); cbor_more(in, &a); d->n_bundle++) {
		if (d->n_bundle == ATT_BUNDLE_MAX)
			return att_refuse(no, ATT_NO_CABUNDLE_COUNT,
					  "cabundle has over %u certificates", ATT_BUNDLE_MAX);
		if (read_bytes(in, "an element of cabundle", 1, ATT_CERT_MAX, ATT_NO_CABUNDLE_SIZE,
			       &d->bundle[d->n_bundle], no) < 0)
			return -1;
	}
	if (settle(in, "payload", no) < 0)
		return -1;
	return d->n_bundle > 0 ? 0 : att_refuse(no, ATT_NO_CABUNDLE_COUNT, "cabundle is empty");
}

//= aws-attestation#3.2.2.2
//# public_key: 1 to 1024 bytes; user_data: 0 to 512 bytes; nonce: 0 to 512 bytes
static int read_optional(struct cbor_in *in, enum field f, struct att_doc *d, struct att_no *no)
{
	/* Documents say null where AWS's text says that nothing is null. */
	if (cbor_take_null(in))
		return 0;
	if (f == PUBLIC_KEY)
		return read_bytes(in, "public_key", 1, PUBLIC_KEY_MAX, ATT_NO_PUBLIC_KEY_SIZE,
				  &d->public_key, no);
	if (f == USER_DATA)
		return read_bytes(in, "user_data", 0, USER_DATA_MAX, ATT_NO_USER_DATA_SIZE,
				  &d->user_data, no);
	return read_bytes(in, "nonce", 0, NONCE_MAX, ATT_NO_NONCE_SIZE, &d->nonce, no);
}

static int read_value(struct cbor_in *in, enum field f, struct att_doc *d, struct att_no *no)
{
	switch (f) {
	case MODULE_ID:
		return read_module_id(in, d, no);
	case DIGEST:
		return read_digest(in, no);
	case TIMESTAMP:
		return read_timestamp(in, d, no);
	case PCRS:
		return read_pcrs(in, d, no);
	case CERTIFICATE:
		return read_bytes(in, "certificate", 1, ATT_CERT_MAX, ATT_NO_CERTIFICATE_SIZE,
				  &d->certificate, no);
	case CABUNDLE:
		return read_cabundle(in, d, no);
	case PUBLIC_KEY:
	case USER_DATA:
	case NONCE:
		return read_optional(in, f, d, no);
	case N_FIELDS:
		break;
	}
	return att_refuse(no, ATT_NO_FIELD_UNKNOWN, "no such field");
}

static int read_key(struct cbor_in *in, enum field *ret, struct att_no *no)
{
	struct ss_span key;

	if (want_kind(in, CBOR_TSTR, ATT_NO_FIELD_UNKNOWN, "a key of the payload", no) < 0)
		return -1;
	key = cbor_tstr(in);
	if (settle(in, "payload", no) < 0)
		return -1;
	for (unsigned i = 0; i < N_FIELDS; i++) {
		if (strlen(field_names[i]) == key.n && memcmp(field_names[i], key.p, key.n) == 0) {
			*ret = (enum field)i;
			return 0;
		}
	}
	return att_refuse(no, ATT_NO_FIELD_UNKNOWN, "the payload has a key '%s'", SS_SHOW(key));
}

//= aws-attestation#3.2.2.1
//# Mandatory: module_id, digest, timestamp, pcrs, certificate, cabundle; optional: public_key,
//# user_data, nonce; no other field
static int read_payload(struct att_doc *d, struct att_no *no)
{
	struct cbor_in in = reader(d->payload);
	struct cbor_seq m;
	unsigned seen = 0;

	if (want_kind(&in, CBOR_MAP, ATT_NO_FIELD_TYPE, "the payload", no) < 0)
		return -1;
	for (m = cbor_map(&in); cbor_more(&in, &m);) {
		enum field f = N_FIELDS;

		if (read_key(&in, &f, no) < 0)
			return -1;
		if ((seen & 1u << f) != 0)
			return att_refuse(no, ATT_NO_FIELD_TWICE, "%s comes twice", field_names[f]);
		seen |= 1u << f;
		if (read_value(&in, f, d, no) < 0)
			return -1;
	}
	if (settle_end(&in, d->payload.n, "payload", no) < 0)
		return -1;
	for (unsigned i = 0; i < PUBLIC_KEY; i++)
		if ((seen & 1u << i) == 0)
			return att_refuse(no, ATT_NO_FIELD_MISSING, "%s is missing",
					  field_names[i]);
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static bool is_qemu_zeros(struct ss_span s)
{
	return s.n == QEMU_ZEROS && att_is_zero(s);
}

/* Nothing between QEMU's form and a signed document: half of each is neither. */
static int check_emulated(const struct att_doc *d, struct att_no *no)
{
	if (!d->is_emulated)
		return 0;
	if (is_qemu_zeros(d->certificate) && d->n_bundle == 1 && is_qemu_zeros(d->bundle[0]))
		return 0;
	return att_refuse(no, ATT_NO_ALGORITHM, "the algorithm is %d, not ES384 (%d)", QEMU_ALG,
			  COSE_ES384);
}

int att_doc_read(struct ss_span in, struct att_doc *ret, struct att_no *no)
{
	struct att_doc d = { 0 };
	struct cbor_in r = reader(in);

	if (in.n == 0)
		return att_refuse(no, ATT_NO_DOCUMENT_SIZE, "the document is empty");
	if (in.n > ATT_DOCUMENT_MAX)
		return att_refuse(no, ATT_NO_DOCUMENT_SIZE,
				  "the document has over %zu bytes, the limit", ATT_DOCUMENT_MAX);
	if (read_frame(&r, &d, no) < 0 || settle_end(&r, in.n, "document", no) < 0)
		return -1;
	//= aws-attestation#3.1
	//# The payload is a byte string of 1 to 16384 bytes
	if (d.payload.n == 0 || d.payload.n > ATT_PAYLOAD_MAX)
		return att_refuse(no, ATT_NO_PAYLOAD_SIZE,
				  "the payload has %zu bytes; it must have 1 to %u", d.payload.n,
				  ATT_PAYLOAD_MAX);
	if (read_protected(&d, no) < 0 || check_signature_form(&d, no) < 0 ||
	    read_payload(&d, no) < 0 || check_emulated(&d, no) < 0)
		return -1;
	*ret = d;
	return 0;
}

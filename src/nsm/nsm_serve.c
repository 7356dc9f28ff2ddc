/* SPDX-License-Identifier: Apache-2.0 */
#include "nsm/nsm_serve.h"

#include "base/text.h"
#include "fmt/cbor.h"

#include <string.h>

/* By enum nsm_call: the name of request and answer, its keys, and the key of a one-string answer.
 */
static const struct {
	const char *name;
	const char *keys[3]; /* of the request */
	unsigned n_keys;     /* 0: the request is the bare name */
	const char *answer;
} calls[] = {
	[NSM_DESCRIBE_NSM] = { "DescribeNSM", { NULL }, 0, NULL },
	[NSM_GET_RANDOM] = { "GetRandom", { NULL }, 0, "random" },
	[NSM_DESCRIBE_PCR] = { "DescribePCR", { "index" }, 1, NULL },
	[NSM_EXTEND_PCR] = { "ExtendPCR", { "index", "data" }, 2, "data" },
	[NSM_LOCK_PCR] = { "LockPCR", { "index" }, 1, NULL },
	[NSM_LOCK_PCRS] = { "LockPCRs", { "range" }, 1, NULL },
	[NSM_ATTESTATION] = { "Attestation",
			      { "user_data", "nonce", "public_key" },
			      3,
			      "document" },
};

static enum nsm_call read_name(struct cbor_in *in, bool bare)
{
	const struct ss_span name = cbor_tstr(in);

	for (size_t i = 0; i < SS_NELEMS(calls); i++)
		if (ss_is(name, calls[i].name) && (calls[i].n_keys == 0) == bare)
			return (enum nsm_call)i;
	cbor_refuse(in, "no such request");
	return NSM_DESCRIBE_NSM;
}

/* The place of the next key among those of the request; -1 with the reader bad. */
static int read_key(struct cbor_in *in, enum nsm_call call, unsigned *seen)
{
	const struct ss_span key = cbor_tstr(in);

	for (unsigned i = 0; i < calls[call].n_keys; i++) {
		if (!ss_is(key, calls[call].keys[i]))
			continue;
		if ((*seen & 1u << i) != 0)
			cbor_refuse(in, "a key comes twice");
		*seen |= 1u << i;
		return (int)i;
	}
	cbor_refuse(in, "an unknown key");
	return -1;
}

/* An empty string has a pointer, too: it is there. */
static struct ss_span read_optional(struct cbor_in *in)
{
	return cbor_take_null(in) ? (struct ss_span){ NULL, 0 } : cbor_bstr(in);
}

static void read_value(struct cbor_in *in, int key, struct nsm_request *r)
{
	if (r->call == NSM_ATTESTATION && key == 0)
		r->attestation.user_data = read_optional(in);
	else if (r->call == NSM_ATTESTATION && key == 1)
		r->attestation.nonce = read_optional(in);
	else if (r->call == NSM_ATTESTATION)
		r->attestation.public_key = read_optional(in);
	else if (key == 1)
		r->data = cbor_bstr(in);
	else
		r->index = (uint16_t)cbor_uint_max(in, UINT16_MAX);
}

/* {"Name": {…}} */
static void read_map(struct cbor_in *in, struct nsm_request *r)
{
	struct cbor_seq outer = cbor_map(in);
	struct cbor_seq inner;
	unsigned seen = 0;

	if (!cbor_more(in, &outer)) {
		cbor_refuse(in, "a map without a request");
		return;
	}
	r->call = read_name(in, false);
	for (inner = cbor_map(in); cbor_more(in, &inner);)
		read_value(in, read_key(in, r->call, &seen), r);
	if (r->call != NSM_ATTESTATION && seen != (1u << calls[r->call].n_keys) - 1)
		cbor_refuse(in, "a key is missing");
	if (cbor_more(in, &outer))
		cbor_refuse(in, "more than one request");
}

int nsm_request_read(struct ss_span in, struct nsm_request *ret, struct ss_err *err)
{
	struct cbor_in c = cbor_in_init(in, CBOR_ANY_WIDTH | CBOR_INDEFINITE);
	struct nsm_request r = { 0 };

	if (cbor_peek(&c) == CBOR_TSTR)
		r.call = read_name(&c, true);
	else
		read_map(&c, &r);
	if (cbor_end(&c, "NSM request", err) < 0)
		return -1;
	*ret = r;
	return 0;
}

/* --- answers --------------------------------------------------------------------------------- */

/* {"Name": {n pairs follow}} */
static void open_answer(struct ss_buf *b, enum nsm_call call, uint64_t n)
{
	cbor_put_map(b, 1);
	cbor_put_tstr(b, calls[call].name);
	cbor_put_map(b, n);
}

void nsm_answer_error(struct ss_buf *b, enum nsm_error e)
{
	static const char *const names[] = {
		[NSM_INVALID_ARGUMENT] = "InvalidArgument",
		[NSM_INVALID_INDEX] = "InvalidIndex",
		[NSM_INVALID_RESPONSE] = "InvalidResponse",
		[NSM_READ_ONLY_INDEX] = "ReadOnlyIndex",
		[NSM_INVALID_OPERATION] = "InvalidOperation",
		[NSM_BUFFER_TOO_SMALL] = "BufferTooSmall",
		[NSM_INPUT_TOO_LARGE] = "InputTooLarge",
		[NSM_INTERNAL_ERROR] = "InternalError",
	};

	cbor_put_map(b, 1);
	cbor_put_tstr(b, "Error");
	cbor_put_tstr(b, names[e]);
}

static void put_number(struct ss_buf *b, const char *key, uint64_t v)
{
	cbor_put_tstr(b, key);
	cbor_put_uint(b, v);
}

void nsm_answer_describe_nsm(struct ss_buf *b, const struct nsm_description *d)
{
	open_answer(b, NSM_DESCRIBE_NSM, 7);
	put_number(b, "version_major", d->version[0]);
	put_number(b, "version_minor", d->version[1]);
	put_number(b, "version_patch", d->version[2]);
	cbor_put_tstr(b, "module_id");
	cbor_put_text(b, d->module_id);
	put_number(b, "max_pcrs", d->max_pcrs);
	cbor_put_tstr(b, "locked_pcrs");
	cbor_put_array(b, (uint64_t)__builtin_popcount(d->locked));
	for (uint32_t i = 0; i < NSM_PCRS; i++)
		if ((d->locked & UINT32_C(1) << i) != 0)
			cbor_put_uint(b, i);
	cbor_put_tstr(b, "digest");
	cbor_put_text(b, d->digest);
}

void nsm_answer_describe_pcr(struct ss_buf *b, const struct nsm_pcr *p)
{
	open_answer(b, NSM_DESCRIBE_PCR, 2);
	cbor_put_tstr(b, "lock");
	cbor_put_bool(b, p->locked);
	cbor_put_tstr(b, "data");
	cbor_put_bstr(b, (struct ss_span){ p->value, NSM_PCR_SIZE });
}

void nsm_answer_bytes(struct ss_buf *b, enum nsm_call call, struct ss_span s)
{
	open_answer(b, call, 1);
	cbor_put_tstr(b, calls[call].answer);
	cbor_put_bstr(b, s);
}

void nsm_answer_done(struct ss_buf *b, enum nsm_call call)
{
	cbor_put_tstr(b, calls[call].name);
}

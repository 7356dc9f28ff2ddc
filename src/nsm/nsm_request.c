/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/cbor.h"
#include "nsm/nsm.h"

/* {"Name": {n pairs follow}} */
static void put_call(struct ss_buf *b, const char *name, uint64_t n)
{
	cbor_put_map(b, 1);
	cbor_put_tstr(b, name);
	cbor_put_map(b, n);
}

static void put_number(struct ss_buf *b, const char *key, uint32_t v)
{
	cbor_put_tstr(b, key);
	cbor_put_uint(b, v);
}

static void put_optional(struct ss_buf *b, const char *key, struct ss_span v)
{
	cbor_put_tstr(b, key);
	if (v.p == NULL)
		cbor_put_null(b);
	else
		cbor_put_bstr(b, v);
}

void nsm_put_describe_nsm(struct ss_buf *b)
{
	cbor_put_tstr(b, "DescribeNSM");
}

void nsm_put_get_random(struct ss_buf *b)
{
	cbor_put_tstr(b, "GetRandom");
}

void nsm_put_describe_pcr(struct ss_buf *b, uint32_t index)
{
	put_call(b, "DescribePCR", 1);
	put_number(b, "index", index);
}

void nsm_put_extend_pcr(struct ss_buf *b, uint32_t index, struct ss_span data)
{
	put_call(b, "ExtendPCR", 2);
	put_number(b, "index", index);
	cbor_put_tstr(b, "data");
	cbor_put_bstr(b, data);
}

void nsm_put_lock_pcr(struct ss_buf *b, uint32_t index)
{
	put_call(b, "LockPCR", 1);
	put_number(b, "index", index);
}

void nsm_put_lock_pcrs(struct ss_buf *b, uint32_t range)
{
	put_call(b, "LockPCRs", 1);
	put_number(b, "range", range);
}

void nsm_put_attestation(struct ss_buf *b, const struct nsm_attestation *a)
{
	put_call(b, "Attestation", 3);
	put_optional(b, "user_data", a->user_data);
	put_optional(b, "nonce", a->nonce);
	put_optional(b, "public_key", a->public_key);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/cbor.h"

#include <string.h>

static void put_u8(struct ss_buf *b, unsigned v)
{
	const uint8_t byte = (uint8_t)v;

	ss_buf_put(b, (struct ss_span){ &byte, 1 });
}

static void put_head(struct ss_buf *b, enum cbor_kind kind, uint64_t v)
{
	const unsigned major = (unsigned)kind << 5;

	if (v < 24) {
		put_u8(b, major | (unsigned)v);
	} else if (v <= UINT8_MAX) {
		put_u8(b, major | 24);
		put_u8(b, (unsigned)v);
	} else if (v <= UINT16_MAX) {
		put_u8(b, major | 25);
		ss_buf_be16(b, (uint16_t)v);
	} else if (v <= UINT32_MAX) {
		put_u8(b, major | 26);
		ss_buf_be32(b, (uint32_t)v);
	} else {
		put_u8(b, major | 27);
		ss_buf_be64(b, v);
	}
}

void cbor_put_uint(struct ss_buf *b, uint64_t v)
{
	put_head(b, CBOR_UINT, v);
}

void cbor_put_int(struct ss_buf *b, int64_t v)
{
	if (v < 0)
		put_head(b, CBOR_NEGINT, (uint64_t) - (v + 1));
	else
		put_head(b, CBOR_UINT, (uint64_t)v);
}

void cbor_put_bstr_head(struct ss_buf *b, uint64_t n)
{
	put_head(b, CBOR_BSTR, n);
}

void cbor_put_bstr(struct ss_buf *b, struct ss_span s)
{
	put_head(b, CBOR_BSTR, s.n);
	ss_buf_put(b, s);
}

void cbor_put_text(struct ss_buf *b, struct ss_span s)
{
	put_head(b, CBOR_TSTR, s.n);
	ss_buf_put(b, s);
}

void cbor_put_tstr(struct ss_buf *b, const char *s)
{
	cbor_put_text(b, (struct ss_span){ (const uint8_t *)s, strlen(s) });
}

void cbor_put_array(struct ss_buf *b, uint64_t n)
{
	put_head(b, CBOR_ARRAY, n);
}

void cbor_put_map(struct ss_buf *b, uint64_t n)
{
	put_head(b, CBOR_MAP, n);
}

void cbor_put_tag(struct ss_buf *b, uint64_t tag)
{
	put_head(b, CBOR_TAG, tag);
}

void cbor_put_bool(struct ss_buf *b, bool v)
{
	put_head(b, CBOR_SIMPLE, v ? 21 : 20);
}

void cbor_put_null(struct ss_buf *b)
{
	put_head(b, CBOR_SIMPLE, 22);
}

void cbor_put_byte_array(struct ss_buf *b, struct ss_span s)
{
	put_head(b, CBOR_ARRAY, s.n);
	for (size_t i = 0; i < s.n; i++)
		put_head(b, CBOR_UINT, s.p[i]);
}

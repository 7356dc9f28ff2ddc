/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * CBOR (RFC 8949), the part that EIF signatures, the measured config, the NSM and attestation
 * documents use: integers, byte and text strings, arrays, maps, tags, false, true, null. No floats,
 * no strings in pieces. The reader (cbor.c) allocates nothing, does not recurse and lends spans of
 * its input; the writer (cbor_write.c) emits definite lengths and the shortest heads.
 *
 * The reader latches like ss_cur: after the first failure every call yields zero and loops end, so
 * a parser reads a whole record down the page and asks once, with cbor_check() or cbor_end().
 */
#define CBOR_MAX_DEPTH 16u /* of what cbor_skip() follows; NSM documents have 4 */

/* What a reader takes beyond definite lengths and shortest heads. */
#define CBOR_STRICT 0u
#define CBOR_ANY_WIDTH 1u  /* heads that are longer than they need be */
#define CBOR_INDEFINITE 2u /* arrays and maps that end with a break (NSM documents since 2025) */

/* The major types, in the order of their numbers. */
enum cbor_kind {
	CBOR_UINT,
	CBOR_NEGINT,
	CBOR_BSTR,
	CBOR_TSTR,
	CBOR_ARRAY,
	CBOR_MAP,
	CBOR_TAG,
	CBOR_SIMPLE,
	CBOR_NOTHING, /* the input has ended, or the reader is bad */
};

struct cbor_in {
	struct ss_cur c;
	unsigned accept;
	const char *why;  /* static text of the first failure; NULL = good so far */
	const char *want; /* the key that was expected, where that was the failure */
	size_t why_at;
};

static inline struct cbor_in cbor_in_init(struct ss_span s, unsigned accept)
{
	return (struct cbor_in){ .c = ss_cur_init(s), .accept = accept };
}

/* What comes next; consumes nothing. */
SS_NONNULL enum cbor_kind cbor_peek(const struct cbor_in *in);
SS_NONNULL size_t cbor_offset(const struct cbor_in *in);
/* The input bytes from an earlier cbor_offset() to here. */
SS_NONNULL struct ss_span cbor_since(const struct cbor_in *in, size_t from);

SS_NONNULL uint64_t cbor_uint(struct cbor_in *in);
/* An unsigned integer of at most `max`. */
SS_NONNULL uint64_t cbor_uint_max(struct cbor_in *in, uint64_t max);
/* Either sign; what int64_t cannot hold is a failure. */
SS_NONNULL int64_t cbor_int(struct cbor_in *in);
SS_NONNULL struct ss_span cbor_bstr(struct cbor_in *in);
SS_NONNULL struct ss_span cbor_tstr(struct cbor_in *in); /* valid UTF-8 */
SS_NONNULL bool cbor_bool(struct cbor_in *in);
/* True, and consumed, if null comes next; otherwise nothing happens. */
SS_NONNULL bool cbor_take_null(struct cbor_in *in);
/* The same for the tag with this number: the tagged item is next. */
SS_NONNULL bool cbor_take_tag(struct cbor_in *in, uint64_t tag);
/* A text string equal to `key`: for maps whose keys have a fixed order. */
SS_NONNULL void cbor_key(struct cbor_in *in, const char *key);

/*
 * for (s = cbor_array(&in); cbor_more(&in, &s);) reads one item a turn (of a map: key and value).
 * A definite count that the rest of the input cannot hold fails at once.
 */
struct cbor_seq {
	uint64_t left;
	bool open; /* indefinite: a break ends it */
};
SS_NONNULL struct cbor_seq cbor_array(struct cbor_in *in);
SS_NONNULL struct cbor_seq cbor_map(struct cbor_in *in);
SS_NONNULL bool cbor_more(struct cbor_in *in, struct cbor_seq *s);

/* One whole item, at most CBOR_MAX_DEPTH deep. */
SS_NONNULL void cbor_skip(struct cbor_in *in);

/* A failure that the caller saw: `why` is static text. The first failure stays. */
SS_NONNULL void cbor_refuse(struct cbor_in *in, const char *why);
/* 0, or -1 with *err naming `what`, the reason and the offset. cbor_end(): and no bytes follow. */
SS_MUST_CHECK SS_NONNULL int cbor_check(const struct cbor_in *in, const char *what,
					struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int cbor_end(const struct cbor_in *in, const char *what,
				      struct ss_err *err);

SS_NONNULL void cbor_put_uint(struct ss_buf *b, uint64_t v);
SS_NONNULL void cbor_put_int(struct ss_buf *b, int64_t v);
SS_NONNULL void cbor_put_bstr(struct ss_buf *b, struct ss_span s);
SS_NONNULL void cbor_put_bstr_head(struct ss_buf *b, uint64_t n); /* the caller adds n bytes */
SS_NONNULL void cbor_put_text(struct ss_buf *b, struct ss_span s);
SS_NONNULL void cbor_put_tstr(struct ss_buf *b, const char *s);
SS_NONNULL void cbor_put_array(struct ss_buf *b, uint64_t n); /* n items follow */
SS_NONNULL void cbor_put_map(struct ss_buf *b, uint64_t n);   /* n pairs follow */
SS_NONNULL void cbor_put_tag(struct ss_buf *b, uint64_t tag);
SS_NONNULL void cbor_put_bool(struct ss_buf *b, bool v);
SS_NONNULL void cbor_put_null(struct ss_buf *b);
/* Bytes as an array of unsigned integers: how the EIF signature section spells them. */
SS_NONNULL void cbor_put_byte_array(struct ss_buf *b, struct ss_span s);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * DER (X.690, section 10 on), the part that certificates are made of, read strictly: one-byte tags,
 * definite lengths in their shortest form. Latches like ss_cur: after the first failure every call
 * yields nothing, so a parser reads down the page and asks once, with der_check(). Lends spans of
 * its input; no heap, no recursion.
 */
enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_UTC_TIME = 0x17,
	DER_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0xa0, /* + n: [n], constructed */
};

struct der_in {
	struct ss_cur c;
	const char *why; /* static text of the first failure; NULL = good so far */
};

static inline struct der_in der_in_init(struct ss_span s)
{
	return (struct der_in){ .c = ss_cur_init(s) };
}

/* True if there is more, and the reader is good. */
SS_NONNULL bool der_more(const struct der_in *in);
/* True if an element with this tag comes next; consumes nothing. */
SS_NONNULL bool der_is(const struct der_in *in, unsigned tag);

/* The contents of the next element, which must have this tag. */
SS_NONNULL struct ss_span der_take(struct der_in *in, unsigned tag);
/* The whole of it, tag and length too. */
SS_NONNULL struct ss_span der_whole(struct der_in *in, unsigned tag);
/* A reader of its contents. */
SS_NONNULL struct der_in der_open(struct der_in *in, unsigned tag);
/* Whatever comes next. */
SS_NONNULL void der_skip(struct der_in *in);

SS_NONNULL bool der_bool(struct der_in *in);
/* An integer from 0 to UINT32_MAX; a larger one is UINT32_MAX, a negative one a failure. */
SS_NONNULL uint32_t der_uint(struct der_in *in);
/* Bytes of a bit string whose last `*ret_unused` bits, all zero, are not part of it. */
SS_NONNULL struct ss_span der_bits(struct der_in *in, unsigned *ret_unused);
/* UTCTime or GeneralizedTime to the second, with Z: seconds since 1970. */
SS_NONNULL int64_t der_time(struct der_in *in);

/* A failure of an inner reader, or one that the caller saw; the first stays. `why` is static. */
SS_NONNULL void der_refuse(struct der_in *in, const char *why);
/* Nothing may follow in `inner`, and its failure is one of `in`. */
SS_NONNULL void der_close(struct der_in *in, const struct der_in *inner);
/* 0, or -1 with *err naming `what` and the reason, also where bytes are left. */
SS_MUST_CHECK SS_NONNULL int der_end(const struct der_in *in, const char *what, struct ss_err *err);

/* "2.5.29.15", cut to the room there is. */
#define DER_OID_TEXT 64u
SS_NONNULL void der_oid_text(struct ss_span oid, char ret[DER_OID_TEXT]);

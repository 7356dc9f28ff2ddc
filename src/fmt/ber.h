/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * BER (X.690, section 8), as far as CMS messages need it: one-byte tags, lengths definite (at most
 * four octets, the shortest or not) or indefinite, octet strings whole or in pieces. Certificates
 * have a stricter reader, fmt/der.h.
 *
 * One reader walks the whole message: ber_enter() goes into an element, ber_leave() out of it at
 * its end. The ends lie on a stack of BER_MAX_DEPTH; nothing recurses. Latches like ss_cur: after
 * the first failure every call yields nothing, so a parser reads down the page and asks once, with
 * ber_end(). Lends spans of its input; no heap.
 */
enum ber_tag {
	BER_INTEGER = 0x02,
	BER_OCTETS = 0x04,
	BER_NULL = 0x05,
	BER_OID = 0x06,
	BER_SEQUENCE = 0x30,
	BER_SET = 0x31,
	BER_CONTEXT = 0x80, /* + n: [n] */
	BER_CONSTRUCTED = 0x20,
};

#define BER_MAX_DEPTH 16u

struct ber_in {
	struct ss_span all;
	size_t at;
	const char *why; /* static text of the first failure; NULL = good so far */
	size_t why_at;   /* where the element began that failed */
	unsigned depth;
	struct {
		size_t end; /* the element's own, or that of the one it is in */
		bool is_indefinite;
	} open[BER_MAX_DEPTH];
};

SS_NONNULL static inline void ber_init(struct ber_in *in, struct ss_span s)
{
	*in = (struct ber_in){ .all = s };
}

/* True if the element that was entered, or the message, holds more, and the reader is good. */
SS_NONNULL bool ber_more(const struct ber_in *in);
/* The tag of the element that comes next; 0: there is none, or none that can be read. */
SS_NONNULL unsigned ber_next(const struct ber_in *in);
SS_NONNULL static inline bool ber_is(const struct ber_in *in, unsigned tag)
{
	return ber_next(in) == tag;
}

/* Into the next element, which must have this tag and be constructed. */
SS_NONNULL void ber_enter(struct ber_in *in, unsigned tag);
/* Out of it again: nothing may be left in it. */
SS_NONNULL void ber_leave(struct ber_in *in);
/* The contents of the next element, which must have this tag and be primitive. */
SS_NONNULL struct ss_span ber_take(struct ber_in *in, unsigned tag);
/* An integer from 0 to UINT32_MAX; a larger one is UINT32_MAX, a negative one a failure. */
SS_NONNULL uint32_t ber_uint(struct ber_in *in);
/* A NULL. */
SS_NONNULL void ber_null(struct ber_in *in);
/* The octet string that comes next under this (primitive) tag, whole or in whole pieces; appended.
 * The buffer says if it was too long for it. */
SS_NONNULL void ber_octets(struct ber_in *in, unsigned tag, struct ss_buf *ret);

/* A failure that the caller saw; the first stays. `why` is static. */
SS_NONNULL void ber_refuse(struct ber_in *in, const char *why);
/* The same of an element that has been read: `at` is where it began. */
SS_NONNULL void ber_refuse_at(struct ber_in *in, size_t at, const char *why);
/* 0, or -1 with *err naming `what`, the reason and the place, also where bytes are left. Everything
 * that was entered has been left. */
SS_MUST_CHECK SS_NONNULL int ber_end(const struct ber_in *in, const char *what, struct ss_err *err);

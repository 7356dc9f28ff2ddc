/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/*
 * Requests of HTTP/1.1 as programs send them to a proxy, read strictly: what two readers could take
 * in two ways is refused (a blank before ':', a folded line, a bare newline, two lengths, a length
 * beside chunks). Answers are written from what the lock has, and from nothing else. Pure; spans
 * point into what was read.
 */
#define REC_HEAD_MAX 32768u
#define REC_FIELDS_MAX 100u

struct rec_field {
	struct ss_span name;
	struct ss_span value; /* without the blanks around it */
};

struct rec_head {
	struct ss_span method;
	struct ss_span target;
	struct rec_field fields[REC_FIELDS_MAX];
	size_t n;
	bool keep;       /* the connection stays open */
	bool chunked;    /* the body comes in chunks; else */
	uint64_t length; /* so many bytes; 0 = there is none */
	bool expects;    /* "100-continue" */
};

/* 1 = read, *ret_size bytes; 0 = more is needed; -1 = refused. */
SS_MUST_CHECK SS_NONNULL int rec_head_read(struct ss_span in, struct rec_head *ret,
					   size_t *ret_size, struct ss_err *err);
/* The first field of that name (lower case); p = NULL: there is none. */
SS_MUST_CHECK SS_NONNULL struct ss_span rec_head_field(const struct rec_head *h, const char *name);

struct rec_range {
	uint64_t at;
	uint64_t n;
};

enum rec_ranged { REC_RANGE_NONE, REC_RANGE_PART, REC_RANGE_OUTSIDE };

/* What the request wants of a body of `size` bytes. Several ranges, or a condition that we cannot
 * judge, are no range: then it gets the whole, as a server may always do. */
SS_MUST_CHECK SS_NONNULL enum rec_ranged rec_head_range(const struct rec_head *h, uint64_t size,
							struct rec_range *ret);

/* --- chunks --------------------------------------------------------------------------------------
 */

struct rec_chunks {
	int state;
	uint64_t left;
	unsigned digits; /* of a size; bytes of a trailer */
	bool line;       /* a trailer's line has something in it */
};

/*
 * Takes chunked bytes off the front of *in. A run of body bytes goes to *ret, which may be empty:
 * call again until *in is empty or *ret_end is set. -1: broken.
 */
SS_MUST_CHECK SS_NONNULL int rec_chunks_next(struct rec_chunks *c, struct ss_span *in,
					     struct ss_span *ret, bool *ret_end,
					     struct ss_err *err);

/* "Thu, 01 Jan 1970 00:00:00 GMT" */
#define REC_DATE_SIZE 32u
SS_NONNULL void rec_date_write(uint64_t epoch, char ret[REC_DATE_SIZE]);

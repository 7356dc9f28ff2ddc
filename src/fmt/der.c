/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/der.h"

#include "base/date.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LONG_FORM 0x80u
#define TAG_NUMBER 0x1fu /* all set: the tag goes on in more bytes */

static bool is_bad(const struct der_in *in)
{
	return in->why != NULL || in->c.bad;
}

void der_refuse(struct der_in *in, const char *why)
{
	if (!is_bad(in))
		in->why = why;
}

bool der_more(const struct der_in *in)
{
	return !is_bad(in) && ss_cur_left(&in->c) > 0;
}

bool der_is(const struct der_in *in, unsigned tag)
{
	struct ss_cur copy = in->c;

	return der_more(in) && ss_cur_u8(&copy) == tag;
}

//= x690#section-10.1
//# The definite form of length encoding is used, with the minimum number of octets
static size_t read_length(struct der_in *in)
{
	const uint8_t first = ss_cur_u8(&in->c);
	size_t n;

	if (first < LONG_FORM)
		return first;
	if (first == LONG_FORM + 1) {
		n = ss_cur_u8(&in->c);
		if (n < LONG_FORM)
			der_refuse(in, "a length that is not the shortest");
	} else if (first == LONG_FORM + 2) {
		n = ss_cur_be16(&in->c);
		if (n <= UINT8_MAX)
			der_refuse(in, "a length that is not the shortest");
	} else {
		n = 0;
		der_refuse(in, "a length that is indefinite or over 65535");
	}
	return n;
}

/* Any tag but one of several bytes. */
static struct ss_span take_any(struct der_in *in, unsigned *ret_tag)
{
	struct ss_span s = { NULL, 0 };
	size_t n;

	*ret_tag = 0;
	if (is_bad(in))
		return s;
	*ret_tag = ss_cur_u8(&in->c);
	if ((*ret_tag & TAG_NUMBER) == TAG_NUMBER)
		der_refuse(in, "a tag of several bytes");
	n = read_length(in);
	if (is_bad(in))
		return s;
	return ss_cur_take(&in->c, n);
}

struct ss_span der_take(struct der_in *in, unsigned tag)
{
	const struct ss_span nothing = { NULL, 0 };
	struct ss_span s;
	unsigned seen;

	if (der_more(in) && !der_is(in, tag))
		der_refuse(in, "another element than was expected");
	s = take_any(in, &seen);
	return is_bad(in) ? nothing : s;
}

struct ss_span der_whole(struct der_in *in, unsigned tag)
{
	const uint8_t *from = in->c.p;

	(void)der_take(in, tag);
	if (is_bad(in))
		return (struct ss_span){ NULL, 0 };
	return (struct ss_span){ from, (size_t)(in->c.p - from) };
}

struct der_in der_open(struct der_in *in, unsigned tag)
{
	struct der_in inner = der_in_init(der_take(in, tag));

	inner.why = in->why; /* nothing is read where nothing was found */
	inner.c.bad = in->c.bad;
	return inner;
}

void der_skip(struct der_in *in)
{
	unsigned tag;

	(void)take_any(in, &tag);
}

void der_close(struct der_in *in, const struct der_in *inner)
{
	if (inner->why != NULL)
		der_refuse(in, inner->why);
	else if (inner->c.bad)
		der_refuse(in, "an element that ends early");
	else if (ss_cur_left(&inner->c) > 0)
		der_refuse(in, "an element that holds more than it should");
}

bool der_bool(struct der_in *in)
{
	const struct ss_span s = der_take(in, DER_BOOLEAN);

	if (is_bad(in))
		return false;
	//= x690#section-11.1
	//# TRUE is FF
	if (s.n != 1 || (s.p[0] != 0 && s.p[0] != UINT8_MAX))
		der_refuse(in, "a boolean that is neither");
	return !is_bad(in) && s.p[0] != 0;
}

uint32_t der_uint(struct der_in *in)
{
	struct ss_span s = der_take(in, DER_INTEGER);
	uint32_t v = 0;

	if (is_bad(in))
		return 0;
	//= x690#section-8.3.2
	//# The first nine bits are neither all ones nor all zero
	if (s.n == 0 || (s.n > 1 && s.p[0] == 0 && s.p[1] < 0x80)) {
		der_refuse(in, "an integer that is not the shortest");
		return 0;
	}
	if (s.p[0] >= 0x80) {
		der_refuse(in, "a negative integer");
		return 0;
	}
	for (size_t i = 0; i < s.n; i++) {
		if (v > UINT32_MAX >> 8)
			return UINT32_MAX;
		v = v << 8 | s.p[i];
	}
	return v;
}

struct ss_span der_bits(struct der_in *in, unsigned *ret_unused)
{
	struct ss_span s = der_take(in, DER_BITS);

	unsigned unused;

	*ret_unused = 0;
	if (is_bad(in))
		return s;
	unused = s.n > 0 ? s.p[0] : 8;
	if (unused > 7 || (s.n == 1 && unused > 0) ||
	    (s.n > 1 && (s.p[s.n - 1] & ((1u << unused) - 1)) != 0)) {
		der_refuse(in, "a bit string that is none");
		return (struct ss_span){ NULL, 0 };
	}
	*ret_unused = unused;
	return (struct ss_span){ s.p + 1, s.n - 1 };
}

/* Two digits, or 100 where there are none. */
static unsigned two(const uint8_t *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return 100;
	return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

//= rfc5280#section-4.1.2.5
//# YYMMDDHHMMSSZ, years from 50 on in the 20th century; or YYYYMMDDHHMMSSZ
int64_t der_time(struct der_in *in)
{
	const bool is_short = der_is(in, DER_UTC_TIME);
	const struct ss_span s = der_take(in, is_short ? DER_UTC_TIME : DER_TIME);
	const size_t year = is_short ? 2 : 4;
	struct ss_date d;
	int64_t t = 0;
	unsigned v[7] = { 0 };

	if (is_bad(in))
		return 0;
	if (s.n != year + 11 || s.p[s.n - 1] != 'Z') {
		der_refuse(in, "a date that is none");
		return 0;
	}
	for (size_t i = 0; i < (s.n - 1) / 2; i++) {
		v[i] = two(s.p + 2 * i);
		if (v[i] == 100)
			der_refuse(in, "a date that is none");
	}
	d = is_short ? (struct ss_date){ v[0] + (v[0] >= 50 ? 1900u : 2000u),
					 v[1],
					 v[2],
					 v[3],
					 v[4],
					 v[5] }
		     : (struct ss_date){ v[0] * 100 + v[1], v[2], v[3], v[4], v[5], v[6] };
	if (!is_bad(in) && !ss_date_exact(&d, &t))
		der_refuse(in, "a date that is none");
	return t;
}

int der_end(const struct der_in *in, const char *what, struct ss_err *err)
{
	if (in->why != NULL)
		return ss_fail(err, SS_EINPUT, "%s: %s", what, in->why);
	if (in->c.bad)
		return ss_fail(err, SS_EINPUT, "%s: it ends early", what);
	if (ss_cur_left(&in->c) > 0)
		return ss_fail(err, SS_EINPUT, "%s: %zu bytes follow its end", what,
			       ss_cur_left(&in->c));
	return 0;
}

void der_oid_text(struct ss_span oid, char ret[DER_OID_TEXT])
{
	uint64_t v = 0;
	size_t n = 0;
	bool first = true;

	ret[0] = '\0';
	for (size_t i = 0; i < oid.n && n < DER_OID_TEXT; i++) {
		v = (v & (UINT64_MAX >> 7)) << 7 | (oid.p[i] & 0x7fu);
		if ((oid.p[i] & 0x80u) != 0)
			continue;
		if (first) {
			const uint64_t top = v < 80 ? v / 40 : 2;

			n += (size_t)snprintf(ret + n, DER_OID_TEXT - n, "%" PRIu64 ".%" PRIu64,
					      top, v - top * 40);
		} else {
			n += (size_t)snprintf(ret + n, DER_OID_TEXT - n, ".%" PRIu64, v);
		}
		first = false;
		v = 0;
	}
}

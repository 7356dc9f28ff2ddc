/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_head.h"

#include "base/num.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool number(struct ss_span s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret = v;
	return true;
}

/* --- the head ----------------------------------------------------------------------------------
 */

/* The next line off the front of *in, without its end. */
static int next_line(struct ss_span *in, struct ss_span *ret, struct ss_err *err)
{
	const uint8_t *nl = in->n > 0 ? memchr(in->p, '\n', in->n) : NULL;
	size_t n;

	if (nl == NULL)
		return ss_fail(err, SS_EINPUT, "request: a line without an end");
	n = (size_t)(nl - in->p);
	if (n == 0 || in->p[n - 1] != '\r')
		return ss_fail(err, SS_EINPUT, "request: a bare newline");
	*ret = (struct ss_span){ in->p, n - 1 };
	in->p += n + 1;
	in->n -= n + 1;
	for (size_t i = 0; i < ret->n; i++)
		if ((ret->p[i] < ' ' && ret->p[i] != '\t') || ret->p[i] == 0x7f)
			return ss_fail(err, SS_EINPUT, "request: a control character");
	return 0;
}

static int read_first(struct ss_span line, struct rec_head *h, struct ss_err *err)
{
	size_t m = 0, t;

	while (m < line.n && is_token(line.p[m]))
		m++;
	t = m + 1;
	while (t < line.n && line.p[t] > ' ')
		t++;
	if (m == 0 || m > 32 || m >= line.n || line.p[m] != ' ' || t <= m + 1 || line.n - t != 9 ||
	    memcmp(line.p + t, " HTTP/1.", 8) != 0 ||
	    (line.p[line.n - 1] != '0' && line.p[line.n - 1] != '1'))
		return ss_fail(err, SS_EINPUT, "request: not one of HTTP/1.1");
	h->method = (struct ss_span){ line.p, m };
	h->target = (struct ss_span){ line.p + m + 1, t - m - 1 };
	h->keep = line.p[line.n - 1] == '1';
	return 0;
}

static int read_field(struct ss_span line, struct rec_head *h, struct ss_err *err)
{
	size_t n = 0;
	struct rec_field f;

	while (n < line.n && is_token(line.p[n]))
		n++;
	if (n == 0 || n == line.n || line.p[n] != ':')
		return ss_fail(err, SS_EINPUT, "request: not a header field");
	if (h->n == REC_FIELDS_MAX)
		return ss_fail(err, SS_ELIMIT, "request: more than %u header fields",
			       REC_FIELDS_MAX);
	f.name = (struct ss_span){ line.p, n };
	f.value = (struct ss_span){ line.p + n + 1, line.n - n - 1 };
	while (f.value.n > 0 && (f.value.p[0] == ' ' || f.value.p[0] == '\t')) {
		f.value.p++;
		f.value.n--;
	}
	while (f.value.n > 0 &&
	       (f.value.p[f.value.n - 1] == ' ' || f.value.p[f.value.n - 1] == '\t'))
		f.value.n--;
	h->fields[h->n++] = f;
	return 0;
}

/* What the fields say of the message itself. */
static int read_framing(struct rec_head *h, struct ss_err *err)
{
	bool has_length = false;

	for (size_t i = 0; i < h->n; i++) {
		const struct rec_field *f = &h->fields[i];

		if (ss_is_folded(f->name, "content-length")) {
			if (has_length || !number(f->value, &h->length))
				return ss_fail(err, SS_EINPUT, "request: a bad Content-Length");
			has_length = true;
		} else if (ss_is_folded(f->name, "transfer-encoding")) {
			if (h->chunked || !ss_is_folded(f->value, "chunked"))
				return ss_fail(err, SS_EINPUT, "request: a bad Transfer-Encoding");
			h->chunked = true;
		} else if (ss_is_folded(f->name, "connection") ||
			   ss_is_folded(f->name, "proxy-connection")) {
			h->keep = ss_is_folded(f->value, "close")        ? false
				  : ss_is_folded(f->value, "keep-alive") ? true
									 : h->keep;
		} else if (ss_is_folded(f->name, "expect")) {
			h->expects = ss_is_folded(f->value, "100-continue");
		}
	}
	if (has_length && h->chunked)
		return ss_fail(err, SS_EINPUT, "request: a length beside chunks");
	return 0;
}

int rec_head_read(struct ss_span in, struct rec_head *ret, size_t *ret_size, struct ss_err *err)
{
	const uint8_t *end = in.n > 0 ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;
	struct ss_span rest, line;

	if (end == NULL && in.n >= REC_HEAD_MAX)
		return ss_fail(err, SS_ELIMIT, "request: a head of more than %u bytes",
			       REC_HEAD_MAX);
	if (end == NULL)
		return 0;
	rest = (struct ss_span){ in.p, (size_t)(end - in.p) + 2 };
	if (rest.n + 2 > REC_HEAD_MAX)
		return ss_fail(err, SS_ELIMIT, "request: a head of more than %u bytes",
			       REC_HEAD_MAX);
	*ret_size = rest.n + 2;
	memset(ret, 0, sizeof(*ret));
	if (next_line(&rest, &line, err) < 0 || read_first(line, ret, err) < 0)
		return -1;
	while (rest.n > 0)
		if (next_line(&rest, &line, err) < 0 || read_field(line, ret, err) < 0)
			return -1;
	return read_framing(ret, err) < 0 ? -1 : 1;
}

struct ss_span rec_head_field(const struct rec_head *h, const char *name)
{
	for (size_t i = 0; i < h->n; i++)
		if (ss_is_folded(h->fields[i].name, name))
			return h->fields[i].value;
	return (struct ss_span){ NULL, 0 };
}

/* --- ranges ------------------------------------------------------------------------------------
 */

/* "A-B", "A-", "-B"; a number that is absent is UINT64_MAX. */
static bool read_range(struct ss_span v, uint64_t *ret_from, uint64_t *ret_to)
{
	const uint8_t *dash = v.n > 0 ? memchr(v.p, '-', v.n) : NULL;
	struct ss_span from, to;

	if (dash == NULL || v.n == 1)
		return false;
	from = (struct ss_span){ v.p, (size_t)(dash - v.p) };
	to = (struct ss_span){ dash + 1, v.n - from.n - 1 };
	*ret_from = UINT64_MAX;
	*ret_to = UINT64_MAX;
	if ((from.n > 0 && !number(from, ret_from)) || (to.n > 0 && !number(to, ret_to)))
		return false;
	return from.n == 0 || *ret_from <= *ret_to;
}

enum rec_ranged rec_head_range(const struct rec_head *h, uint64_t size, struct rec_range *ret)
{
	const struct ss_span v = rec_head_field(h, "range");
	uint64_t from, to;

	if (v.n < 6 || memcmp(v.p, "bytes=", 6) != 0 || rec_head_field(h, "if-range").p != NULL ||
	    !read_range((struct ss_span){ v.p + 6, v.n - 6 }, &from, &to))
		return REC_RANGE_NONE;
	if (from == UINT64_MAX) { /* the last so many */
		if (to == 0 || size == 0)
			return REC_RANGE_OUTSIDE;
		ret->n = to < size ? to : size;
		ret->at = size - ret->n;
		return REC_RANGE_PART;
	}
	if (from >= size)
		return REC_RANGE_OUTSIDE;
	ret->at = from;
	ret->n = (to < size ? to + 1 : size) - from;
	return REC_RANGE_PART;
}

/* --- chunks --------------------------------------------------------------------------------------
 */

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LF };

static int bad_chunk(struct ss_err *err)
{
	return ss_fail(err, SS_EINPUT, "request: broken chunks");
}

static int digit(uint8_t c)
{
	c = ss_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int size_byte(struct rec_chunks *c, uint8_t b, struct ss_err *err)
{
	const int d = digit(b);

	if (d >= 0 && c->digits < 15) {
		c->left = c->left << 4 | (uint64_t)d;
		c->digits++;
		return 0;
	}
	if (d >= 0 || c->digits == 0 || (b != '\r' && b != ';' && b != ' '))
		return bad_chunk(err);
	c->state = b == '\r' ? SIZE_LF : EXTENSION;
	c->digits = 0;
	return 0;
}

/* One byte that is not the body's. */
static int frame_byte(struct rec_chunks *c, uint8_t b, bool *ret_end, struct ss_err *err)
{
	switch (c->state) {
	case SIZE:
		return size_byte(c, b, err);
	case EXTENSION:
		if (b == '\n' || ++c->digits > 1024)
			return bad_chunk(err);
		c->state = b == '\r' ? SIZE_LF : EXTENSION;
		return 0;
	case SIZE_LF:
		c->digits = 0;
		c->line = false;
		c->state = c->left > 0 ? DATA : TRAILER;
		return b == '\n' ? 0 : bad_chunk(err);
	case DATA_CR:
		c->state = DATA_LF;
		return b == '\r' ? 0 : bad_chunk(err);
	case DATA_LF:
		c->state = SIZE;
		return b == '\n' ? 0 : bad_chunk(err);
	case TRAILER:
		if (b == '\n' || ++c->digits > 8192)
			return bad_chunk(err);
		c->line = c->line || b != '\r';
		c->state = b == '\r' ? TRAILER_LF : TRAILER;
		return 0;
	default: /* TRAILER_LF */
		if (b != '\n')
			return bad_chunk(err);
		*ret_end = !c->line;
		c->line = false;
		c->state = TRAILER;
		return 0;
	}
}

int rec_chunks_next(struct rec_chunks *c, struct ss_span *in, struct ss_span *ret, bool *ret_end,
		    struct ss_err *err)
{
	*ret_end = false;
	*ret = (struct ss_span){ in->p, 0 };
	while (in->n > 0 && !*ret_end) {
		if (c->state == DATA) {
			ret->p = in->p;
			ret->n = c->left < in->n ? (size_t)c->left : in->n;
			in->p += ret->n;
			in->n -= ret->n;
			c->left -= ret->n;
			c->state = c->left == 0 ? DATA_CR : DATA;
			return 0;
		}
		if (frame_byte(c, in->p[0], ret_end, err) < 0)
			return -1;
		in->p++;
		in->n--;
	}
	return 0;
}

/* --- time ----------------------------------------------------------------------------------------
 */

void rec_date_write(uint64_t epoch, char ret[REC_DATE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const time_t t = (time_t)(epoch <= UINT32_MAX ? epoch : UINT32_MAX);
	struct tm tm = { 0 };

	(void)gmtime_r(&t, &tm);
	(void)snprintf(ret, REC_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
		       days + (size_t)3 * (size_t)(tm.tm_wday % 7), (unsigned)tm.tm_mday % 100u,
		       months + (size_t)3 * (size_t)(tm.tm_mon % 12),
		       (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)tm.tm_hour % 100u,
		       (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/cbor.h"

#include "base/show.h"

#include <string.h>

#define SIMPLE_FALSE 20u
#define SIMPLE_TRUE 21u
#define SIMPLE_NULL 22u
#define INFO_OPEN 31u /* indefinite length; with major type 7: the break */
#define BREAK_BYTE 0xffu

/* The first byte of an item, and the number that it carries. */
struct head {
	enum cbor_kind kind;
	uint8_t info;
	bool open;
	uint64_t v;
};

static bool is_bad(const struct cbor_in *in)
{
	return in->why != NULL || in->c.bad;
}

static void refuse_at(struct cbor_in *in, size_t at, const char *why)
{
	if (is_bad(in))
		return;
	in->why = why;
	in->why_at = at;
}

void cbor_refuse(struct cbor_in *in, const char *why)
{
	refuse_at(in, ss_cur_offset(&in->c), why);
}

static bool peek_byte(const struct cbor_in *in, uint8_t *ret)
{
	struct ss_cur copy = in->c;

	if (is_bad(in) || ss_cur_left(&copy) == 0)
		return false;
	*ret = ss_cur_u8(&copy);
	return true;
}

enum cbor_kind cbor_peek(const struct cbor_in *in)
{
	uint8_t b;

	return peek_byte(in, &b) ? (enum cbor_kind)(b >> 5) : CBOR_NOTHING;
}

size_t cbor_offset(const struct cbor_in *in)
{
	return ss_cur_offset(&in->c);
}

struct ss_span cbor_since(const struct cbor_in *in, size_t from)
{
	struct ss_cur c = in->c;

	c.p = c.base;
	c.end = in->c.p;
	(void)ss_cur_take(&c, from);
	return ss_cur_take(&c, ss_cur_left(&c));
}

/* The argument of a head with this additional information, and the least one it may carry. */
static uint64_t read_argument(struct cbor_in *in, uint8_t info, uint64_t *least)
{
	switch (info) {
	case 24:
		*least = 24;
		return ss_cur_u8(&in->c);
	case 25:
		*least = (uint64_t)UINT8_MAX + 1;
		return ss_cur_be16(&in->c);
	case 26:
		*least = (uint64_t)UINT16_MAX + 1;
		return ss_cur_be32(&in->c);
	case 27:
		*least = (uint64_t)UINT32_MAX + 1;
		return ss_cur_be64(&in->c);
	default:
		*least = 0;
		return info;
	}
}

/* A head of indefinite length: an array or a map, where the caller takes such. */
static void check_open(struct cbor_in *in, size_t at, enum cbor_kind kind)
{
	if (kind != CBOR_ARRAY && kind != CBOR_MAP)
		refuse_at(in, at, "an indefinite length or a break out of place");
	else if ((in->accept & CBOR_INDEFINITE) == 0)
		refuse_at(in, at, "an indefinite length");
}

/* Returns a head of kind CBOR_NOTHING when the reader is or turns bad. */
static struct head read_head(struct cbor_in *in)
{
	const struct head nothing = { .kind = CBOR_NOTHING };
	struct head h = nothing;
	const size_t at = ss_cur_offset(&in->c);
	uint64_t least;
	uint8_t first;

	if (is_bad(in))
		return nothing;
	first = ss_cur_u8(&in->c);
	h.kind = (enum cbor_kind)(first >> 5);
	h.info = first & 31u;
	if (h.info == INFO_OPEN) {
		h.open = true;
		check_open(in, at, h.kind);
		return is_bad(in) ? nothing : h;
	}
	if (h.info > 27)
		refuse_at(in, at, "a reserved head");
	else if (h.kind == CBOR_SIMPLE && (h.info < SIMPLE_FALSE || h.info > SIMPLE_NULL))
		refuse_at(in, at, "a float or an unknown simple value");
	if (is_bad(in))
		return nothing;
	h.v = read_argument(in, h.info, &least);
	if (!in->c.bad && h.v < least && (in->accept & CBOR_ANY_WIDTH) == 0)
		refuse_at(in, at, "a head that is not the shortest");
	return is_bad(in) ? nothing : h;
}

static struct head read_kind(struct cbor_in *in, enum cbor_kind kind, const char *why)
{
	const size_t at = ss_cur_offset(&in->c);
	const struct head h = read_head(in);

	if (h.kind == kind)
		return h;
	refuse_at(in, at, why);
	return (struct head){ .kind = CBOR_NOTHING };
}

uint64_t cbor_uint(struct cbor_in *in)
{
	return read_kind(in, CBOR_UINT, "expected an unsigned integer").v;
}

uint64_t cbor_uint_max(struct cbor_in *in, uint64_t max)
{
	const size_t at = ss_cur_offset(&in->c);
	const uint64_t v = cbor_uint(in);

	if (v <= max)
		return v;
	refuse_at(in, at, "an integer over its limit");
	return 0;
}

int64_t cbor_int(struct cbor_in *in)
{
	const size_t at = ss_cur_offset(&in->c);
	const struct head h = read_head(in);

	if (h.kind == CBOR_NOTHING)
		return 0;
	if (h.kind != CBOR_UINT && h.kind != CBOR_NEGINT) {
		refuse_at(in, at, "expected an integer");
		return 0;
	}
	if (h.v > INT64_MAX) {
		refuse_at(in, at, "an integer over its limit");
		return 0;
	}
	return h.kind == CBOR_UINT ? (int64_t)h.v : -(int64_t)h.v - 1;
}

struct ss_span cbor_bstr(struct cbor_in *in)
{
	const struct head h = read_kind(in, CBOR_BSTR, "expected a byte string");

	if (h.v > ss_cur_left(&in->c)) /* also where size_t is smaller than the length */
		return ss_cur_take(&in->c, SIZE_MAX);
	return ss_cur_take(&in->c, (size_t)h.v);
}

struct ss_span cbor_tstr(struct cbor_in *in)
{
	const size_t at = ss_cur_offset(&in->c);
	const struct head h = read_kind(in, CBOR_TSTR, "expected a text string");
	const size_t n = h.v > ss_cur_left(&in->c) ? SIZE_MAX : (size_t)h.v;
	struct ss_span s = ss_cur_take(&in->c, n);

	if (!ss_is_text(s)) {
		refuse_at(in, at, "text that is not UTF-8, or holds a NUL");
		s = (struct ss_span){ NULL, 0 };
	}
	return s;
}

bool cbor_bool(struct cbor_in *in)
{
	const size_t at = ss_cur_offset(&in->c);
	const struct head h = read_kind(in, CBOR_SIMPLE, "expected true or false");

	if (h.kind == CBOR_SIMPLE && h.v != SIMPLE_FALSE && h.v != SIMPLE_TRUE)
		refuse_at(in, at, "expected true or false");
	return !is_bad(in) && h.v == SIMPLE_TRUE;
}

bool cbor_take_null(struct cbor_in *in)
{
	uint8_t b;

	if (!peek_byte(in, &b) || b != ((unsigned)CBOR_SIMPLE << 5 | SIMPLE_NULL))
		return false;
	(void)ss_cur_u8(&in->c);
	return true;
}

bool cbor_take_tag(struct cbor_in *in, uint64_t tag)
{
	struct cbor_in probe = *in;
	const struct head h = read_head(&probe);

	if (h.kind != CBOR_TAG || h.v != tag)
		return false;
	*in = probe;
	return true;
}

void cbor_key(struct cbor_in *in, const char *key)
{
	const size_t at = ss_cur_offset(&in->c);
	struct cbor_in probe = *in;
	const struct ss_span s = cbor_tstr(&probe);

	if (is_bad(in))
		return;
	if (probe.c.bad) {
		*in = probe;
		return;
	}
	if (is_bad(&probe) || s.n != strlen(key) || memcmp(s.p, key, s.n) != 0) {
		refuse_at(in, at, "expected the key");
		in->want = key;
		return;
	}
	*in = probe;
}

/* `least` is the fewest bytes that one item of the sequence takes. */
static struct cbor_seq read_seq(struct cbor_in *in, enum cbor_kind kind, const char *why,
				uint64_t least)
{
	const size_t at = ss_cur_offset(&in->c);
	const struct head h = read_kind(in, kind, why);

	if (h.kind != CBOR_NOTHING && !h.open && h.v > ss_cur_left(&in->c) / least) {
		refuse_at(in, at, "more items than bytes are left");
		return (struct cbor_seq){ 0 };
	}
	return (struct cbor_seq){ .left = h.v, .open = h.open };
}

struct cbor_seq cbor_array(struct cbor_in *in)
{
	return read_seq(in, CBOR_ARRAY, "expected an array", 1);
}

struct cbor_seq cbor_map(struct cbor_in *in)
{
	return read_seq(in, CBOR_MAP, "expected a map", 2);
}

bool cbor_more(struct cbor_in *in, struct cbor_seq *s)
{
	uint8_t b;

	if (is_bad(in))
		return false;
	if (!s->open) {
		if (s->left == 0)
			return false;
		s->left--;
		return true;
	}
	if (!peek_byte(in, &b)) {
		(void)ss_cur_u8(&in->c); /* latches: the break is missing */
		return false;
	}
	if (b != BREAK_BYTE)
		return true;
	(void)ss_cur_u8(&in->c);
	return false;
}

/* Reads one item; of an array, map or tag only the head: what is inside is returned. */
static struct cbor_seq skip_shallow(struct cbor_in *in)
{
	struct cbor_seq inner = { 0 };

	switch (cbor_peek(in)) {
	case CBOR_BSTR:
		(void)cbor_bstr(in);
		break;
	case CBOR_TSTR:
		(void)cbor_tstr(in);
		break;
	case CBOR_ARRAY:
		inner = cbor_array(in);
		break;
	case CBOR_MAP:
		inner = cbor_map(in);
		inner.left *= 2; /* not over the bytes that are left: cannot wrap */
		break;
	case CBOR_TAG:
		(void)read_head(in);
		inner.left = 1;
		break;
	case CBOR_SIMPLE:
	case CBOR_UINT:
	case CBOR_NEGINT:
	case CBOR_NOTHING:
		(void)read_head(in);
		break;
	}
	return inner;
}

void cbor_skip(struct cbor_in *in)
{
	struct {
		struct cbor_seq s;
		bool open_map;
		bool half; /* of an open map: a key was read, its value was not */
	} stack[CBOR_MAX_DEPTH + 1] = { { .s = { .left = 1 } } };
	size_t depth = 0;

	for (;;) {
		const bool half = stack[depth].half;
		const enum cbor_kind kind = cbor_peek(in);
		struct cbor_seq inner;

		if (!cbor_more(in, &stack[depth].s)) {
			if (half)
				cbor_refuse(in, "a key without a value");
			if (depth-- == 0)
				return;
			continue;
		}
		stack[depth].half = stack[depth].open_map && !half;
		inner = skip_shallow(in);
		if (!inner.open && inner.left == 0)
			continue;
		if (depth == CBOR_MAX_DEPTH) {
			cbor_refuse(in, "nested too deep");
			return;
		}
		depth++;
		stack[depth].s = inner;
		stack[depth].open_map = inner.open && kind == CBOR_MAP;
		stack[depth].half = false;
	}
}

int cbor_check(const struct cbor_in *in, const char *what, struct ss_err *err)
{
	if (in->why == NULL)
		return ss_cur_check(&in->c, what, err);
	if (in->want != NULL)
		return ss_fail(err, SS_EINPUT, "%s: expected the key '%s', at byte %zu", what,
			       in->want, in->why_at);
	return ss_fail(err, SS_EINPUT, "%s: %s, at byte %zu", what, in->why, in->why_at);
}

int cbor_end(const struct cbor_in *in, const char *what, struct ss_err *err)
{
	if (cbor_check(in, what, err) < 0)
		return -1;
	if (ss_cur_left(&in->c) > 0)
		return ss_fail(err, SS_EINPUT, "%s: %zu bytes follow the end, at byte %zu", what,
			       ss_cur_left(&in->c), ss_cur_offset(&in->c));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"

#include <string.h>

#define HALF ((SS_SHOWN_MAX - 4) / 2)

/* Length of the well-formed UTF-8 sequence at the start of `s` (s.n > 0) and its value; 0 if none.
 */
static size_t utf8(struct ss_span s, uint32_t *ret)
{
	const uint8_t b = s.p[0];
	const size_t n = b < 0x80 ? 1 : b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t v = n == 1 ? b : b & (0xffu >> (n + 1));

	if ((b >= 0x80 && b < 0xc0) || b > 0xf7 || s.n < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		v = (v << 6) | (s.p[i] & 0x3fu);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*ret = v;
	return n;
}

static bool is_plain(uint32_t v)
{
	if (v < 0x20 || (v >= 0x7f && v < 0xa0))
		return false;
	/* Line separators, and the marks that make text read in another order than its bytes. */
	return !(v >= 0x200b && v <= 0x200f) && !(v >= 0x2028 && v <= 0x202e) &&
	       !(v >= 0x2060 && v <= 0x206f) && v != 0xfeff && v != 0x061c;
}

#define QUOTED "\\'" /* what is escaped besides, where "'" stands around the text */

static void show_hex(uint8_t b, char ret[8])
{
	static const char digits[] = "0123456789abcdef";

	ret[0] = '\\';
	ret[1] = 'x';
	ret[2] = digits[b >> 4];
	ret[3] = digits[b & 15];
	ret[4] = '\0';
}

/* One character of `s` in `ret`, escaped if it is not plain or one of `besides`; returns how many
 * bytes of `s` it stands for. */
static size_t show_one(struct ss_span s, const char *besides, char ret[8])
{
	uint32_t v;
	const size_t n = utf8(s, &v);

	if (n == 0 || !is_plain(v) || (v < 0x80 && strchr(besides, (int)v) != NULL)) {
		show_hex(s.p[0], ret);
		return 1;
	}
	memcpy(ret, s.p, n);
	ret[n] = '\0';
	return n;
}

static struct ss_span skip(struct ss_span s, size_t n)
{
	return (struct ss_span){ s.p + n, s.n - n };
}

static size_t shown_size(struct ss_span s)
{
	size_t total = 0;
	char one[8];

	while (s.n > 0) {
		s = skip(s, show_one(s, QUOTED, one));
		total += strlen(one);
	}
	return total;
}

/* Appends as much of `s` as fits before `end`; returns what is left of it. */
static struct ss_span append(struct ss_span s, size_t *at, size_t end, struct ss_shown *ret)
{
	while (s.n > 0) {
		char one[8];
		const size_t used = show_one(s, QUOTED, one);
		const size_t n = strlen(one);

		if (*at + n > end)
			break;
		memcpy(ret->text + *at, one, n);
		*at += n;
		s = skip(s, used);
	}
	return s;
}

const char *ss_show(struct ss_span s, struct ss_shown *ret)
{
	size_t at = 0;

	if (shown_size(s) >= SS_SHOWN_MAX) {
		size_t left;

		s = append(s, &at, HALF, ret);
		memcpy(ret->text + at, "...", 3);
		at += 3;
		left = shown_size(s);
		while (left > HALF) {
			char one[8];

			s = skip(s, show_one(s, QUOTED, one));
			left -= strlen(one);
		}
	}
	(void)append(s, &at, SS_SHOWN_MAX - 1, ret);
	ret->text[at] = '\0';
	return ret->text;
}

static void show_all(struct ss_buf *b, struct ss_span s, const char *besides)
{
	while (s.n > 0) {
		char one[8];

		s = skip(s, show_one(s, besides, one));
		ss_buf_put(b, (struct ss_span){ (const uint8_t *)one, strlen(one) });
	}
}

void ss_show_all(struct ss_buf *b, struct ss_span s)
{
	show_all(b, s, "\\");
}

void ss_show_line(struct ss_buf *b, struct ss_span s)
{
	show_all(b, s, "");
}

bool ss_is_text(struct ss_span s)
{
	while (s.n > 0) {
		uint32_t v;
		const size_t n = utf8(s, &v);

		if (n == 0 || v == 0)
			return false;
		s = skip(s, n);
	}
	return true;
}

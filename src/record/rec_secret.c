/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_secret.h"

#include "base/text.h"
#include "record/rec_url.h"

#include <string.h>
#include <strings.h>

#define TEXT_MAX ((size_t)8 * REC_HEAD_MAX)

void rec_watch_done(struct rec_watch *w)
{
	if (w->text.p != NULL)
		explicit_bzero(w->text.p, w->text.n);
	if (w->tail.p != NULL)
		explicit_bzero(w->tail.p, w->tail.n);
	ss_buf_done(&w->text);
	ss_buf_done(&w->tail);
	*w = (struct rec_watch)REC_WATCH_NONE;
}

static void add(struct rec_watch *w, struct ss_span s)
{
	if (s.n < REC_SECRET_MIN || w->n == REC_SECRETS_MAX || s.n > TEXT_MAX - w->text.n)
		return;
	for (size_t i = 0; i < w->n; i++)
		if (w->size[i] == s.n && memcmp(w->text.p + w->at[i], s.p, s.n) == 0)
			return;
	w->at[w->n] = w->text.n;
	w->size[w->n++] = s.n;
	ss_buf_put(&w->text, s);
	w->longest = s.n > w->longest ? s.n : w->longest;
}

static size_t find(struct ss_span s, uint8_t c)
{
	const uint8_t *p = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return p != NULL ? (size_t)(p - s.p) : s.n;
}

static struct ss_span skip(struct ss_span s, size_t n)
{
	return n < s.n ? (struct ss_span){ s.p + n, s.n - n } : (struct ss_span){ NULL, 0 };
}

/* --- codings -------------------------------------------------------------------------------------
 */

static int value_of(uint8_t c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != 0 ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* "user:password" as Basic has it; the whole and the password. */
static void add_basic(struct rec_watch *w, struct ss_span code)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(REC_HEAD_MAX);
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < code.n && value_of(code.p[i]) >= 0; i++) {
		bits = bits << 6 | (uint32_t)value_of(code.p[i]);
		n += 6;
		if (n >= 8) {
			const uint8_t byte = (uint8_t)(bits >> (n - 8));

			ss_buf_put(&b, (struct ss_span){ &byte, 1 });
			n -= 8;
		}
	}
	add(w, ss_buf_span(&b));
	add(w, skip(ss_buf_span(&b), find(ss_buf_span(&b), ':') + 1));
	if (b.p != NULL)
		explicit_bzero(b.p, b.n);
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_escaped(struct rec_watch *w, struct ss_span s)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(REC_HEAD_MAX);

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c == '%' && s.n - i > 2) {
			const int high = digit(s.p[i + 1]);
			const int low = digit(s.p[i + 2]);

			if (high >= 0 && low >= 0) {
				c = (uint8_t)((unsigned)high << 4 | (unsigned)low);
				i += 2;
			}
		}
		ss_buf_put(&b, (struct ss_span){ &c, 1 });
	}
	add(w, s);
	add(w, ss_buf_span(&b));
	if (b.p != NULL)
		explicit_bzero(b.p, b.n);
}

/* --- where they are ------------------------------------------------------------------------------
 */

static void add_authorization(struct rec_watch *w, struct ss_span value)
{
	const size_t scheme = find(value, ' ');
	const struct ss_span rest = skip(value, scheme + 1);

	add(w, rest.n > 0 ? rest : value);
	if (scheme == 5 && strncasecmp((const char *)value.p, "basic", 5) == 0)
		add_basic(w, rest);
}

/* "a=1; b=2": the values. */
static void add_cookies(struct rec_watch *w, struct ss_span value)
{
	while (value.n > 0) {
		const struct ss_span one = { value.p, find(value, ';') };

		add(w, skip(one, find(one, '=') + 1));
		value = skip(value, one.n + 1);
	}
}

static void add_parameters(struct rec_watch *w, struct ss_span url)
{
	struct ss_span q = skip(url, find(url, '?') + 1);

	while (q.n > 0) {
		const size_t a = find(q, '&'), b = find(q, ';');
		const struct ss_span pair = { q.p, a < b ? a : b };
		const size_t name = find(pair, '=');

		if (rec_is_secret_name((struct ss_span){ pair.p, name }))
			add_escaped(w, skip(pair, name + 1));
		q = skip(q, pair.n + 1);
	}
}

void rec_watch_begin(const struct rec_head *h, const char *url, struct rec_watch *ret)
{
	*ret = (struct rec_watch){ .text = SS_BUF_INIT(TEXT_MAX),
				   .tail = SS_BUF_INIT(2 * TEXT_MAX) };
	for (size_t i = 0; i < h->n; i++) {
		const struct ss_span name = h->fields[i].name, value = h->fields[i].value;

		if (ss_is_folded(name, "authorization"))
			add_authorization(ret, value);
		else if (ss_is_folded(name, "cookie"))
			add_cookies(ret, value);
		else if (ss_is_folded(name, "private-token") || ss_is_folded(name, "x-api-key"))
			add(ret, value);
	}
	add_parameters(ret, ss_text(url));
}

/* --- looking -------------------------------------------------------------------------------------
 */

bool rec_watch_has(struct rec_watch *w, struct ss_span text)
{
	bool has = false;

	for (size_t i = 0; i < w->n && !has; i++)
		has = text.n >= w->size[i] &&
		      memmem(text.p, text.n, w->text.p + w->at[i], w->size[i]) != NULL;
	w->seen = w->seen || has;
	return has;
}

void rec_watch_put(struct rec_watch *w, struct ss_span bytes)
{
	const size_t keep = w->longest > 0 ? w->longest - 1 : 0;
	struct ss_span head = bytes;

	if (w->n == 0 || w->seen || bytes.n == 0 || rec_watch_has(w, bytes))
		return;
	head.n = head.n < keep ? head.n : keep;
	ss_buf_put(&w->tail, head);
	(void)rec_watch_has(w, ss_buf_span(&w->tail));
	if (bytes.n >= keep) {
		w->tail.n = 0;
		ss_buf_put(&w->tail, skip(bytes, bytes.n - keep));
	} else if (w->tail.n > keep) {
		memmove(w->tail.p, w->tail.p + w->tail.n - keep, keep);
		w->tail.n = keep;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/sh_word.h"

#include <string.h>

int sh_bad(struct sh_lexer *x, size_t at, const char *what)
{
	x->s->bad_at = at;
	return ss_fail(x->err, SS_EINPUT, "%s", what);
}

int sh_too_much(struct sh_lexer *x, size_t at, const char *what, unsigned limit)
{
	x->s->bad_at = at;
	return ss_fail(x->err, SS_ELIMIT, "%s; the limit is %u", what, limit);
}

bool sh_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

bool sh_is_meta(uint8_t c)
{
	return sh_is_blank(c) || c == '\n' || (c != '\0' && strchr(";&|()<>", c) != NULL);
}

/* The byte `ahead` of here; 0 behind the end of the stretch. */
uint8_t sh_peek(const struct sh_lexer *x, size_t ahead)
{
	return ahead < x->now.end - x->k ? x->in.p[x->k + ahead] : 0;
}

static void put(struct sh_lexer *x, const uint8_t *p, size_t n)
{
	ss_buf_put(&x->s->texts, (struct ss_span){ p, n });
}

/* --- what is still to be read -------------------------------------------------------------------
 */

int sh_push_item(struct sh_lexer *x, size_t at, size_t end, bool text)
{
	if (x->now.depth == SH_DEPTH_MAX)
		return sh_too_much(x, at, "substitutions nest too deep", SH_DEPTH_MAX);
	if (x->n_items == x->cap_items) {
		x->cap_items = x->cap_items == 0 ? 16 : 2 * x->cap_items;
		x->items = ss_reallocarray(x->items, x->cap_items, sizeof(*x->items));
	}
	x->items[x->n_items++] = (struct sh_item){ at, end, x->cmd, x->now.depth + 1, text };
	return 0;
}

/* What the byte at *k opens inside of `top`, '\0' for nothing; moves over "$" of "$(". */
static char opens_at(const struct sh_lexer *x, size_t *k, char top)
{
	const uint8_t c = x->in.p[*k];
	const uint8_t next = *k + 1 < x->now.end ? x->in.p[*k + 1] : 0;

	if (c == '"' || c == '`')
		return (char)c;
	if (c == '$' && (next == '(' || next == '{')) {
		++*k;
		return next == '(' ? ')' : '}';
	}
	return c == '(' && top == ')' ? ')' : '\0';
}

/* Over what is one piece: a quoted text, a comment, an escape. False if it does not end. */
static bool skip_piece(const struct sh_lexer *x, size_t from, size_t *k, char top, bool in_quotes)
{
	const uint8_t *p = x->in.p;
	const uint8_t c = p[*k];
	const bool is_comment = c == '#' && top == ')' && *k > from && sh_is_meta(p[*k - 1]);
	const uint8_t *q;

	if (c == '\\')
		++*k;
	if ((c != '\'' || in_quotes) && !is_comment)
		return true;
	if (*k + 1 == x->now.end)
		return false;
	q = memchr(p + *k + 1, is_comment ? '\n' : '\'', x->now.end - *k - 1);
	*k = q != NULL ? (size_t)(q - p) : x->now.end;
	return q != NULL;
}

/*
 * Where what was opened before `k` closes: kind is ')', '}' or '`'. Quotes count, and so does what
 * opens inside.
 */
int sh_find_close(struct sh_lexer *x, size_t k, char kind, size_t *ret)
{
	const size_t from = k;
	char open[SH_NEST_MAX] = { kind };
	size_t n = 1;

	for (; k < x->now.end; k++) {
		const char top = open[n - 1];
		const bool in_quotes = top == '"' || (top == '}' && n > 1 && open[n - 2] == '"');
		char opens;

		if (x->in.p[k] == (uint8_t)top) {
			if (--n > 0)
				continue;
			*ret = k;
			return 0;
		}
		opens = opens_at(x, &k, top);
		if (opens == '\0' && !skip_piece(x, from, &k, top, in_quotes))
			break;
		if (opens == '\0')
			continue;
		if (n == SH_NEST_MAX)
			return sh_too_much(x, k, "quotes and brackets nest too deep", SH_NEST_MAX);
		open[n++] = opens;
	}
	return sh_bad(x, from,
		      kind == '`'   ? "a '`' that is not closed"
		      : kind == '}' ? "a '${' that is not closed"
				    : "a '(' that is not closed");
}

/* --- words --------------------------------------------------------------------------------------
 */

static int read_substitution(struct sh_lexer *x, size_t front, char closer)
{
	const size_t at = x->k + front;
	size_t end;

	if (sh_find_close(x, at, closer, &end) < 0)
		return -1;
	x->k = end + 1;
	put(x, (const uint8_t *)"$()", 3);
	return sh_push_item(x, at, end, false);
}

/* At a '$'. */
static int read_dollar(struct sh_lexer *x)
{
	const uint8_t next = sh_peek(x, 1);
	size_t end;

	if (next == '(')
		return read_substitution(x, 2, ')');
	if (next != '{') {
		put(x, x->in.p + x->k++, 1);
		return 0;
	}
	if (sh_find_close(x, x->k + 2, '}', &end) < 0)
		return -1;
	put(x, x->in.p + x->k, end + 1 - x->k);
	end++;
	if (memchr(x->in.p + x->k + 2, '$', end - x->k - 2) != NULL ||
	    memchr(x->in.p + x->k + 2, '`', end - x->k - 2) != NULL)
		if (sh_push_item(x, x->k + 2, end - 1, true) < 0)
			return -1;
	x->k = end;
	return 0;
}

/* After the opening quote; `ansi` is $'...', where a backslash escapes. */
static int read_single(struct sh_lexer *x, size_t from, bool ansi)
{
	size_t k = from;

	for (; k < x->now.end && x->in.p[k] != '\''; k++) {
		if (ansi && x->in.p[k] == '\\' && k + 1 < x->now.end)
			k++;
		put(x, x->in.p + k, 1);
	}
	if (k == x->now.end)
		return sh_bad(x, from, "a ' that is not closed");
	x->k = k + 1;
	return 0;
}

/* As between double quotes, up to the end of the stretch or to the quote. */
int sh_read_text(struct sh_lexer *x, bool quote)
{
	const size_t from = x->k;

	while (x->k < x->now.end) {
		const uint8_t c = x->in.p[x->k], next = sh_peek(x, 1);

		if (c == '"' && quote) {
			x->k++;
			return 0;
		}
		if (c == '\\' && next != '\0' && strchr("$`\"\\\n", next) != NULL) {
			if (next != '\n')
				put(x, &next, 1);
			x->k += 2;
		} else if (c == '$') {
			if (read_dollar(x) < 0)
				return -1;
		} else if (c == '`') {
			if (read_substitution(x, 1, '`') < 0)
				return -1;
		} else {
			put(x, &c, 1);
			x->k++;
		}
	}
	return quote ? sh_bad(x, from, "a \" that is not closed") : 0;
}

static int read_escape(struct sh_lexer *x, struct sh_word *w)
{
	const uint8_t next = sh_peek(x, 1);

	w->quoted = w->quoted || next != '\n';
	if (next != '\0' && next != '\n')
		put(x, &next, 1);
	x->k += next != '\0' ? 2 : 1;
	return 0;
}

/* At a quote, or at the "$" before one. */
static int read_quoted(struct sh_lexer *x, struct sh_word *w)
{
	const bool dollar = sh_peek(x, 0) == '$';
	const size_t front = dollar ? 2 : 1;

	w->quoted = true;
	if (sh_peek(x, front - 1) == '\'')
		return read_single(x, x->k + front, dollar);
	x->k += front;
	return sh_read_text(x, true);
}

static bool is_quote(uint8_t c)
{
	return c == '\'' || c == '"';
}

static int read_part(struct sh_lexer *x, struct sh_word *w)
{
	const uint8_t c = sh_peek(x, 0), next = sh_peek(x, 1);

	if (c == '\\')
		return read_escape(x, w);
	if (is_quote(c) || (c == '$' && is_quote(next)))
		return read_quoted(x, w);
	if (c == '$')
		return read_dollar(x);
	if (c == '`')
		return read_substitution(x, 1, '`');
	if ((c == '<' || c == '>') && next == '(')
		return read_substitution(x, 2, ')');
	put(x, &c, 1);
	x->k++;
	return 0;
}

/* The word that begins here. */
int sh_read_word(struct sh_lexer *x, struct sh_word *ret)
{
	*ret = (struct sh_word){ .text = (uint32_t)x->s->texts.n, .at = x->k };
	while (x->k < x->now.end) {
		const bool process =
			(sh_peek(x, 0) == '<' || sh_peek(x, 0) == '>') && sh_peek(x, 1) == '(';

		if (sh_is_meta(sh_peek(x, 0)) && !(process && x->k == ret->at))
			break;
		if (read_part(x, ret) < 0)
			return -1;
	}
	ret->end = x->k;
	ret->n = (uint32_t)(x->s->texts.n - ret->text);
	put(x, (const uint8_t *)"", 1);
	if (x->s->texts.bad)
		return sh_too_much(x, ret->at, "bytes in words", (unsigned)SH_TEXTS_MAX);
	return 0;
}

bool sh_word_is(const struct sh_lexer *x, const struct sh_word *w, const char *text)
{
	return !w->quoted && strcmp(sh_text(x->s, w), text) == 0;
}

bool sh_is_keyword(const struct sh_lexer *x, const struct sh_word *w)
{
	static const char *const words[] = { "if",   "then",  "elif",  "else", "fi", "do", "done",
					     "esac", "while", "until", "{",    "}",  "!",  "time" };

	for (size_t i = 0; i < SS_NELEMS(words); i++)
		if (sh_word_is(x, w, words[i]))
			return true;
	return false;
}

/* NAME= or NAME+=, unquoted so far. */
bool sh_is_assignment(const struct sh_lexer *x, const struct sh_word *w)
{
	const uint8_t *p = x->in.p + w->at;
	const size_t n = w->end - w->at;
	size_t k = 0;

	while (k < n && (p[k] == '_' || (p[k] >= 'A' && p[k] <= 'Z') ||
			 (p[k] >= 'a' && p[k] <= 'z') || (k > 0 && p[k] >= '0' && p[k] <= '9')))
		k++;
	if (k > 0 && k < n && p[k] == '+')
		k++;
	return k > 0 && k < n && p[k] == '=';
}

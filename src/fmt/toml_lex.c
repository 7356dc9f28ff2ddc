/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/toml_lex.h"

#include "base/show.h"

#include <string.h>

/* --- UTF-8 --------------------------------------------------------------------------------- */

int toml_lex_check(struct ss_span in, struct ss_err *err)
{
	uint32_t line = 1;

	for (size_t at = 0; at < in.n; line++) {
		const uint8_t *end = memchr(in.p + at, '\n', in.n - at);
		const size_t next = end != NULL ? (size_t)(end - in.p) + 1 : in.n;

		if (!ss_is_text((struct ss_span){ in.p + at, next - at }))
			return ss_fail(err, SS_EINPUT, "line %u: not text (UTF-8 without NUL)",
				       line);
		at = next;
	}
	return 0;
}

static bool is_code_point(uint32_t c)
{
	return c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
}

static void put_code_point(struct ss_buf *b, uint32_t c)
{
	uint8_t raw[4];
	size_t n = 0;

	if (c < 0x80) {
		raw[n++] = (uint8_t)c;
	} else if (c < 0x800) {
		raw[n++] = (uint8_t)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		raw[n++] = (uint8_t)(0xe0 | c >> 12);
		raw[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	} else {
		raw[n++] = (uint8_t)(0xf0 | c >> 18);
		raw[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		raw[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		raw[n++] = (uint8_t)(0x80 | (c & 0x3f));
	ss_buf_put(b, (struct ss_span){ raw, n });
}

/* --- space --------------------------------------------------------------------------------- */

static bool is_control(int c)
{
	return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
}

/* 1 for LF, 2 for CR LF, else 0. */
static size_t newline_here(const struct toml_lex *l)
{
	if (toml_peek(l, 0) == '\n')
		return 1;
	return toml_peek(l, 0) == '\r' && toml_peek(l, 1) == '\n' ? 2 : 0;
}

void toml_pass_blanks(struct toml_lex *l)
{
	while (toml_peek(l, 0) == ' ' || toml_peek(l, 0) == '\t')
		toml_pass(l, 1);
}

static int pass_comment(struct toml_lex *l, struct ss_err *err)
{
	if (toml_peek(l, 0) != '#')
		return 0;
	while (toml_peek(l, 0) != TOML_END && newline_here(l) == 0) {
		if (is_control(toml_peek(l, 0)))
			return ss_fail(err, SS_EINPUT, "line %u: a control character in a comment",
				       l->line);
		toml_pass(l, 1);
	}
	return 0;
}

static void pass_newline(struct toml_lex *l)
{
	toml_pass(l, newline_here(l));
	l->line++;
}

int toml_pass_line(struct toml_lex *l, bool *ret_end, struct ss_err *err)
{
	toml_pass_blanks(l);
	if (pass_comment(l, err) < 0)
		return -1;
	*ret_end = toml_peek(l, 0) == TOML_END;
	if (*ret_end)
		return 0;
	if (newline_here(l) == 0)
		return ss_fail(err, SS_EINPUT, "line %u: something follows where the line must end",
			       l->line);
	pass_newline(l);
	return 0;
}

int toml_pass_space(struct toml_lex *l, struct ss_err *err)
{
	for (;;) {
		toml_pass_blanks(l);
		if (pass_comment(l, err) < 0)
			return -1;
		if (newline_here(l) == 0)
			return 0;
		pass_newline(l);
	}
}

/* --- strings ------------------------------------------------------------------------------- */

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int lex_unicode(struct toml_lex *l, size_t digits, struct ss_buf *ret, struct ss_err *err)
{
	uint32_t c = 0;

	toml_pass(l, 2);
	for (size_t i = 0; i < digits; i++) {
		const int v = hex_value(toml_peek(l, 0));

		if (v < 0)
			return ss_fail(err, SS_EINPUT, "line %u: \\%c needs %zu digits", l->line,
				       digits == 4 ? 'u' : 'U', digits);
		c = c << 4 | (uint32_t)v;
		toml_pass(l, 1);
	}
	if (c == 0)
		return ss_fail(err, SS_EINPUT, "line %u: a NUL character has no place here",
			       l->line);
	if (!is_code_point(c))
		return ss_fail(err, SS_EINPUT, "line %u: no character has the number %x", l->line,
			       c);
	put_code_point(ret, c);
	return 0;
}

/* At a backslash of a basic string. */
static int lex_escape(struct toml_lex *l, struct ss_buf *ret, struct ss_err *err)
{
	static const char from[] = "btnfr\"\\";
	static const char to[] = "\b\t\n\f\r\"\\";
	const int c = toml_peek(l, 1);
	const char *found;

	if (c == 'u' || c == 'U')
		return lex_unicode(l, c == 'u' ? 4 : 8, ret, err);
	found = c > 0 ? strchr(from, c) : NULL;
	if (found == NULL)
		return ss_fail(err, SS_EINPUT, "line %u: no such escape after the backslash",
			       l->line);
	put_code_point(ret, (uint8_t)to[found - from]);
	toml_pass(l, 2);
	return 0;
}

/* A backslash at the end of a line of a multi-line string takes the space after it away. */
static bool is_line_ending_backslash(const struct toml_lex *l)
{
	size_t i = 1;

	while (toml_peek(l, i) == ' ' || toml_peek(l, i) == '\t')
		i++;
	return toml_peek(l, i) == '\n' || (toml_peek(l, i) == '\r' && toml_peek(l, i + 1) == '\n');
}

static void pass_white(struct toml_lex *l)
{
	for (;;) {
		toml_pass_blanks(l);
		if (newline_here(l) == 0)
			return;
		pass_newline(l);
	}
}

static bool quotes_here(const struct toml_lex *l, int quote, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (toml_peek(l, i) != quote)
			return false;
	return true;
}

static void put_here(struct toml_lex *l, size_t n, struct ss_buf *ret)
{
	ss_buf_put(ret, (struct ss_span){ l->in.p + l->at, n });
	toml_pass(l, n);
}

/* One character or escape inside a string; not its end. */
static int lex_inside(struct toml_lex *l, int quote, bool multi, struct ss_buf *ret,
		      struct ss_err *err)
{
	const int c = toml_peek(l, 0);

	if (c == TOML_END || (!multi && newline_here(l) > 0))
		return ss_fail(err, SS_EINPUT, "line %u: the string is not closed", l->line);
	if (newline_here(l) > 0) {
		put_code_point(ret, '\n'); /* CR LF too: the same file on any machine */
		pass_newline(l);
		return 0;
	}
	if (is_control(c))
		return ss_fail(err, SS_EINPUT, "line %u: a control character in a string", l->line);
	if (c == '\\' && quote == '"') {
		if (!multi || !is_line_ending_backslash(l))
			return lex_escape(l, ret, err);
		toml_pass(l, 1);
		pass_white(l);
		return 0;
	}
	put_here(l, 1, ret);
	return 0;
}

static int lex_multi(struct toml_lex *l, int quote, struct ss_buf *ret, struct ss_err *err)
{
	toml_pass(l, 3);
	if (newline_here(l) > 0)
		pass_newline(l);
	while (!quotes_here(l, quote, 3))
		if (lex_inside(l, quote, true, ret, err) < 0)
			return -1;
	/* Up to two quotes before the closing three belong to the string. */
	for (int i = 0; i < 2 && quotes_here(l, quote, 4); i++)
		put_here(l, 1, ret);
	toml_pass(l, 3);
	return 0;
}

static int lex_single(struct toml_lex *l, int quote, struct ss_buf *ret, struct ss_err *err)
{
	toml_pass(l, 1);
	while (toml_peek(l, 0) != quote)
		if (lex_inside(l, quote, false, ret, err) < 0)
			return -1;
	toml_pass(l, 1);
	return 0;
}

static void put_nul(struct ss_buf *b)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"", 1 });
}

int toml_lex_string(struct toml_lex *l, struct toml_node **ret, struct ss_err *err)
{
	/* A CR LF becomes one byte and an escape fewer, so the text never grows. */
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TOML_MAX_SIZE + 1);
	const int quote = toml_peek(l, 0);
	const uint32_t line = l->line;
	const int rc = quotes_here(l, quote, 3) ? lex_multi(l, quote, &b, err)
						: lex_single(l, quote, &b, err);

	if (rc < 0)
		return -1;
	put_nul(&b);
	*ret = toml_new_text((const char *)b.p);
	(*ret)->line = line;
	return 0;
}

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

int toml_lex_key(struct toml_lex *l, struct ss_buf *ret, struct ss_err *err)
{
	const int c = toml_peek(l, 0);

	if (c == '"' || c == '\'') {
		if (quotes_here(l, c, 3))
			return ss_fail(err, SS_EINPUT,
				       "line %u: a key cannot be a string of many "
				       "lines",
				       l->line);
		if (lex_single(l, c, ret, err) < 0)
			return -1;
	} else if (!is_bare(c)) {
		return ss_fail(err, SS_EINPUT, "line %u: expected a key", l->line);
	} else {
		while (is_bare(toml_peek(l, 0)))
			put_here(l, 1, ret);
	}
	put_nul(ret);
	return 0;
}

/* --- integers and booleans ----------------------------------------------------------------- */

static bool is_word(int c)
{
	return is_bare(c) || c == '+' || c == '.' || c == ':';
}

/* Copies digits without '_', which may stand only between two digits; false if it does not. */
static bool take_digits(const char *s, int base, char *ret)
{
	size_t n = 0;

	for (size_t i = 0; s[i] != '\0'; i++) {
		const int v = hex_value(s[i]);

		if (s[i] == '_') {
			if (i == 0 || s[i - 1] == '_' || s[i + 1] == '\0')
				return false;
			continue;
		}
		if (v < 0 || v >= base)
			return false;
		ret[n++] = s[i];
	}
	ret[n] = '\0';
	return n > 0;
}

static bool to_number(const char *digits, int base, bool negative, int64_t *ret)
{
	int64_t v = 0;

	for (; *digits != '\0'; digits++) {
		const int64_t d = hex_value(*digits);

		if (__builtin_mul_overflow(v, (int64_t)base, &v) ||
		    __builtin_sub_overflow(v, d, &v)) /* downwards: the least has no opposite */
			return false;
	}
	if (!negative && v == INT64_MIN)
		return false;
	*ret = negative ? v : -v;
	return true;
}

static int base_of(const char *s)
{
	if (s[0] != '0')
		return 10;
	return s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : s[1] == 'b' ? 2 : 10;
}

static int lex_int(const char *word, uint32_t line, struct toml_node **ret, struct ss_err *err)
{
	const bool sign = word[0] == '+' || word[0] == '-';
	const char *s = sign ? word + 1 : word;
	const int base = sign ? 10 : base_of(s);
	char digits[80];
	int64_t v;

	if (!take_digits(base == 10 ? s : s + 2, base, digits) ||
	    (base == 10 && digits[0] == '0' && digits[1] != '\0'))
		return ss_fail(err, SS_EINPUT, "line %u: '%s' is not a value", line, word);
	if (!to_number(digits, base, word[0] == '-', &v))
		return ss_fail(err, SS_EINPUT, "line %u: %s does not fit into 64 bits", line, word);
	*ret = toml_new(TOML_INT, line);
	(*ret)->num = v;
	return 0;
}

static bool looks_like_float(const char *w)
{
	const char *s = w[0] == '+' || w[0] == '-' ? w + 1 : w;

	if (strcmp(s, "inf") == 0 || strcmp(s, "nan") == 0)
		return true;
	return s[0] >= '0' && s[0] <= '9' && base_of(s) == 10 && strpbrk(s, ".eE") != NULL;
}

static bool looks_like_time(const char *w)
{
	return w[0] >= '0' && w[0] <= '9' && (strchr(w, ':') != NULL || strchr(w + 1, '-') != NULL);
}

int toml_lex_plain(struct toml_lex *l, struct toml_node **ret, struct ss_err *err)
{
	char word[72];
	size_t n = 0;

	while (n < sizeof(word) - 1 && is_word(toml_peek(l, 0))) {
		word[n++] = (char)toml_peek(l, 0);
		toml_pass(l, 1);
	}
	word[n] = '\0';
	if (n == 0)
		return ss_fail(err, SS_EINPUT, "line %u: expected a value", l->line);
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
		*ret = toml_new(TOML_BOOL, l->line);
		(*ret)->num = word[0] == 't';
		return 0;
	}
	if (looks_like_time(word))
		return ss_fail(err, SS_EINPUT,
			       "line %u: a date or time has no use here; write it as a string",
			       l->line);
	if (looks_like_float(word))
		return ss_fail(err, SS_EINPUT, "line %u: a number with a fraction has no use here",
			       l->line);
	return lex_int(word, l->line, ret, err);
}

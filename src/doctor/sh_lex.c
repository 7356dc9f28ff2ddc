/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/sh_lex.h"

#include <assert.h>
#include <string.h>

#define HEREDOCS_MAX 16u
#define TEXTS_MAX ((size_t)32 << 20)

/* A stretch of the script that is still to be read. */
struct item {
	size_t at;
	size_t end;
	uint32_t parent;
	uint32_t depth;
	bool text; /* as between double quotes: only substitutions count */
};

struct heredoc {
	uint32_t text;
	uint32_t n;
	bool chomp;
	bool raw;
};

struct lexer {
	struct ss_span in;
	struct sh_script *s;
	struct ss_err *err;
	struct item *items;
	size_t n_items;
	size_t cap_items;
	/* of the stretch under way */
	struct item now;
	size_t k;
	uint32_t cmd;  /* open, or SH_NONE */
	uint32_t last; /* ended last, with words */
	uint32_t pipe; /* the next one reads from it */
	bool has_name;
	bool in_test; /* [[ */
	bool in_case; /* between `case` and `in` */
	bool in_pattern;
	size_t cases;
	size_t parens;
	struct heredoc docs[HEREDOCS_MAX];
	size_t n_docs;
};

static int bad(struct lexer *x, size_t at, const char *what)
{
	x->s->bad_at = at;
	return ss_fail(x->err, SS_EINPUT, "%s", what);
}

static int too_much(struct lexer *x, size_t at, const char *what, unsigned limit)
{
	x->s->bad_at = at;
	return ss_fail(x->err, SS_ELIMIT, "%s; the limit is %u", what, limit);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_meta(uint8_t c)
{
	return is_blank(c) || c == '\n' || (c != '\0' && strchr(";&|()<>", c) != NULL);
}

/* The byte `ahead` of here; 0 behind the end of the stretch. */
static uint8_t peek(const struct lexer *x, size_t ahead)
{
	return ahead < x->now.end - x->k ? x->in.p[x->k + ahead] : 0;
}

static void put(struct lexer *x, const uint8_t *p, size_t n)
{
	ss_buf_put(&x->s->texts, (struct ss_span){ p, n });
}

/* --- what is still to be read -------------------------------------------------------------------
 */

static int push_item(struct lexer *x, size_t at, size_t end, bool text)
{
	if (x->now.depth == SH_DEPTH_MAX)
		return too_much(x, at, "substitutions nest too deep", SH_DEPTH_MAX);
	if (x->n_items == x->cap_items) {
		x->cap_items = x->cap_items == 0 ? 16 : 2 * x->cap_items;
		x->items = ss_reallocarray(x->items, x->cap_items, sizeof(*x->items));
	}
	x->items[x->n_items++] = (struct item){ at, end, x->cmd, x->now.depth + 1, text };
	return 0;
}

/* What the byte at *k opens inside of `top`, '\0' for nothing; moves over "$" of "$(". */
static char opens_at(const struct lexer *x, size_t *k, char top)
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
static bool skip_piece(const struct lexer *x, size_t from, size_t *k, char top, bool in_quotes)
{
	const uint8_t *p = x->in.p;
	const uint8_t c = p[*k];
	const bool is_comment = c == '#' && top == ')' && *k > from && is_meta(p[*k - 1]);
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
static int find_close(struct lexer *x, size_t k, char kind, size_t *ret)
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
			return too_much(x, k, "quotes and brackets nest too deep", SH_NEST_MAX);
		open[n++] = opens;
	}
	return bad(x, from,
		   kind == '`'   ? "a '`' that is not closed"
		   : kind == '}' ? "a '${' that is not closed"
				 : "a '(' that is not closed");
}

/* --- words --------------------------------------------------------------------------------------
 */

static int read_substitution(struct lexer *x, size_t front, char closer)
{
	const size_t at = x->k + front;
	size_t end;

	if (find_close(x, at, closer, &end) < 0)
		return -1;
	x->k = end + 1;
	put(x, (const uint8_t *)"$()", 3);
	return push_item(x, at, end, false);
}

/* At a '$'. */
static int read_dollar(struct lexer *x)
{
	const uint8_t next = peek(x, 1);
	size_t end;

	if (next == '(')
		return read_substitution(x, 2, ')');
	if (next != '{') {
		put(x, x->in.p + x->k++, 1);
		return 0;
	}
	if (find_close(x, x->k + 2, '}', &end) < 0)
		return -1;
	put(x, x->in.p + x->k, end + 1 - x->k);
	end++;
	if (memchr(x->in.p + x->k + 2, '$', end - x->k - 2) != NULL ||
	    memchr(x->in.p + x->k + 2, '`', end - x->k - 2) != NULL)
		if (push_item(x, x->k + 2, end - 1, true) < 0)
			return -1;
	x->k = end;
	return 0;
}

/* After the opening quote; `ansi` is $'...', where a backslash escapes. */
static int read_single(struct lexer *x, size_t from, bool ansi)
{
	size_t k = from;

	for (; k < x->now.end && x->in.p[k] != '\''; k++) {
		if (ansi && x->in.p[k] == '\\' && k + 1 < x->now.end)
			k++;
		put(x, x->in.p + k, 1);
	}
	if (k == x->now.end)
		return bad(x, from, "a ' that is not closed");
	x->k = k + 1;
	return 0;
}

/* As between double quotes, up to the end of the stretch or to the quote. */
static int read_text(struct lexer *x, bool quote)
{
	const size_t from = x->k;

	while (x->k < x->now.end) {
		const uint8_t c = x->in.p[x->k], next = peek(x, 1);

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
	return quote ? bad(x, from, "a \" that is not closed") : 0;
}

static int read_escape(struct lexer *x, struct sh_word *w)
{
	const uint8_t next = peek(x, 1);

	w->quoted = w->quoted || next != '\n';
	if (next != '\0' && next != '\n')
		put(x, &next, 1);
	x->k += next != '\0' ? 2 : 1;
	return 0;
}

/* At a quote, or at the "$" before one. */
static int read_quoted(struct lexer *x, struct sh_word *w)
{
	const bool dollar = peek(x, 0) == '$';
	const size_t front = dollar ? 2 : 1;

	w->quoted = true;
	if (peek(x, front - 1) == '\'')
		return read_single(x, x->k + front, dollar);
	x->k += front;
	return read_text(x, true);
}

static bool is_quote(uint8_t c)
{
	return c == '\'' || c == '"';
}

static int read_part(struct lexer *x, struct sh_word *w)
{
	const uint8_t c = peek(x, 0), next = peek(x, 1);

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
static int read_word(struct lexer *x, struct sh_word *ret)
{
	*ret = (struct sh_word){ .text = (uint32_t)x->s->texts.n, .at = x->k };
	while (x->k < x->now.end) {
		const bool process = (peek(x, 0) == '<' || peek(x, 0) == '>') && peek(x, 1) == '(';

		if (is_meta(peek(x, 0)) && !(process && x->k == ret->at))
			break;
		if (read_part(x, ret) < 0)
			return -1;
	}
	ret->end = x->k;
	ret->n = (uint32_t)(x->s->texts.n - ret->text);
	put(x, (const uint8_t *)"", 1);
	if (x->s->texts.bad)
		return too_much(x, ret->at, "bytes in words", (unsigned)TEXTS_MAX);
	return 0;
}

static bool word_is(const struct lexer *x, const struct sh_word *w, const char *text)
{
	return !w->quoted && strcmp(sh_text(x->s, w), text) == 0;
}

static bool is_keyword(const struct lexer *x, const struct sh_word *w)
{
	static const char *const words[] = { "if",   "then",  "elif",  "else", "fi", "do", "done",
					     "esac", "while", "until", "{",    "}",  "!",  "time" };

	for (size_t i = 0; i < SS_NELEMS(words); i++)
		if (word_is(x, w, words[i]))
			return true;
	return false;
}

/* NAME= or NAME+=, unquoted so far. */
static bool is_assignment(const struct lexer *x, const struct sh_word *w)
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

/* --- commands -----------------------------------------------------------------------------------
 */

static int open_cmd(struct lexer *x)
{
	struct sh_script *s = x->s;

	if (x->cmd != SH_NONE)
		return 0;
	if (s->n_cmds == SH_CMDS_MAX)
		return too_much(x, x->k, "too many commands", SH_CMDS_MAX);
	if (s->n_cmds == s->cap_cmds) {
		s->cap_cmds = s->cap_cmds == 0 ? 16 : 2 * s->cap_cmds;
		s->cmds = ss_reallocarray(s->cmds, s->cap_cmds, sizeof(*s->cmds));
	}
	x->cmd = (uint32_t)s->n_cmds;
	s->cmds[s->n_cmds++] = (struct sh_cmd){ .first = (uint32_t)s->n_words,
						.parent = x->now.parent,
						.piped_from = x->pipe,
						.at = x->k };
	x->pipe = SH_NONE;
	x->has_name = false;
	return 0;
}

static void end_cmd(struct lexer *x)
{
	if (x->cmd != SH_NONE && x->s->cmds[x->cmd].n > 0)
		x->last = x->cmd;
	x->cmd = SH_NONE;
	x->in_test = false;
	x->in_case = false;
}

static int add_word(struct lexer *x, const struct sh_word *w)
{
	struct sh_script *s = x->s;

	if (s->n_words == SH_WORDS_MAX)
		return too_much(x, w->at, "too many words", SH_WORDS_MAX);
	if (s->n_words == s->cap_words) {
		s->cap_words = s->cap_words == 0 ? 64 : 2 * s->cap_words;
		s->words = ss_reallocarray(s->words, s->cap_words, sizeof(*s->words));
	}
	s->words[s->n_words++] = *w;
	s->cmds[x->cmd].n++;
	return 0;
}

/* NAME=(a b): only substitutions count in there. */
static int read_array(struct lexer *x)
{
	const size_t at = x->k + 1;
	size_t end;

	if (find_close(x, at, ')', &end) < 0)
		return -1;
	x->k = end + 1;
	return push_item(x, at, end, true);
}

/* In front of "pattern)": only `esac` is more than a pattern. */
static void take_pattern(struct lexer *x, const struct sh_word *w)
{
	if (!word_is(x, w, "esac"))
		return;
	x->in_pattern = false;
	x->cases--;
	end_cmd(x);
}

/* After the name of the command. */
static int take_argument(struct lexer *x, const struct sh_word *w)
{
	if (x->in_test && word_is(x, w, "]]"))
		x->in_test = false;
	if (!x->in_case || !word_is(x, w, "in"))
		return add_word(x, w);
	end_cmd(x);
	x->cases++;
	x->in_pattern = true;
	return 0;
}

/* Where a name may stand. */
static int take_first(struct lexer *x, struct sh_word *w)
{
	if (is_keyword(x, w)) {
		x->cases -= x->cases > 0 && word_is(x, w, "esac") ? 1 : 0;
		return 0;
	}
	if (is_assignment(x, w)) {
		w->kind = SH_ASSIGN;
		if (x->in.p[w->end - 1] == '=' && peek(x, 0) == '(' && read_array(x) < 0)
			return -1;
		return add_word(x, w);
	}
	x->has_name = true;
	x->in_test = word_is(x, w, "[[");
	x->in_case = word_is(x, w, "case");
	return add_word(x, w);
}

static int take_word(struct lexer *x, enum sh_kind kind)
{
	struct sh_word w;

	if (open_cmd(x) < 0 || read_word(x, &w) < 0)
		return -1;
	w.kind = kind;
	if (x->in_pattern) {
		take_pattern(x, &w);
		return 0;
	}
	if (kind != SH_WORD)
		return add_word(x, &w);
	return x->has_name ? take_argument(x, &w) : take_first(x, &w);
}

/* --- redirections -------------------------------------------------------------------------------
 */

static void skip_blanks(struct lexer *x)
{
	for (;;) {
		if (is_blank(peek(x, 0)))
			x->k++;
		else if (peek(x, 0) == '\\' && peek(x, 1) == '\n')
			x->k += 2;
		else
			return;
	}
}

static int take_heredoc(struct lexer *x)
{
	struct sh_word w;
	bool chomp = false;

	x->k += 2;
	if (peek(x, 0) == '-') {
		chomp = true;
		x->k++;
	}
	skip_blanks(x);
	if (open_cmd(x) < 0 || read_word(x, &w) < 0)
		return -1;
	if (w.n == 0 && !w.quoted)
		return bad(x, w.at, "a heredoc without a name");
	if (x->n_docs == HEREDOCS_MAX)
		return too_much(x, w.at, "too many heredocs", HEREDOCS_MAX);
	x->docs[x->n_docs++] = (struct heredoc){ w.text, w.n, chomp, w.quoted };
	return 0;
}

/* At '<' or '>', or at "&>". */
static int take_redirection(struct lexer *x)
{
	enum sh_kind kind = SH_WRITE;
	const size_t at = x->k;
	size_t n = 0;

	if (peek(x, 0) == '<') {
		kind = SH_READ;
		if (peek(x, 1) == '<' && peek(x, 2) != '<')
			return take_heredoc(x);
	}
	while (n < 3 && (peek(x, n) == '<' || peek(x, n) == '>' || peek(x, n) == '&' ||
			 (n > 0 && peek(x, n) == '|')))
		n++;
	x->k += n;
	skip_blanks(x);
	if (x->k == x->now.end || (is_meta(peek(x, 0)) && peek(x, 1) != '('))
		return bad(x, at, "a redirection without a file");
	return take_word(x, kind);
}

/* One body of those that were announced on the line before. */
static int skip_body(struct lexer *x, const struct heredoc *d)
{
	const size_t from = x->k;

	while (x->k < x->now.end) {
		const uint8_t *p = x->in.p + x->k;
		const uint8_t *nl = memchr(p, '\n', x->now.end - x->k);
		size_t n = nl != NULL ? (size_t)(nl - p) : x->now.end - x->k;
		const size_t at = x->k;

		x->k += n + (nl != NULL ? 1 : 0);
		for (; d->chomp && n > 0 && *p == '\t'; n--)
			p++;
		if (n == d->n && memcmp(p, x->s->texts.p + d->text, n) == 0)
			return d->raw ? 0 : push_item(x, from, at, true);
	}
	return d->raw ? 0 : push_item(x, from, x->k, true);
}

static int take_newline(struct lexer *x)
{
	x->k++;
	for (size_t i = 0; i < x->n_docs; i++)
		if (skip_body(x, &x->docs[i]) < 0)
			return -1;
	x->n_docs = 0;
	if (!x->in_test && !x->in_case)
		end_cmd(x);
	return 0;
}

/* --- operators ----------------------------------------------------------------------------------
 */

static int take_operator(struct lexer *x, uint8_t c)
{
	const uint8_t next = peek(x, 1);
	const bool twice = (next == c && c != '(' && c != ')') || (c == '|' && next == '&');

	if (c == '(')
		x->parens++;
	if (c == ')' && x->parens-- == 0)
		return bad(x, x->k, "a ')' that nothing opened");
	end_cmd(x);
	if (c != '(')
		x->pipe = SH_NONE;
	if (c == '|' && next != '|')
		x->pipe = x->last; /* of a group: its last command */
	x->in_pattern = c == ';' && (next == ';' || next == '&') && x->cases > 0;
	x->k += twice ? 2 : 1;
	return 0;
}

/* What divides commands elsewhere, between patterns and in [[ ]]. */
static bool take_harmless(struct lexer *x, uint8_t c)
{
	if (!x->in_pattern && (!x->in_test || c == ';'))
		return false;
	if (x->in_pattern && c == ')') {
		x->in_pattern = false;
		end_cmd(x);
	}
	x->k++;
	return true;
}

/* Digits right before a redirection are a descriptor. */
static bool skip_descriptor(struct lexer *x)
{
	size_t n = 0;

	while (peek(x, n) >= '0' && peek(x, n) <= '9')
		n++;
	if (n == 0 || (peek(x, n) != '<' && peek(x, n) != '>') || peek(x, n + 1) == '(')
		return false;
	x->k += n;
	return true;
}

static void skip_comment(struct lexer *x)
{
	const uint8_t *nl = memchr(x->in.p + x->k, '\n', x->now.end - x->k);

	x->k = nl != NULL ? (size_t)(nl - x->in.p) : x->now.end;
}

static bool is_redirection(uint8_t c, uint8_t next)
{
	return c == '<' || c == '>' || (c == '&' && next == '>');
}

static int step(struct lexer *x)
{
	const uint8_t c = peek(x, 0), next = peek(x, 1);
	const bool process = (c == '<' || c == '>') && next == '(';

	if (c == '\n')
		return take_newline(x);
	if (c == '#') {
		skip_comment(x);
		return 0;
	}
	if (process || (!is_meta(c) && (x->in_pattern || x->in_test || !skip_descriptor(x))))
		return take_word(x, SH_WORD);
	if (!is_meta(c) || take_harmless(x, c))
		return 0;
	return is_redirection(c, next) ? take_redirection(x) : take_operator(x, c);
}

static int read_stretch(struct lexer *x)
{
	x->k = x->now.at;
	x->last = x->pipe = SH_NONE;
	x->cases = x->parens = x->n_docs = 0;
	x->in_pattern = false;
	if (x->now.text) {
		const size_t n = x->s->texts.n;

		x->cmd = x->now.parent;
		if (read_text(x, false) < 0)
			return -1;
		x->s->texts.n = n; /* nobody's word */
		return 0;
	}
	end_cmd(x);
	for (skip_blanks(x); x->k < x->now.end; skip_blanks(x))
		if (step(x) < 0)
			return -1;
	end_cmd(x);
	if (x->parens > 0)
		return bad(x, x->now.at, "a '(' that is not closed");
	return 0;
}

int sh_read(struct ss_span in, struct sh_script *ret, struct ss_err *err)
{
	struct lexer x = { .in = in, .s = ret, .err = err, .cmd = SH_NONE, .last = SH_NONE };
	int rc = 0;

	*ret = (struct sh_script){ .texts = { .max = TEXTS_MAX } };
	if (in.n > SH_SCRIPT_MAX)
		return ss_fail(err, SS_ELIMIT, "%zu bytes of shell; the limit is %zu", in.n,
			       SH_SCRIPT_MAX);
	if (in.n > 0 && memchr(in.p, 0, in.n) != NULL)
		return ss_fail(err, SS_EINPUT, "a NUL character");
	x.now = (struct item){ 0, in.n, SH_NONE, 0, false };
	rc = read_stretch(&x);
	for (size_t i = 0; rc == 0 && i < x.n_items; i++) {
		x.now = x.items[i];
		rc = read_stretch(&x);
	}
	free(x.items);
	if (rc < 0) {
		const size_t at = ret->bad_at;

		sh_script_done(ret);
		ret->bad_at = at;
	}
	return rc;
}

void sh_script_done(struct sh_script *s)
{
	free(s->words);
	free(s->cmds);
	ss_buf_done(&s->texts);
	*s = (struct sh_script){ 0 };
}

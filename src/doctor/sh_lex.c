/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/sh_lex.h"

#include "doctor/sh_word.h"

#include <assert.h>
#include <string.h>

/* --- commands -----------------------------------------------------------------------------------
 */

static int open_cmd(struct sh_lexer *x)
{
	struct sh_script *s = x->s;

	if (x->cmd != SH_NONE)
		return 0;
	if (s->n_cmds == SH_CMDS_MAX)
		return sh_too_much(x, x->k, "too many commands", SH_CMDS_MAX);
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

static void end_cmd(struct sh_lexer *x)
{
	if (x->cmd != SH_NONE && x->s->cmds[x->cmd].n > 0)
		x->last = x->cmd;
	x->cmd = SH_NONE;
	x->in_test = false;
	x->in_case = false;
}

static int add_word(struct sh_lexer *x, const struct sh_word *w)
{
	struct sh_script *s = x->s;

	if (s->n_words == SH_WORDS_MAX)
		return sh_too_much(x, w->at, "too many words", SH_WORDS_MAX);
	if (s->n_words == s->cap_words) {
		s->cap_words = s->cap_words == 0 ? 64 : 2 * s->cap_words;
		s->words = ss_reallocarray(s->words, s->cap_words, sizeof(*s->words));
	}
	s->words[s->n_words++] = *w;
	s->cmds[x->cmd].n++;
	return 0;
}

/* NAME=(a b): only substitutions count in there. */
static int read_array(struct sh_lexer *x)
{
	const size_t at = x->k + 1;
	size_t end;

	if (sh_find_close(x, at, ')', &end) < 0)
		return -1;
	x->k = end + 1;
	return sh_push_item(x, at, end, true);
}

/* In front of "pattern)": only `esac` is more than a pattern. */
static void take_pattern(struct sh_lexer *x, const struct sh_word *w)
{
	if (!sh_word_is(x, w, "esac"))
		return;
	x->in_pattern = false;
	x->cases--;
	end_cmd(x);
}

/* After the name of the command. */
static int take_argument(struct sh_lexer *x, const struct sh_word *w)
{
	if (x->in_test && sh_word_is(x, w, "]]"))
		x->in_test = false;
	if (!x->in_case || !sh_word_is(x, w, "in"))
		return add_word(x, w);
	end_cmd(x);
	x->cases++;
	x->in_pattern = true;
	return 0;
}

/* Where a name may stand. */
static int take_first(struct sh_lexer *x, struct sh_word *w)
{
	if (sh_is_keyword(x, w)) {
		x->cases -= x->cases > 0 && sh_word_is(x, w, "esac") ? 1 : 0;
		return 0;
	}
	if (sh_is_assignment(x, w)) {
		w->kind = SH_ASSIGN;
		if (x->in.p[w->end - 1] == '=' && sh_peek(x, 0) == '(' && read_array(x) < 0)
			return -1;
		return add_word(x, w);
	}
	x->has_name = true;
	x->in_test = sh_word_is(x, w, "[[");
	x->in_case = sh_word_is(x, w, "case");
	return add_word(x, w);
}

static int take_word(struct sh_lexer *x, enum sh_kind kind)
{
	struct sh_word w;

	if (open_cmd(x) < 0 || sh_read_word(x, &w) < 0)
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

static void skip_blanks(struct sh_lexer *x)
{
	for (;;) {
		if (sh_is_blank(sh_peek(x, 0)))
			x->k++;
		else if (sh_peek(x, 0) == '\\' && sh_peek(x, 1) == '\n')
			x->k += 2;
		else
			return;
	}
}

static int take_heredoc(struct sh_lexer *x)
{
	struct sh_word w;
	bool chomp = false;

	x->k += 2;
	if (sh_peek(x, 0) == '-') {
		chomp = true;
		x->k++;
	}
	skip_blanks(x);
	if (open_cmd(x) < 0 || sh_read_word(x, &w) < 0)
		return -1;
	if (w.n == 0 && !w.quoted)
		return sh_bad(x, w.at, "a heredoc without a name");
	if (x->n_docs == SH_HEREDOCS_MAX)
		return sh_too_much(x, w.at, "too many heredocs", SH_HEREDOCS_MAX);
	x->docs[x->n_docs++] = (struct sh_heredoc){ w.text, w.n, chomp, w.quoted };
	return 0;
}

/* At '<' or '>', or at "&>". */
static int take_redirection(struct sh_lexer *x)
{
	enum sh_kind kind = SH_WRITE;
	const size_t at = x->k;
	size_t n = 0;

	if (sh_peek(x, 0) == '<') {
		kind = SH_READ;
		if (sh_peek(x, 1) == '<' && sh_peek(x, 2) != '<')
			return take_heredoc(x);
	}
	while (n < 3 && (sh_peek(x, n) == '<' || sh_peek(x, n) == '>' || sh_peek(x, n) == '&' ||
			 (n > 0 && sh_peek(x, n) == '|')))
		n++;
	x->k += n;
	skip_blanks(x);
	if (x->k == x->now.end || (sh_is_meta(sh_peek(x, 0)) && sh_peek(x, 1) != '('))
		return sh_bad(x, at, "a redirection without a file");
	return take_word(x, kind);
}

/* One body of those that were announced on the line before. */
static int skip_body(struct sh_lexer *x, const struct sh_heredoc *d)
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
			return d->raw ? 0 : sh_push_item(x, from, at, true);
	}
	return d->raw ? 0 : sh_push_item(x, from, x->k, true);
}

static int take_newline(struct sh_lexer *x)
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

static int take_operator(struct sh_lexer *x, uint8_t c)
{
	const uint8_t next = sh_peek(x, 1);
	const bool twice = (next == c && c != '(' && c != ')') || (c == '|' && next == '&');

	if (c == '(')
		x->parens++;
	if (c == ')' && x->parens-- == 0)
		return sh_bad(x, x->k, "a ')' that nothing opened");
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
static bool take_harmless(struct sh_lexer *x, uint8_t c)
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
static bool skip_descriptor(struct sh_lexer *x)
{
	size_t n = 0;

	while (sh_peek(x, n) >= '0' && sh_peek(x, n) <= '9')
		n++;
	if (n == 0 || (sh_peek(x, n) != '<' && sh_peek(x, n) != '>') || sh_peek(x, n + 1) == '(')
		return false;
	x->k += n;
	return true;
}

static void skip_comment(struct sh_lexer *x)
{
	const uint8_t *nl = memchr(x->in.p + x->k, '\n', x->now.end - x->k);

	x->k = nl != NULL ? (size_t)(nl - x->in.p) : x->now.end;
}

static bool is_redirection(uint8_t c, uint8_t next)
{
	return c == '<' || c == '>' || (c == '&' && next == '>');
}

static int step(struct sh_lexer *x)
{
	const uint8_t c = sh_peek(x, 0), next = sh_peek(x, 1);
	const bool process = (c == '<' || c == '>') && next == '(';

	if (c == '\n')
		return take_newline(x);
	if (c == '#') {
		skip_comment(x);
		return 0;
	}
	if (process || (!sh_is_meta(c) && (x->in_pattern || x->in_test || !skip_descriptor(x))))
		return take_word(x, SH_WORD);
	if (!sh_is_meta(c) || take_harmless(x, c))
		return 0;
	return is_redirection(c, next) ? take_redirection(x) : take_operator(x, c);
}

static int read_stretch(struct sh_lexer *x)
{
	x->k = x->now.at;
	x->last = x->pipe = SH_NONE;
	x->cases = x->parens = x->n_docs = 0;
	x->in_pattern = false;
	if (x->now.text) {
		const size_t n = x->s->texts.n;

		x->cmd = x->now.parent;
		if (sh_read_text(x, false) < 0)
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
		return sh_bad(x, x->now.at, "a '(' that is not closed");
	return 0;
}

int sh_read(struct ss_span in, struct sh_script *ret, struct ss_err *err)
{
	struct sh_lexer x = { .in = in, .s = ret, .err = err, .cmd = SH_NONE, .last = SH_NONE };
	int rc = 0;

	*ret = (struct sh_script){ .texts = { .max = SH_TEXTS_MAX } };
	if (in.n > SH_SCRIPT_MAX)
		return ss_fail(err, SS_ELIMIT, "%zu bytes of shell; the limit is %zu", in.n,
			       SH_SCRIPT_MAX);
	if (in.n > 0 && memchr(in.p, 0, in.n) != NULL)
		return ss_fail(err, SS_EINPUT, "a NUL character");
	x.now = (struct sh_item){ 0, in.n, SH_NONE, 0, false };
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

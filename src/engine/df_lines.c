/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/df_lines.h"

#include "base/show.h"
#include "fmt/json.h"

#include <assert.h>
#include <string.h>

void df_source_init(struct df_source *s, struct ss_span in)
{
	*s = (struct df_source){ .in = in, .line = 1, .escape = '\\' };
	if (in.n >= 3 && memcmp(in.p, "\xef\xbb\xbf", 3) == 0)
		s->at = 3;
}

void df_instruction_done(struct df_instruction *i)
{
	ss_buf_done(&i->text);
	ss_buf_done(&i->places);
}

/* --- lines of the file -------------------------------------------------------------------------
 */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

/* The next line without its end, and where it begins; false at the end of the file. */
static bool take_line(struct df_source *s, struct ss_span *ret, size_t *ret_at)
{
	const size_t left = s->in.n - s->at;
	const uint8_t *p = s->in.p + s->at;
	const uint8_t *end;
	size_t n;

	if (left == 0)
		return false;
	end = memchr(p, '\n', left);
	n = end != NULL ? (size_t)(end - p) : left;
	*ret_at = s->at;
	s->at += end != NULL ? n + 1 : n;
	s->line++;
	if (n > 0 && p[n - 1] == '\r')
		n--;
	*ret = (struct ss_span){ p, n };
	return true;
}

static struct ss_span trim_left(struct ss_span l)
{
	while (l.n > 0 && is_blank(l.p[0])) {
		l.p++;
		l.n--;
	}
	return l;
}

/* True if the line goes on below; *l loses what says so. */
static bool cut_continuation(const struct df_source *s, struct ss_span *l)
{
	size_t n = l->n;

	while (n > 0 && (l->p[n - 1] == ' ' || l->p[n - 1] == '\t'))
		n--;
	if (n == 0 || l->p[n - 1] != (uint8_t)s->escape)
		return false;
	if (n > 1 && l->p[n - 2] == (uint8_t)s->escape)
		return false;
	l->n = n - 1;
	return true;
}

/* --- directives --------------------------------------------------------------------------------
 */

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "# name = value": false if the line is something else. */
static bool split_directive(struct ss_span l, struct ss_span *ret_name, struct ss_span *ret_value)
{
	size_t n = 0;

	if (l.n == 0 || l.p[0] != '#')
		return false;
	l = trim_left((struct ss_span){ l.p + 1, l.n - 1 });
	while (n < l.n && (is_letter(l.p[n]) || (n > 0 && l.p[n] >= '0' && l.p[n] <= '9')))
		n++;
	*ret_name = (struct ss_span){ l.p, n };
	l = trim_left((struct ss_span){ l.p + n, l.n - n });
	if (n == 0 || l.n == 0 || l.p[0] != '=')
		return false;
	l = trim_left((struct ss_span){ l.p + 1, l.n - 1 });
	while (l.n > 0 && is_blank(l.p[l.n - 1]))
		l.n--;
	*ret_value = l;
	return l.n > 0;
}

static bool is_name(struct ss_span s, const char *name)
{
	return s.n == strlen(name) && strncasecmp((const char *)s.p, name, s.n) == 0;
}

/* At the top of the file: true if the line was a directive. */
static int try_directive(struct df_source *s, struct ss_span l, size_t at, bool *ret,
			 struct ss_err *err)
{
	struct ss_span name, value;

	*ret = split_directive(trim_left(l), &name, &value);
	if (!*ret)
		return 0;
	if (is_name(name, "escape")) {
		if (value.n != 1 || (value.p[0] != '\\' && value.p[0] != '`') ||
		    s->escape_line.n > 0)
			return ss_fail(err, SS_EINPUT,
				       "line %u: escape must be \\ or `, and be given once",
				       s->line - 1);
		s->escape = (char)value.p[0];
		s->escape_line = (struct df_directive){ at, l.n };
	} else if (is_name(name, "syntax")) {
		if (s->syntax_line.n > 0)
			return ss_fail(err, SS_EINPUT, "line %u: syntax is given twice",
				       s->line - 1);
		s->syntax_line = (struct df_directive){ at, l.n };
	} else if (!is_name(name, "check")) {
		*ret = false; /* a comment like any other, which ends the directives */
	}
	if (*ret && s->first.n == 0)
		s->first = (struct df_directive){ at, l.n };
	return 0;
}

/* --- words ---------------------------------------------------------------------------------------
 */

static bool is_space(char c)
{
	return is_blank((uint8_t)c) || c == '\n';
}

bool df_word_next(const struct df_instruction *i, char escape, size_t *at, struct df_word *ret)
{
	const char *s = (const char *)i->text.p;
	const size_t n = i->text.n;
	size_t k = *at;
	char quote = '\0';

	while (k < n && is_space(s[k]))
		k++;
	ret->p = s + k;
	for (; k < n && (quote != '\0' || !is_space(s[k])); k++) {
		if (s[k] == escape && quote != '\'' && k + 1 < n)
			k++;
		else if (quote != '\0' && s[k] == quote)
			quote = '\0';
		else if (quote == '\0' && (s[k] == '"' || s[k] == '\''))
			quote = s[k];
	}
	ret->n = (size_t)(s + k - ret->p);
	*at = k;
	return ret->n > 0;
}

static size_t place(const struct df_instruction *i, size_t at)
{
	size_t v;

	memcpy(&v, i->places.p + at * sizeof(v), sizeof(v));
	return v;
}

bool df_word_place(const struct df_instruction *i, const struct df_word *w, size_t *ret)
{
	const size_t at = (size_t)(w->p - (const char *)i->text.p);

	assert(w->n > 0);
	*ret = place(i, at);
	return place(i, at + w->n - 1) - *ret == w->n - 1;
}

bool df_word_is(const struct df_word *w, const char *upper)
{
	return w->n == strlen(upper) && strncasecmp(w->p, upper, w->n) == 0;
}

/* --- heredocs ------------------------------------------------------------------------------------
 */

struct heredoc {
	const char *p; /* the word that ends it */
	size_t n;
	bool chomp; /* "<<-": tabs before it do not count */
};

static bool is_plain_name(const char *s, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.+-";

	for (size_t i = 0; i < n; i++)
		if (strchr(letters, s[i]) == NULL || s[i] == '\0')
			return false;
	return n > 0;
}

/* "<<EOF", "3<<-'EOF'"; *ret_is false for any other word. */
static int read_heredoc(const struct df_word *w, uint32_t line, struct heredoc *ret, bool *ret_is,
			struct ss_err *err)
{
	size_t k = 0;
	size_t n;
	const char *p;

	*ret_is = false;
	while (k < w->n && w->p[k] >= '0' && w->p[k] <= '9')
		k++;
	if (w->n - k < 3 || memcmp(w->p + k, "<<", 2) != 0)
		return 0;
	k += 2;
	ret->chomp = w->p[k] == '-';
	k += ret->chomp ? 1 : 0;
	p = w->p + k;
	n = w->n - k;
	if (n == 0 || memchr(p, '<', n) != NULL)
		return 0;
	if (n > 2 && (p[0] == '"' || p[0] == '\'') && p[n - 1] == p[0]) {
		p++;
		n -= 2;
	}
	if (!is_plain_name(p, n))
		return ss_fail(err, SS_EINPUT, "line %u: cannot tell where the heredoc '%s' ends",
			       line, SS_SHOW(((struct ss_span){ (const uint8_t *)w->p, w->n })));
	ret->p = p;
	ret->n = n;
	*ret_is = true;
	return 0;
}

static bool ends_here(const struct heredoc *h, struct ss_span l)
{
	while (h->chomp && l.n > 0 && l.p[0] == '\t') {
		l.p++;
		l.n--;
	}
	return l.n == h->n && memcmp(l.p, h->p, h->n) == 0;
}

static int skip_heredoc(struct df_source *s, const struct heredoc *h, uint32_t line,
			struct df_heredoc *ret, struct ss_err *err)
{
	struct ss_span l;
	size_t at;

	ret->at = s->at;
	while (take_line(s, &l, &at)) {
		if (!ends_here(h, l))
			continue;
		ret->n = at - ret->at;
		return 0;
	}
	return ss_fail(err, SS_EINPUT, "line %u: the heredoc '%.*s' does not end", line, (int)h->n,
		       h->p);
}

/* RUN ["a", "b"]: no shell, so no heredoc. `rest` is what follows the flags. */
static bool is_json(const char *rest)
{
	AUTO_JSON json_t *j = NULL;
	struct ss_err ignored = { 0 };
	const struct ss_span s = { (const uint8_t *)rest, strlen(rest) };

	return rest[0] == '[' && js_read(s, DF_MAX_SIZE, "list", &j, &ignored) == 0 &&
	       json_is_array(j);
}

/* True if the instruction may hold heredocs: RUN, COPY, ADD, also after ONBUILD, in shell form. */
static bool may_hold_heredoc(const struct df_instruction *i, char escape)
{
	struct df_word w;
	size_t at = 0;

	if (!df_word_next(i, escape, &at, &w))
		return false;
	if (df_word_is(&w, "ONBUILD") && !df_word_next(i, escape, &at, &w))
		return false;
	if (!df_word_is(&w, "RUN") && !df_word_is(&w, "COPY") && !df_word_is(&w, "ADD"))
		return false;
	while (df_word_next(i, escape, &at, &w))
		if (w.n < 2 || memcmp(w.p, "--", 2) != 0)
			return !is_json(w.p);
	return false;
}

static int skip_heredocs(struct df_source *s, struct df_instruction *i, struct ss_err *err)
{
	struct heredoc found[DF_HEREDOCS_MAX];
	struct df_word w;
	size_t n = 0, at = 0;

	i->heredoc_line = 0;
	i->n_heredocs = 0;
	if (!may_hold_heredoc(i, s->escape))
		return 0;
	while (df_word_next(i, s->escape, &at, &w)) {
		struct heredoc h;
		bool is;

		if (read_heredoc(&w, i->line, &h, &is, err) < 0)
			return -1;
		if (!is)
			continue;
		if (n == DF_HEREDOCS_MAX)
			return ss_fail(err, SS_ELIMIT, "line %u: more than %u heredocs", i->line,
				       DF_HEREDOCS_MAX);
		found[n++] = h;
		i->heredoc_line = i->line;
	}
	for (size_t k = 0; k < n; k++)
		if (skip_heredoc(s, &found[k], i->line, &i->heredocs[k], err) < 0)
			return -1;
	i->n_heredocs = n;
	return 0;
}

/* --- instructions --------------------------------------------------------------------------------
 */

static void put_part(const struct df_source *s, struct df_instruction *i, struct ss_span l)
{
	const size_t first = (size_t)(l.p - s->in.p);

	ss_buf_put(&i->text, l);
	for (size_t k = 0; k < l.n; k++) {
		const size_t v = first + k;

		ss_buf_put(&i->places, (struct ss_span){ (const uint8_t *)&v, sizeof(v) });
	}
}

/* `l` is the first line of an instruction, trimmed. */
static int read_instruction(struct df_source *s, struct ss_span l, struct df_instruction *ret,
			    struct ss_err *err)
{
	bool more = cut_continuation(s, &l);
	size_t at;

	ret->line = s->line - 1;
	put_part(s, ret, l);
	while (more && take_line(s, &l, &at)) {
		const struct ss_span t = trim_left(l);

		if (t.n == 0 || t.p[0] == '#')
			continue;
		more = cut_continuation(s, &l);
		put_part(s, ret, l);
	}
	if (ret->text.n > 0 && memchr(ret->text.p, 0, ret->text.n) != NULL)
		return ss_fail(err, SS_EINPUT, "line %u: a NUL character", ret->line);
	ss_buf_put(&ret->text, (struct ss_span){ (const uint8_t *)"", 1 });
	ret->text.n--;
	if (skip_heredocs(s, ret, err) < 0)
		return -1;
	ret->end = s->at;
	return 0;
}

int df_next(struct df_source *s, struct df_instruction *ret, bool *ret_end, struct ss_err *err)
{
	struct ss_span l;
	size_t at;

	ret->text.n = ret->places.n = 0;
	ret->text.max = DF_MAX_SIZE + 1;
	ret->places.max = DF_MAX_SIZE * sizeof(size_t);
	*ret_end = false;
	while (take_line(s, &l, &at)) {
		bool directive = false;

		if (!s->body && try_directive(s, l, at, &directive, err) < 0)
			return -1;
		if (directive)
			continue;
		s->body = true;
		l = trim_left(l);
		if (l.n == 0 || l.p[0] == '#')
			continue;
		return read_instruction(s, l, ret, err);
	}
	*ret_end = true;
	return 0;
}

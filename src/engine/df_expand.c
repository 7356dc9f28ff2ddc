/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/df_expand.h"

#include "base/show.h"

#include <string.h>

#define DEPTH_MAX 8u
#define NAME_MAX_LETTERS 128u

struct expansion {
	const struct cfg_pairs *vars;
	struct ss_buf *out;
	char escape;
	unsigned depth;
};

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The length of a name at the start of `s`. */
static size_t name_len(struct ss_span s)
{
	size_t n = 0;

	while (n < s.n && (is_letter(s.p[n]) || (n > 0 && s.p[n] >= '0' && s.p[n] <= '9')))
		n++;
	return n;
}

static struct ss_span rest(struct ss_span s, size_t n)
{
	return (struct ss_span){ s.p + n, s.n - n };
}

static int expand(struct expansion *e, struct ss_span s, struct ss_err *err);

static int not_followed(struct ss_span s, struct ss_err *err)
{
	return ss_fail(err, SS_EINPUT, "cannot follow '%s'", SS_SHOW(s));
}

static const char *look_up(const struct expansion *e, struct ss_span name)
{
	char text[NAME_MAX_LETTERS + 1];

	(void)snprintf(text, sizeof(text), "%.*s", (int)name.n, (const char *)name.p);
	return cfg_pairs_get(e->vars, text);
}

static void put_text(struct expansion *e, const char *s)
{
	ss_buf_put(e->out, (struct ss_span){ (const uint8_t *)s, strlen(s) });
}

/* Where the '}' of a "${" stands; s.n if there is none. */
static size_t find_close(struct ss_span s)
{
	size_t open = 1;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '{' && i > 0 && s.p[i - 1] == '$')
			open++;
		if (s.p[i] == '}' && --open == 0)
			return i;
	}
	return s.n;
}

/* What stands between "${" and its '}'. */
static int expand_braces(struct expansion *e, struct ss_span s, struct ss_err *err)
{
	const size_t n = name_len(s);
	const char *value = n <= NAME_MAX_LETTERS ? look_up(e, (struct ss_span){ s.p, n }) : NULL;
	struct ss_span mod = rest(s, n);
	bool set = value != NULL;

	if (n == 0 || n > NAME_MAX_LETTERS)
		return not_followed(s, err);
	if (mod.n == 0) {
		put_text(e, value != NULL ? value : "");
		return 0;
	}
	if (mod.p[0] == ':') {
		set = set && value[0] != '\0';
		mod = rest(mod, 1);
	}
	if (mod.n == 0 || (mod.p[0] != '-' && mod.p[0] != '+'))
		return not_followed(s, err);
	if (mod.p[0] == '-' && set) {
		put_text(e, value);
		return 0;
	}
	if (mod.p[0] == '+' && !set)
		return 0;
	return expand(e, rest(mod, 1), err);
}

/* At a '$'; *ret_n is how much of `s` it took. */
static int expand_dollar(struct expansion *e, struct ss_span s, size_t *ret_n, struct ss_err *err)
{
	const struct ss_span after = rest(s, 1);
	size_t n = name_len(after);

	if (after.n > 0 && after.p[0] == '{') {
		const struct ss_span inside = rest(after, 1);

		n = find_close(inside);
		if (n == inside.n)
			return not_followed(s, err);
		*ret_n = n + 3;
		return expand_braces(e, (struct ss_span){ inside.p, n }, err);
	}
	if (n > NAME_MAX_LETTERS)
		return not_followed(s, err);
	*ret_n = 1 + n;
	if (n == 0) {
		put_text(e, "$");
	} else {
		const char *value = look_up(e, (struct ss_span){ after.p, n });

		put_text(e, value != NULL ? value : "");
	}
	return 0;
}

static int take_single_quoted(struct expansion *e, struct ss_span s, size_t *ret_n,
			      struct ss_err *err)
{
	const uint8_t *end = memchr(s.p + 1, '\'', s.n - 1);

	if (end == NULL)
		return not_followed(s, err);
	ss_buf_put(e->out, (struct ss_span){ s.p + 1, (size_t)(end - s.p) - 1 });
	*ret_n = (size_t)(end - s.p) + 1;
	return 0;
}

static int expand_all(struct expansion *e, struct ss_span s, struct ss_err *err)
{
	bool quoted = false;

	while (s.n > 0) {
		size_t n = 1;

		if (s.p[0] == '\'' && !quoted) {
			if (take_single_quoted(e, s, &n, err) < 0)
				return -1;
		} else if (s.p[0] == '"') {
			quoted = !quoted;
		} else if (s.p[0] == (uint8_t)e->escape && s.n > 1) {
			ss_buf_put(e->out, (struct ss_span){ s.p + 1, 1 });
			n = 2;
		} else if (s.p[0] == '$') {
			if (expand_dollar(e, s, &n, err) < 0)
				return -1;
		} else {
			ss_buf_put(e->out, (struct ss_span){ s.p, 1 });
		}
		s = rest(s, n);
	}
	if (quoted)
		return ss_fail(err, SS_EINPUT, "a '\"' is not closed");
	return 0;
}

static int expand(struct expansion *e, struct ss_span s, struct ss_err *err)
{
	int rc;

	if (e->depth == DEPTH_MAX)
		return not_followed(s, err);
	e->depth++;
	rc = expand_all(e, s, err);
	e->depth--;
	return rc;
}

int df_expand(struct ss_span word, char escape, const struct cfg_pairs *vars, struct ss_buf *ret,
	      struct ss_err *err)
{
	struct expansion e = { .vars = vars, .out = ret, .escape = escape };

	if (expand(&e, word, err) < 0)
		return -1;
	return ss_buf_check(ret, "a word with its variables", err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "base/text.h"
#include "fmt/toml_lex.h"

#include <string.h>

/* How a table or an array came about decides who may add to it. */
enum origin {
	BY_VALUE,  /* = {…} or = […]: complete */
	BY_PATH,   /* named on the way to [a.b.c]: may still get a header of its own */
	BY_HEADER, /* [a] or [[a]]: complete but for tables below it */
	BY_DOTS,   /* a.b = 1: open to more dotted keys, and to headers below it */
};

struct reader {
	struct toml_lex lex;
	struct toml_node *root;
	struct toml_node *table; /* what a key at the start of a line goes into */
};

static int check_room(const struct toml_node *in, uint32_t line, struct ss_err *err)
{
	if (in->depth >= TOML_MAX_DEPTH)
		return ss_fail(err, SS_ELIMIT, "line %u: nested deeper than %u", line,
			       TOML_MAX_DEPTH);
	if (in->type == TOML_TABLE && in->n >= TOML_MAX_KEYS)
		return ss_fail(err, SS_ELIMIT, "line %u: more than %u keys in one table", line,
			       TOML_MAX_KEYS);
	return 0;
}

/* A new, empty table or array in `in`; `key` only in a table. */
static int grow(struct reader *r, struct toml_node *in, const char *key, enum toml_type type,
		enum origin origin, struct toml_node **ret, struct ss_err *err)
{
	struct toml_node *t;

	if (check_room(in, r->lex.line, err) < 0)
		return -1;
	t = toml_new(type, r->lex.line);
	t->depth = (uint8_t)(in->depth + 1);
	t->origin = (uint8_t)origin;
	if (in->type == TOML_TABLE)
		toml_put(in, key, t);
	else
		toml_push(in, t);
	*ret = t;
	return 0;
}

/* --- keys ------------------------------------------------------------------------------------ */

/* The parts of a dotted key, one after the other, each with its NUL. */
struct key {
	struct ss_buf text;
	size_t n;
};

static void key_done(struct key *k)
{
	ss_buf_done(&k->text);
}

static int read_key(struct reader *r, struct key *ret, struct ss_err *err)
{
	for (;;) {
		toml_pass_blanks(&r->lex);
		if (toml_lex_key(&r->lex, &ret->text, err) < 0)
			return -1;
		if (++ret->n > TOML_MAX_DEPTH)
			return ss_fail(err, SS_ELIMIT, "line %u: nested deeper than %u",
				       r->lex.line, TOML_MAX_DEPTH);
		toml_pass_blanks(&r->lex);
		if (toml_peek(&r->lex, 0) != '.')
			return 0;
		toml_pass(&r->lex, 1);
	}
}

/* The part after `part`. */
static const char *next_part(const char *part)
{
	return part + strlen(part) + 1;
}

static int twice(const struct reader *r, const char *key, const struct toml_node *old,
		 struct ss_err *err)
{
	return ss_fail(err, SS_EINPUT, "line %u: '%s' is set already, in line %u", r->lex.line,
		       SS_SHOW(ss_text(key)), old->line);
}

/* Where "a.b.c = …" in `table` puts c: the table of b. *ret_last is "c", inside `k`. */
static int enter_dotted(struct reader *r, struct toml_node *table, const struct key *k,
			struct toml_node **ret, const char **ret_last, struct ss_err *err)
{
	const char *part = (const char *)k->text.p;

	for (size_t i = 0; i + 1 < k->n; i++, part = next_part(part)) {
		struct toml_node *t = toml_get(table, part);

		if (t == NULL) {
			if (grow(r, table, part, TOML_TABLE, BY_DOTS, &t, err) < 0)
				return -1;
		} else if (t->type != TOML_TABLE || t->origin != BY_DOTS) {
			return twice(r, part, t, err);
		}
		table = t;
	}
	*ret = table;
	*ret_last = part;
	return 0;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Reads "key =" inside `table`, up to the value. */
static int read_assignment(struct reader *r, struct toml_node *table, struct toml_node **ret_in,
			   struct ss_buf *ret_key, struct ss_err *err)
{
	SS_CLEANUP(key_done) struct key k = { .text = SS_BUF_INIT(TOML_MAX_SIZE) };
	const struct toml_node *old;
	const char *last = NULL;

	if (read_key(r, &k, err) < 0)
		return -1;
	if (toml_peek(&r->lex, 0) != '=')
		return ss_fail(err, SS_EINPUT, "line %u: expected '=' after the key", r->lex.line);
	toml_pass(&r->lex, 1);
	toml_pass_blanks(&r->lex);
	if (enter_dotted(r, table, &k, ret_in, &last, err) < 0)
		return -1;
	old = toml_get(*ret_in, last);
	if (old != NULL)
		return twice(r, last, old, err);
	ret_key->n = 0;
	ss_buf_put(ret_key, (struct ss_span){ (const uint8_t *)last, strlen(last) + 1 });
	return 0;
}

/* A value that holds no others. */
static int read_scalar(struct reader *r, struct toml_node *in, const char *key, struct ss_err *err)
{
	const uint32_t line = r->lex.line;
	const int c = toml_peek(&r->lex, 0);
	struct toml_node *t;

	if (check_room(in, line, err) < 0)
		return -1;
	if (c == '"' || c == '\'') {
		if (toml_lex_string(&r->lex, &t, err) < 0)
			return -1;
	} else if (toml_lex_plain(&r->lex, &t, err) < 0) {
		return -1;
	}
	if (in->type == TOML_TABLE)
		toml_put(in, key, t);
	else
		toml_push(in, t);
	return 0;
}

/*
 * After a value, or after an opening bracket (`first`): decides whether `top` is complete. If not,
 * the position is at the next element's value, which belongs into *ret_in under *ret_key.
 */
static int next_element(struct reader *r, struct toml_node *top, bool first, bool *ret_closed,
			struct toml_node **ret_in, struct ss_buf *ret_key, struct ss_err *err)
{
	const bool array = top->type == TOML_ARRAY;
	const int close = array ? ']' : '}';
	bool comma = first;

	if (array && toml_pass_space(&r->lex, err) < 0)
		return -1;
	toml_pass_blanks(&r->lex);
	if (!first && toml_peek(&r->lex, 0) == ',') {
		toml_pass(&r->lex, 1);
		comma = true;
		if (array && toml_pass_space(&r->lex, err) < 0)
			return -1;
		toml_pass_blanks(&r->lex);
	}
	/* A comma may end an array, never an inline table. */
	*ret_closed = toml_peek(&r->lex, 0) == close && (array || first || !comma);
	if (*ret_closed) {
		toml_pass(&r->lex, 1);
		return 0;
	}
	if (!comma)
		return ss_fail(err, SS_EINPUT, "line %u: expected ',' or '%c'", r->lex.line, close);
	*ret_in = top;
	if (array)
		return 0;
	return read_assignment(r, top, ret_in, ret_key, err);
}

/* Any value, into `in`; arrays and inline tables by a stack of their own. */
static int read_value(struct reader *r, struct toml_node *in, struct ss_buf *key,
		      struct ss_err *err)
{
	struct toml_node *stack[TOML_MAX_DEPTH];
	size_t depth = 0;

	for (;;) {
		const int c = toml_peek(&r->lex, 0);
		bool first = false;
		bool closed = true;

		if (c == '[' || c == '{') {
			struct toml_node *t;

			toml_pass(&r->lex, 1);
			/* Each level has a depth of its own, so the stack has room: check_room().
			 */
			if (grow(r, in, (const char *)key->p, c == '[' ? TOML_ARRAY : TOML_TABLE,
				 BY_VALUE, &t, err) < 0)
				return -1;
			stack[depth++] = t;
			first = true;
		} else if (read_scalar(r, in, (const char *)key->p, err) < 0) {
			return -1;
		}
		while (depth > 0 && closed) {
			if (next_element(r, stack[depth - 1], first, &closed, &in, key, err) < 0)
				return -1;
			first = false;
			depth -= closed ? 1 : 0;
		}
		if (depth == 0)
			return 0;
	}
}

/* --- lines ----------------------------------------------------------------------------------- */

/* On the way to the last part of a header. */
static int enter_path(struct reader *r, struct toml_node *at, const char *part,
		      struct toml_node **ret, struct ss_err *err)
{
	struct toml_node *t = toml_get(at, part);

	if (t == NULL)
		return grow(r, at, part, TOML_TABLE, BY_PATH, ret, err);
	if (t->origin == BY_VALUE)
		return twice(r, part, t, err);
	*ret = t->type == TOML_ARRAY ? t->kids[t->n - 1] : t;
	return 0;
}

static int open_table(struct reader *r, struct toml_node *at, const char *name, struct ss_err *err)
{
	struct toml_node *t = toml_get(at, name);

	if (t == NULL)
		return grow(r, at, name, TOML_TABLE, BY_HEADER, &r->table, err);
	if (t->type != TOML_TABLE || t->origin != BY_PATH)
		return twice(r, name, t, err);
	t->origin = BY_HEADER;
	t->line = r->lex.line;
	r->table = t;
	return 0;
}

static int open_element(struct reader *r, struct toml_node *at, const char *name,
			struct ss_err *err)
{
	struct toml_node *t = toml_get(at, name);

	if (t == NULL && grow(r, at, name, TOML_ARRAY, BY_HEADER, &t, err) < 0)
		return -1;
	if (t->type != TOML_ARRAY || t->origin != BY_HEADER)
		return twice(r, name, t, err);
	return grow(r, t, "", TOML_TABLE, BY_HEADER, &r->table, err);
}

/* At the first '[' of "[a.b]" or "[[a.b]]". */
static int read_header(struct reader *r, struct ss_err *err)
{
	SS_CLEANUP(key_done) struct key k = { .text = SS_BUF_INIT(TOML_MAX_SIZE) };
	const bool element = toml_peek(&r->lex, 1) == '[';
	struct toml_node *at = r->root;
	const char *part;

	toml_pass(&r->lex, element ? 2 : 1);
	if (read_key(r, &k, err) < 0)
		return -1;
	if (toml_peek(&r->lex, 0) != ']' || (element && toml_peek(&r->lex, 1) != ']'))
		return ss_fail(err, SS_EINPUT, "line %u: expected '%s' after the table's name",
			       r->lex.line, element ? "]]" : "]");
	toml_pass(&r->lex, element ? 2 : 1);
	part = (const char *)k.text.p;
	for (size_t i = 0; i + 1 < k.n; i++, part = next_part(part))
		if (enter_path(r, at, part, &at, err) < 0)
			return -1;
	return element ? open_element(r, at, part, err) : open_table(r, at, part, err);
}

static int read_line(struct reader *r, struct ss_err *err)
{
	AUTO_BUF struct ss_buf key = SS_BUF_INIT(TOML_MAX_SIZE);
	const uint32_t line = r->lex.line;
	struct toml_node *in;
	size_t at;

	if (toml_peek(&r->lex, 0) == '[')
		return read_header(r, err);
	if (read_assignment(r, r->table, &in, &key, err) < 0)
		return -1;
	at = in->n;
	if (read_value(r, in, &key, err) < 0)
		return -1;
	in->kids[at]->line = line;
	return 0;
}

static int read_all(struct reader *r, struct ss_err *err)
{
	bool end = false;

	while (!end) {
		if (toml_pass_space(&r->lex, err) < 0)
			return -1;
		if (toml_peek(&r->lex, 0) == TOML_END)
			return 0;
		if (read_line(r, err) < 0 || toml_pass_line(&r->lex, &end, err) < 0)
			return -1;
	}
	return 0;
}

int toml_read(struct ss_span in, struct toml_node **ret, struct ss_err *err)
{
	AUTO_TOML struct toml_node *root = toml_new(TOML_TABLE, 1);
	struct reader r = { .lex = { .in = in, .line = 1 }, .root = root, .table = root };

	if (in.n > TOML_MAX_SIZE)
		return ss_fail(err, SS_ELIMIT, "line 1: %zu bytes of TOML; the limit is %zu", in.n,
			       TOML_MAX_SIZE);
	root->origin = BY_HEADER;
	if (toml_lex_check(in, err) < 0 || read_all(&r, err) < 0)
		return -1;
	*ret = TAKE_PTR(root);
	return 0;
}

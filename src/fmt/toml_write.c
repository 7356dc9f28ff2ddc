/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sort.h"
#include "fmt/toml.h"

#include <inttypes.h>
#include <string.h>

/* Where a table stands: its own key and the way up, for headers like [a.b]. */
struct path {
	const struct path *up;
	const char *key;
};

static void put(struct ss_buf *b, const char *s)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)s, strlen(s) });
}

static void put_string(struct ss_buf *b, const char *s)
{
	put(b, "\"");
	for (; *s != '\0'; s++) {
		const unsigned char c = (unsigned char)*s;
		char esc[8];

		if (c == '"' || c == '\\')
			(void)snprintf(esc, sizeof(esc), "\\%c", c);
		else if (c == '\n')
			(void)snprintf(esc, sizeof(esc), "\\n");
		else if (c == '\t')
			(void)snprintf(esc, sizeof(esc), "\\t");
		else if (c < 0x20 || c == 0x7f)
			(void)snprintf(esc, sizeof(esc), "\\u%04X", c);
		else
			(void)snprintf(esc, sizeof(esc), "%c", c);
		put(b, esc);
	}
	put(b, "\"");
}

static void put_key(struct ss_buf *b, const char *key)
{
	static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_-";

	if (key[0] != '\0' && key[strspn(key, bare)] == '\0')
		put(b, key);
	else
		put_string(b, key);
}

static void put_path(struct ss_buf *b, const struct path *at)
{
	if (at->up != NULL && at->up->key != NULL) {
		put_path(b, at->up);
		put(b, ".");
	}
	put_key(b, at->key);
}

/* A table by its header lines; anything else on one line after "key = ". */
static bool by_header(const struct toml_node *t)
{
	if (t->type == TOML_TABLE)
		return true;
	if (t->type != TOML_ARRAY || t->n == 0)
		return false;
	for (size_t i = 0; i < t->n; i++)
		if (t->kids[i]->type != TOML_TABLE)
			return false;
	return true;
}

static int by_key(const void *a, const void *b)
{
	const struct toml_node *const *x = a;
	const struct toml_node *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

/* Borrowed nodes in order; the caller frees the list. */
static const struct toml_node **sorted(const struct toml_node *t)
{
	const struct toml_node **v = ss_calloc(t->n + 1, sizeof(struct toml_node *));

	for (size_t i = 0; i < t->n; i++)
		v[i] = t->kids[i];
	ss_sort(v, t->n, sizeof(struct toml_node *), by_key);
	return v;
}

static void put_value(struct ss_buf *b, const struct toml_node *t, bool one_line);

static void put_inline_table(struct ss_buf *b, const struct toml_node *t)
{
	AUTO_FREE const struct toml_node **v = sorted(t);

	put(b, t->n > 0 ? "{ " : "{");
	for (size_t i = 0; i < t->n; i++) {
		put(b, i > 0 ? ", " : "");
		put_key(b, v[i]->key);
		put(b, " = ");
		put_value(b, v[i], true);
	}
	put(b, t->n > 0 ? " }" : "}");
}

static void put_array(struct ss_buf *b, const struct toml_node *t, bool one_line)
{
	const bool lines = t->n > 1 && !one_line;

	put(b, lines ? "[\n" : "[");
	for (size_t i = 0; i < t->n; i++) {
		put(b, lines ? "\t" : i > 0 ? ", " : "");
		put_value(b, t->kids[i], true);
		put(b, lines ? ",\n" : "");
	}
	put(b, "]");
}

static void put_value(struct ss_buf *b, const struct toml_node *t, bool one_line)
{
	char num[24];

	switch (t->type) {
	case TOML_TABLE:
		put_inline_table(b, t);
		break;
	case TOML_ARRAY:
		put_array(b, t, one_line);
		break;
	case TOML_STRING:
		put_string(b, t->text);
		break;
	case TOML_INT:
		(void)snprintf(num, sizeof(num), "%" PRId64, t->num);
		put(b, num);
		break;
	case TOML_BOOL:
		put(b, t->num != 0 ? "true" : "false");
		break;
	}
}

static void put_table(struct ss_buf *b, const struct toml_node *t, const struct path *at);

static void put_header(struct ss_buf *b, const struct path *at, bool array)
{
	put(b, b->n > 0 ? "\n" : "");
	put(b, array ? "[[" : "[");
	put_path(b, at);
	put(b, array ? "]]\n" : "]\n");
}

static void put_tables(struct ss_buf *b, const struct toml_node *t, const struct path *at)
{
	if (t->type == TOML_TABLE) {
		put_header(b, at, false);
		put_table(b, t, at);
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		put_header(b, at, true);
		put_table(b, t->kids[i], at);
	}
}

static void put_table(struct ss_buf *b, const struct toml_node *t, const struct path *at)
{
	AUTO_FREE const struct toml_node **v = sorted(t);

	for (size_t i = 0; i < t->n; i++) {
		if (by_header(v[i]))
			continue;
		put_key(b, v[i]->key);
		put(b, " = ");
		put_value(b, v[i], false);
		put(b, "\n");
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct path below = { at, v[i]->key };

		if (by_header(v[i]))
			put_tables(b, v[i], &below);
	}
}

void toml_write(const struct toml_node *table, struct ss_buf *b)
{
	const struct path root = { NULL, NULL };

	put_table(b, table, &root);
}

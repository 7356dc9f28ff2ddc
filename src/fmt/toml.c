/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/toml.h"

#include "base/mem.h"

#include <string.h>

struct toml_node *toml_new(enum toml_type type, uint32_t line)
{
	struct toml_node *t = ss_calloc(1, sizeof(*t));

	t->type = type;
	t->line = line;
	return t;
}

struct toml_node *toml_new_text(const char *text)
{
	struct toml_node *t = toml_new(TOML_STRING, 0);

	t->text = ss_copy(text);
	return t;
}

/* TOML_MAX_DEPTH bounds what was read; what is built here is flat. */
void toml_free(struct toml_node *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		toml_free(t->kids[i]);
	free(t->kids);
	free(t->key);
	free(t->text);
	free(t);
}

void toml_push(struct toml_node *array, struct toml_node *kid)
{
	/* Room doubles at each power of two, so it need not be stored. */
	if ((array->n & (array->n - 1)) == 0)
		array->kids = ss_reallocarray(array->kids, array->n == 0 ? 1 : 2 * array->n,
					      sizeof(struct toml_node *));
	array->kids[array->n++] = kid;
}

void toml_put(struct toml_node *table, const char *key, struct toml_node *kid)
{
	kid->key = ss_copy(key);
	toml_push(table, kid);
}

void toml_put_text(struct toml_node *table, const char *key, const char *value)
{
	toml_put(table, key, toml_new_text(value));
}

void toml_put_int(struct toml_node *table, const char *key, int64_t value)
{
	struct toml_node *kid = toml_new(TOML_INT, 0);

	kid->num = value;
	toml_put(table, key, kid);
}

void toml_put_bool(struct toml_node *table, const char *key, bool value)
{
	struct toml_node *kid = toml_new(TOML_BOOL, 0);

	kid->num = value ? 1 : 0;
	toml_put(table, key, kid);
}

struct toml_node *toml_get(const struct toml_node *table, const char *key)
{
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->kids[i]->key, key) == 0)
			return table->kids[i];
	return NULL;
}

const char *toml_type_name(enum toml_type type)
{
	switch (type) {
	case TOML_TABLE:
		return "a table";
	case TOML_ARRAY:
		return "a list";
	case TOML_STRING:
		return "a string";
	case TOML_INT:
		return "an integer";
	case TOML_BOOL:
		return "true or false";
	}
	return "nothing";
}

static bool same_scalar(const struct toml_node *a, const struct toml_node *b)
{
	if (a->type == TOML_STRING)
		return strcmp(a->text, b->text) == 0;
	return a->num == b->num;
}

bool toml_equal(const struct toml_node *a, const struct toml_node *b)
{
	if (a->type != b->type || a->n != b->n)
		return false;
	if (a->type != TOML_TABLE && a->type != TOML_ARRAY)
		return same_scalar(a, b);
	for (size_t i = 0; i < a->n; i++) {
		const struct toml_node *other = b->kids[i];

		if (a->type == TOML_TABLE)
			other = toml_get(b, a->kids[i]->key);
		if (other == NULL || !toml_equal(a->kids[i], other))
			return false;
	}
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config/field.h"

static struct toml_node *texts_node(const struct cfg_texts *t)
{
	struct toml_node *ret = toml_new(TOML_ARRAY, 0);

	for (size_t i = 0; i < t->n; i++)
		toml_push(ret, toml_new_text(t->v[i]));
	return ret;
}

static struct toml_node *pairs_node(const struct cfg_pairs *p)
{
	struct toml_node *ret = toml_new(TOML_TABLE, 0);

	for (size_t i = 0; i < p->n; i++)
		toml_put_text(ret, p->v[i].key, p->v[i].value);
	return ret;
}

static struct toml_node *table_node(const struct cfg_field *fields, const void *base)
{
	struct toml_node *ret = toml_new(TOML_TABLE, 0);

	cfg_fields_write(fields, base, ret);
	return ret;
}

static struct toml_node *list_node(const struct cfg_field *f, const struct cfg_list *l)
{
	struct toml_node *ret = toml_new(TOML_ARRAY, 0);

	for (size_t i = 0; i < l->n; i++)
		toml_push(ret, table_node(f->fields, (const char *)l->v + i * f->size));
	return ret;
}

static void put_number(const struct cfg_field *f, uint64_t v, struct toml_node *table)
{
	if (v != 0 || f->need)
		toml_put_int(table, f->key, (int64_t)v);
}

static void put_node(const struct cfg_field *f, struct toml_node *kid, struct toml_node *table)
{
	if (kid->n > 0 || f->need)
		toml_put(table, f->key, kid);
	else
		toml_free(kid);
}

void cfg_fields_write(const struct cfg_field *fields, const void *base, struct toml_node *table)
{
	for (const struct cfg_field *f = fields; f->key != NULL; f++) {
		const void *slot = (const char *)base + f->at;

		switch (f->kind) {
		case CFG_TEXT:
			if (*(char *const *)slot != NULL)
				toml_put_text(table, f->key, *(char *const *)slot);
			break;
		case CFG_TEXTS:
			put_node(f, texts_node(slot), table);
			break;
		case CFG_PAIRS:
			put_node(f, pairs_node(slot), table);
			break;
		case CFG_NUM:
			put_number(f, *(const uint64_t *)slot, table);
			break;
		case CFG_BOOL:
			if (*(const bool *)slot || f->need)
				toml_put_bool(table, f->key, *(const bool *)slot);
			break;
		case CFG_TABLE:
			put_node(f, table_node(f->fields, base), table);
			break;
		case CFG_LIST:
			put_node(f, list_node(f, slot), table);
			break;
		case CFG_OWN:
			break;
		}
	}
}

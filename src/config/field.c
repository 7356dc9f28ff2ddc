/* SPDX-License-Identifier: Apache-2.0 */
#include "config/field.h"

#include "base/near.h"
#include "base/show.h"
#include "base/sort.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define NAME_MAX_BYTES 96u

/* --- text, lists, pairs ---------------------------------------------------------------------- */

void cfg_text_set(char **to, const char *text)
{
	char *old = *to;

	*to = NULL;
	if (text != NULL) {
		const size_t n = strlen(text);

		*to = ss_calloc(n + 1, 1);
		memcpy(*to, text, n);
	}
	free(old);
}

void cfg_texts_push(struct cfg_texts *t, const char *text)
{
	t->v = ss_reallocarray(t->v, t->n + 2, sizeof(*t->v));
	t->v[t->n] = NULL;
	cfg_text_set(&t->v[t->n], text);
	t->v[++t->n] = NULL;
}

void cfg_texts_done(struct cfg_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i]);
	free(t->v);
	*t = (struct cfg_texts){ 0 };
}

void cfg_texts_sort(struct cfg_texts *t)
{
	/* By insertion: short lists, and twins, which ss_sort() does not take. */
	for (size_t i = 1; i < t->n; i++) {
		char *x = t->v[i];
		size_t k = i;

		for (; k > 0 && strcmp(t->v[k - 1], x) > 0; k--)
			t->v[k] = t->v[k - 1];
		t->v[k] = x;
	}
	for (size_t i = 1; i < t->n;) {
		if (strcmp(t->v[i - 1], t->v[i]) != 0) {
			i++;
			continue;
		}
		free(t->v[i]);
		memmove(&t->v[i], &t->v[i + 1], (t->n - i) * sizeof(*t->v)); /* the NULL too */
		t->n--;
	}
}

static size_t pair_at(const struct cfg_pairs *p, const char *key, bool *ret_found)
{
	size_t i = 0;

	while (i < p->n && strcmp(p->v[i].key, key) < 0)
		i++;
	*ret_found = i < p->n && strcmp(p->v[i].key, key) == 0;
	return i;
}

const char *cfg_pairs_get(const struct cfg_pairs *p, const char *key)
{
	bool found;
	const size_t i = pair_at(p, key, &found);

	return found ? p->v[i].value : NULL;
}

void cfg_pairs_set(struct cfg_pairs *p, const char *key, const char *value)
{
	bool found;
	const size_t i = pair_at(p, key, &found);

	if (!found) {
		p->v = ss_reallocarray(p->v, p->n + 1, sizeof(*p->v));
		memmove(&p->v[i + 1], &p->v[i], (p->n - i) * sizeof(*p->v));
		p->v[i] = (struct cfg_pair){ 0 };
		p->n++;
		cfg_text_set(&p->v[i].key, key);
	}
	cfg_text_set(&p->v[i].value, value);
}

void cfg_pairs_done(struct cfg_pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].key);
		free(p->v[i].value);
	}
	free(p->v);
	*p = (struct cfg_pairs){ 0 };
}

/* --- one value ---------------------------------------------------------------------------------
 */

static int check_type(const struct toml_node *v, enum toml_type want, const char *name,
		      struct ss_err *err)
{
	if (v->type == want)
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' must be %s, not %s", v->line, name,
		       toml_type_name(want), toml_type_name(v->type));
}

static int check_plain(const struct toml_node *v, const char *name, struct ss_err *err)
{
	const size_t n = strlen(v->text);

	if (n == 0)
		return ss_fail(err, SS_EINPUT, "line %u: '%s' is empty", v->line, name);
	if (n > CFG_TEXT_MAX)
		return ss_fail(err, SS_ELIMIT, "line %u: '%s' has %zu bytes; the limit is %u",
			       v->line, name, n, CFG_TEXT_MAX);
	for (size_t i = 0; i < n; i++)
		if ((v->text[i] > 0 && v->text[i] < 0x20) || v->text[i] == 0x7f)
			return ss_fail(err, SS_EINPUT, "line %u: '%s' holds a control character",
				       v->line, name);
	return 0;
}

static bool is_choice(const char *choices, const char *text)
{
	const size_t n = strlen(text);

	for (const char *p = choices; *p != '\0';) {
		const size_t word = strcspn(p, " ");

		if (word == n && memcmp(p, text, n) == 0)
			return true;
		p += word + (p[word] == ' ' ? 1 : 0);
	}
	return false;
}

static int read_text(const struct cfg_field *f, const struct toml_node *v, const char *name,
		     char **ret, struct ss_err *err)
{
	if (check_type(v, TOML_STRING, name, err) < 0 || check_plain(v, name, err) < 0)
		return -1;
	if (f->choices != NULL && !is_choice(f->choices, v->text))
		return ss_fail(err, SS_EINPUT, "line %u: '%s' must be one of: %s; not '%s'",
			       v->line, name, f->choices, SS_SHOW(ss_text(v->text)));
	cfg_text_set(ret, v->text);
	return 0;
}

static int check_count(const struct cfg_field *f, const struct toml_node *v, const char *name,
		       struct ss_err *err)
{
	const uint64_t max = f->max != 0 ? f->max : 4096;

	if (v->n > max)
		return ss_fail(err, SS_ELIMIT,
			       "line %u: '%s' has %zu elements; the limit is %" PRIu64, v->line,
			       name, v->n, max);
	return 0;
}

static int read_texts(const struct cfg_field *f, const struct toml_node *v, const char *name,
		      struct cfg_texts *ret, struct ss_err *err)
{
	if (check_type(v, TOML_ARRAY, name, err) < 0 || check_count(f, v, name, err) < 0)
		return -1;
	for (size_t i = 0; i < v->n; i++) {
		if (v->kids[i]->type != TOML_STRING)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' must be a list of strings; it holds %s",
				       v->kids[i]->line, name, toml_type_name(v->kids[i]->type));
		cfg_texts_push(ret, v->kids[i]->text);
	}
	return 0;
}

static int read_pairs(const struct cfg_field *f, const struct toml_node *v, const char *name,
		      struct cfg_pairs *ret, struct ss_err *err)
{
	if (check_type(v, TOML_TABLE, name, err) < 0 || check_count(f, v, name, err) < 0)
		return -1;
	for (size_t i = 0; i < v->n; i++) {
		const struct toml_node *kid = v->kids[i];

		if (kid->key[0] == '\0' || strchr(kid->key, '=') != NULL)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' has a key that is empty or holds '='",
				       kid->line, name);
		if (kid->type != TOML_STRING)
			return ss_fail(err, SS_EINPUT, "line %u: '%s.%s' must be a string, not %s",
				       kid->line, name, SS_SHOW(ss_text(kid->key)),
				       toml_type_name(kid->type));
		cfg_pairs_set(ret, kid->key, kid->text);
	}
	return 0;
}

static int read_num(const struct cfg_field *f, const struct toml_node *v, const char *name,
		    uint64_t *ret, struct ss_err *err)
{
	if (check_type(v, TOML_INT, name, err) < 0)
		return -1;
	if (v->num < 0 || (uint64_t)v->num < f->min || (uint64_t)v->num > f->max)
		return ss_fail(err, SS_EINPUT,
			       "line %u: '%s' must be %" PRIu64 " to %" PRIu64 ", not %" PRId64,
			       v->line, name, f->min, f->max, v->num);
	*ret = (uint64_t)v->num;
	return 0;
}

static int read_list(const struct cfg_field *f, const struct toml_node *v, const char *name,
		     struct cfg_list *ret, struct ss_err *err)
{
	if (check_type(v, TOML_ARRAY, name, err) < 0 || check_count(f, v, name, err) < 0)
		return -1;
	ret->v = ss_calloc(v->n, f->size);
	for (size_t i = 0; i < v->n; i++) {
		if (v->kids[i]->type != TOML_TABLE)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' must be a list of tables; it holds %s",
				       v->kids[i]->line, name, toml_type_name(v->kids[i]->type));
		ret->n = i + 1; /* so that a part of an element is freed too */
		if (cfg_fields_read(f->fields, v->kids[i], name, (char *)ret->v + i * f->size,
				    err) < 0)
			return -1;
	}
	return 0;
}

/* --- a table -----------------------------------------------------------------------------------
 */

static int read_value(const struct cfg_field *f, const struct toml_node *v, const char *name,
		      void *base, struct ss_err *err)
{
	void *slot = (char *)base + f->at;

	switch (f->kind) {
	case CFG_TEXT:
		return read_text(f, v, name, slot, err);
	case CFG_TEXTS:
		return read_texts(f, v, name, slot, err);
	case CFG_PAIRS:
		return read_pairs(f, v, name, slot, err);
	case CFG_NUM:
		return read_num(f, v, name, slot, err);
	case CFG_BOOL:
		if (check_type(v, TOML_BOOL, name, err) < 0)
			return -1;
		*(bool *)slot = v->num != 0;
		return 0;
	case CFG_TABLE:
		if (check_type(v, TOML_TABLE, name, err) < 0)
			return -1;
		return cfg_fields_read(f->fields, v, name, base, err);
	case CFG_LIST:
		return read_list(f, v, name, slot, err);
	case CFG_OWN:
		return 0;
	}
	return 0;
}

static const struct cfg_field *find_field(const struct cfg_field *fields, const char *key)
{
	for (; fields->key != NULL; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static int unknown(const struct cfg_field *fields, const struct toml_node *v, const char *where,
		   struct ss_err *err)
{
	struct ss_near near = ss_near_init(v->key);
	const char *dot = where[0] != '\0' ? "." : "";

	for (const struct cfg_field *f = fields; f->key != NULL; f++)
		ss_near_offer(&near, f->key);
	if (near.best != NULL)
		return ss_fail(err, SS_EINPUT, "line %u: unknown key '%s%s%s'; did you mean '%s'?",
			       v->line, where, dot, SS_SHOW(ss_text(v->key)), near.best);
	return ss_fail(err, SS_EINPUT, "line %u: unknown key '%s%s%s'", v->line, where, dot,
		       SS_SHOW(ss_text(v->key)));
}

int cfg_fields_read(const struct cfg_field *fields, const struct toml_node *table,
		    const char *where, void *base, struct ss_err *err)
{
	const char *dot = where[0] != '\0' ? "." : "";

	for (size_t i = 0; i < table->n; i++) {
		const struct toml_node *v = table->kids[i];
		const struct cfg_field *f = find_field(fields, v->key);
		char name[NAME_MAX_BYTES];

		if (f == NULL)
			return unknown(fields, v, where, err);
		(void)snprintf(name, sizeof(name), "%s%s%s", where, dot, f->key);
		if (read_value(f, v, name, base, err) < 0)
			return -1;
		if (f->check != NULL && f->check(v, base, name, err) < 0)
			return -1;
	}
	for (const struct cfg_field *f = fields; f->key != NULL; f++)
		if (f->need && toml_get(table, f->key) == NULL)
			return ss_fail(err, SS_EINPUT, "line %u: '%s%s%s' is missing", table->line,
				       where, dot, f->key);
	return 0;
}

static void list_done(const struct cfg_field *f, struct cfg_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		cfg_fields_done(f->fields, (char *)l->v + i * f->size);
	free(l->v);
	*l = (struct cfg_list){ 0 };
}

void cfg_fields_done(const struct cfg_field *fields, void *base)
{
	for (const struct cfg_field *f = fields; f->key != NULL; f++) {
		void *slot = (char *)base + f->at;

		switch (f->kind) {
		case CFG_TEXT:
			cfg_text_set(slot, NULL);
			break;
		case CFG_TEXTS:
			cfg_texts_done(slot);
			break;
		case CFG_PAIRS:
			cfg_pairs_done(slot);
			break;
		case CFG_TABLE:
			cfg_fields_done(f->fields, base);
			break;
		case CFG_LIST:
			list_done(f, slot);
			break;
		case CFG_NUM:
		case CFG_BOOL:
		case CFG_OWN:
			break;
		}
	}
}

bool cfg_is_sha256(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

int cfg_check_sha256(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (cfg_is_sha256(v->text))
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' must be 64 lower-case hexadecimal digits",
		       v->line, name);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/sort.h"
#include "base/text.h"
#include "explain/elf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TELL 8u         /* of each table */
#define NAME_SIZE 1024u /* of a name that is looked at: all may be one text to its very end */

struct symbol {
	struct ss_span name;
	size_t order;
	uint64_t value;
	uint64_t size;
	uint8_t info; /* binding and type */
	uint16_t section;
};

struct table {
	uint8_t *raw;
	uint8_t *names;
	struct symbol *v;
	size_t n;
};

static void table_done(struct table *t)
{
	free(t->raw);
	free(t->names);
	free(t->v);
}

/* By name; those of one name (labels of the compiler, static functions) in their order. */
static int by_name(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	const size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
	const int c = n > 0 ? memcmp(x->name.p, y->name.p, n) : 0;

	if (c != 0)
		return c;
	if (x->name.n != y->name.n)
		return x->name.n < y->name.n ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static struct symbol symbol_at(const struct elf *e, const uint8_t *p)
{
	if (e->wide)
		return (struct symbol){ .info = p[4],
					.section = (uint16_t)elf_num(e, p + 6, 2),
					.value = elf_num(e, p + 8, 8),
					.size = elf_num(e, p + 16, 8) };
	return (struct symbol){ .value = elf_num(e, p + 4, 4),
				.size = elf_num(e, p + 8, 4),
				.info = p[12],
				.section = (uint16_t)elf_num(e, p + 14, 2) };
}

/* *ret_ok = false: over EX_LOAD, or not what a table is. The first symbol is nobody's. */
static int load(const struct elf *e, const struct elf_section *s, struct table *ret, bool *ret_ok,
		struct ss_err *err)
{
	const size_t one = e->wide ? 24 : 16;
	const struct elf_section *names = s->link < e->n ? &e->v[s->link] : NULL;

	*ret_ok = names != NULL && s->n <= EX_LOAD && names->n <= EX_LOAD && s->n % one == 0;
	if (!*ret_ok || s->n == 0)
		return 0;
	ret->raw = ss_calloc((size_t)s->n, 1);
	ret->names = ss_calloc((size_t)names->n + 1, 1);
	if (ex_read(&e->b, s->at, ret->raw, (size_t)s->n, err) < 0 ||
	    ex_read(&e->b, names->at, ret->names, (size_t)names->n, err) < 0)
		return -1;
	ret->v = ss_calloc((size_t)s->n / one, sizeof(*ret->v));
	for (size_t i = 1; i < s->n / one; i++) {
		const uint64_t at = elf_num(e, ret->raw + i * one, 4);
		struct symbol *to = &ret->v[ret->n++];

		*to = symbol_at(e, ret->raw + i * one);
		to->order = i;
		if (at < names->n)
			to->name = (struct ss_span){ ret->names + at,
						     strnlen((char *)ret->names + at, NAME_SIZE) };
	}
	ss_sort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

/* What became of the symbols. */
struct change {
	struct elf_two *t;
	const struct elf_section *s;
	uint64_t told, left_out, moved;
};

/* `x`, `y`: the symbol on either side; NULL: it is not there. */
static void tell(struct change *c, const char *what, struct ss_span name, const struct symbol *x,
		 const struct symbol *y)
{
	char where[300];
	char a[64] = "";
	char b[64] = "";

	if (c->told == TELL) {
		c->left_out++;
		return;
	}
	c->told++;
	(void)snprintf(where, sizeof(where), "section %.*s: symbol %.*s%s",
		       (int)(c->s->name.n < 40 ? c->s->name.n : 40), (const char *)c->s->name.p,
		       (int)(name.n < 160 ? name.n : 160), (const char *)name.p, what);
	if (x != NULL)
		(void)snprintf(a, sizeof(a), "type %u, section %u, size %" PRIu64, x->info & 15u,
			       x->section, x->size);
	if (y != NULL)
		(void)snprintf(b, sizeof(b), "type %u, section %u, size %" PRIu64, y->info & 15u,
			       y->section, y->size);
	ex_say_text(c->t->r, c->t->p, EX_UNKNOWN, where, a, b);
}

static void compare(struct change *c, const struct table *a, const struct table *b)
{
	size_t i = 0, j = 0;

	while (i < a->n || j < b->n) {
		struct symbol x = i < a->n ? a->v[i] : (struct symbol){ 0 };
		struct symbol y = j < b->n ? b->v[j] : (struct symbol){ 0 };
		int order;

		x.order = y.order = 0;
		order = i == a->n ? 1 : j == b->n ? -1 : by_name(&x, &y);
		if (order < 0) {
			tell(c, ", only in the first", x.name, &x, NULL);
		} else if (order > 0) {
			tell(c, ", only in the second", y.name, NULL, &y);
		} else if (x.size != y.size || x.info != y.info || x.section != y.section) {
			tell(c, "", x.name, &x, &y);
		} else {
			c->moved += x.value != y.value;
		}
		i += order <= 0;
		j += order >= 0;
	}
}

/* Names of files with random digits in them: what the compiler calls its own. */
static enum ex_cause cause_of_one(const struct table *a, const struct table *b,
				  struct ss_span ret[2])
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (!ss_same(a->v[i].name, b->v[i].name)) {
			ret[0] = a->v[i].name;
			ret[1] = b->v[i].name;
			return (a->v[i].info & 15u) == 4 && (b->v[i].info & 15u) == 4
				       ? ex_cause_of_values(a->v[i].name, b->v[i].name)
				       : EX_UNKNOWN;
		}
	return EX_UNKNOWN;
}

int ex_elf_symbols(struct elf_two *t, const struct elf_section *s, const struct elf_section *u,
		   bool *ret_done, struct ss_err *err)
{
	SS_CLEANUP(table_done) struct table a = { 0 };
	SS_CLEANUP(table_done) struct table b = { 0 };
	struct change c = { .t = t, .s = s };
	char where[160], n[32];
	enum ex_cause cause;
	struct ss_span names[2] = { { NULL, 0 }, { NULL, 0 } };
	bool ok;

	*ret_done = false;
	if (t->a->wide != t->b->wide || t->a->big != t->b->big || s->type != u->type)
		return 0;
	if (load(t->a, s, &a, &ok, err) < 0)
		return -1;
	if (ok && load(t->b, u, &b, &ok, err) < 0)
		return -1;
	if (!ok)
		return 0;
	cause = cause_of_one(&a, &b, names);
	if (cause != EX_UNKNOWN) {
		*ret_done = true;
		t->told++;
		(void)snprintf(where, sizeof(where), "section %.*s: the name of a source",
			       (int)(s->name.n < 40 ? s->name.n : 40), (const char *)s->name.p);
		ex_say_content(t->r, t->p, cause, where, names[0], names[1]);
		return 0;
	}
	compare(&c, &a, &b);
	for (uint64_t i = 0; i < c.left_out; i++)
		ex_count(t->r, EX_UNKNOWN);
	if (c.told == 0 && c.moved > 0) {
		(void)snprintf(where, sizeof(where), "section %.*s: symbols at another address",
			       (int)(s->name.n < 40 ? s->name.n : 40), (const char *)s->name.p);
		(void)snprintf(n, sizeof(n), "%" PRIu64, c.moved);
		ex_say_text(t->r, t->p, EX_UNKNOWN, where, "", n);
	}
	*ret_done = c.told > 0 || c.moved > 0;
	t->told += *ret_done;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"
#include "base/text.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

/*
 * INI, and what looks like it (units of systemd, desktop files, pip's and git's configuration): by
 * key, "section.key", whatever the order. A text is taken for one if each of its lines is a
 * section, a key with a value, a comment, the rest of the value before it, or empty, and there is a
 * section. A key may come again ("section.key 2"), a section, too; comments are keys called "#".
 */
#define RECORDS_MAX 65536u

struct record {
	struct ss_span section;
	struct ss_span key;
	struct ss_span value; /* with the lines that belong to it */
	uint32_t no;          /* among the records of its file */
	uint32_t nth;         /* among those of its section and key; 0 is the first */
};

struct table {
	struct record *v;
	size_t n;
	size_t sections;
};

static void table_done(struct table *t)
{
	free(t->v);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct ss_span trimmed(struct ss_span s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = (struct ss_span){ s.p + 1, s.n - 1 };
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static struct ss_span take_line(struct ss_span *s)
{
	const uint8_t *end = memchr(s->p, '\n', s->n);
	const size_t n = end != NULL ? (size_t)(end - s->p) : s->n;
	const struct ss_span ret = { s->p, n };

	s->p += n + (end != NULL);
	s->n -= n + (end != NULL);
	return ret;
}

static bool add(struct table *t, struct ss_span section, struct ss_span key, struct ss_span value)
{
	if (t->n == RECORDS_MAX)
		return false;
	t->v[t->n] = (struct record){ section, key, value, (uint32_t)t->n, 0 };
	t->n++;
	return true;
}

static const uint8_t comment[] = "#"; /* the key of all of them */

/* Indented, and nothing that begins anew: the rest of the value before it. */
static bool goes_on(const struct table *t, struct ss_span raw, struct ss_span line)
{
	return is_blank(raw.p[0]) && t->n > 0 && t->v[t->n - 1].key.p != comment &&
	       memchr(line.p, '=', line.n) == NULL && line.p[0] != '[';
}

static bool add_pair(struct table *t, struct ss_span line, struct ss_span section)
{
	size_t cut = 0;

	while (cut < line.n && line.p[cut] != '=' && line.p[cut] != ':')
		cut++;
	if (cut == 0 || cut == line.n)
		return false;
	return add(t, section, trimmed((struct ss_span){ line.p, cut }),
		   trimmed((struct ss_span){ line.p + cut + 1, line.n - cut - 1 }));
}

/* False: no line of an INI file. */
static bool read_line(struct table *t, struct ss_span raw, struct ss_span *section)
{
	const struct ss_span line = trimmed(raw);

	if (line.n == 0)
		return true;
	if (line.p[0] == '#' || line.p[0] == ';')
		return add(t, *section, (struct ss_span){ comment, 1 }, line);
	if (goes_on(t, raw, line)) {
		struct record *last = &t->v[t->n - 1];

		if (last->value.n == 0)
			last->value = line;
		last->value.n = (size_t)(line.p + line.n - last->value.p);
		return true;
	}
	if (line.p[0] == '[' && line.p[line.n - 1] == ']') {
		*section = (struct ss_span){ line.p + 1, line.n - 2 };
		t->sections++;
		return true;
	}
	return add_pair(t, line, *section);
}

static int compare(struct ss_span a, struct ss_span b)
{
	const size_t n = a.n < b.n ? a.n : b.n;
	const int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

static int compare_keys(const struct record *a, const struct record *b)
{
	const int c = compare(a->section, b->section);

	return c != 0 ? c : compare(a->key, b->key);
}

static int by_key(const void *x, const void *y)
{
	const struct record *a = x;
	const struct record *b = y;
	const int c = compare_keys(a, b);

	return c != 0 ? c : a->no < b->no ? -1 : a->no > b->no;
}

static bool read_table(struct ss_span s, struct table *t)
{
	struct ss_span section = { NULL, 0 };

	t->v = ss_calloc(RECORDS_MAX, sizeof(*t->v));
	while (s.n > 0)
		if (!read_line(t, take_line(&s), &section))
			return false;
	ss_sort(t->v, t->n, sizeof(*t->v), by_key);
	for (size_t i = 1; i < t->n; i++)
		if (compare_keys(&t->v[i - 1], &t->v[i]) == 0)
			t->v[i].nth = t->v[i - 1].nth + 1;
	return t->sections > 0 && t->n > 0;
}

struct two {
	struct ex_run *r;
	const struct ex_pair *p;
	size_t told;
};

static enum ex_cause cause_of(struct ss_span a, struct ss_span b)
{
	struct ss_span x = a;
	struct ss_span y = b;
	enum ex_cause ret;

	ex_narrow(&x, &y);
	ret = ex_cause_of_values(x, y);
	return ret != EX_UNKNOWN ? ret : ex_cause_of_values(a, b);
}

/* `a` or `b` is NULL: only the other has it. */
static void tell(struct two *t, const struct record *a, const struct record *b)
{
	const struct record *any = a != NULL ? a : b;
	static const struct ss_span none = { NULL, 0 };
	const enum ex_cause cause =
		a != NULL && b != NULL ? cause_of(a->value, b->value) : EX_UNKNOWN;
	struct ss_shown section, key;
	char nth[24] = "";
	char where[2 * SS_SHOWN_MAX + 80];

	if (t->told++ >= EX_LINES) {
		ex_count(t->r, t->r->of_path != EX_UNKNOWN ? t->r->of_path : cause);
		t->r->ret->left_out++;
		return;
	}
	if (any->nth > 0)
		(void)snprintf(nth, sizeof(nth), " %u", any->nth + 1);
	(void)snprintf(where, sizeof(where), "%s%s%s%s%s", ss_show(any->section, &section),
		       any->section.n > 0 ? "." : "", ss_show(any->key, &key), nth,
		       a == NULL   ? ": only the second has it"
		       : b == NULL ? ": only the first has it"
				   : "");
	ex_say_content(t->r, t->p, cause, where, a != NULL ? a->value : none,
		       b != NULL ? b->value : none);
}

/* NULL stands behind all. */
static int compare_records(const struct record *a, const struct record *b)
{
	int c;

	if (a == NULL || b == NULL)
		return a == NULL ? 1 : -1;
	c = compare_keys(a, b);
	return c != 0 ? c : a->nth < b->nth ? -1 : a->nth > b->nth;
}

static void compare_tables(struct two *t, const struct table *a, const struct table *b)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a->n || j < b->n) {
		const struct record *x = i < a->n ? &a->v[i] : NULL;
		const struct record *y = j < b->n ? &b->v[j] : NULL;
		const int c = compare_records(x, y);

		if (x == NULL || y == NULL || c != 0 || !ss_same(x->value, y->value))
			tell(t, c <= 0 ? x : NULL, c >= 0 ? y : NULL);
		i += c <= 0;
		j += c >= 0;
	}
}

static bool is_reordered(const struct table *a, const struct table *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (a->v[i].no != b->v[i].no)
			return true;
	return false;
}

int ex_ini(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(EX_LOAD);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EX_LOAD);
	SS_CLEANUP(table_done) struct table x = { 0 };
	SS_CLEANUP(table_done) struct table y = { 0 };
	struct two t = { .r = r, .p = p };
	bool loaded;

	if (ex_load_text(p, &a, &b, &loaded, err) < 0)
		return -1;
	if (!loaded || ex_holds_key(ss_buf_span(&a)) || ex_holds_key(ss_buf_span(&b)) ||
	    !read_table(ss_buf_span(&a), &x) || !read_table(ss_buf_span(&b), &y))
		return 0;
	compare_tables(&t, &x, &y);
	if (t.told == 0 && is_reordered(&x, &y)) {
		ex_say_text(r, p, EX_ORDER_LINES, "the same keys in another order", "", "");
		t.told++;
	}
	*ret_done = t.told > 0; /* else empty lines or blanks: line by line */
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"
#include "base/text.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

/*
 * Tables by key, whatever the order of their records: the account files, a line each, fields
 * divided by ":"; and the databases of dpkg and apk, stanzas of lines divided by an empty one.
 * Hashes of passwords are never told.
 */
#define RECORDS_MAX 65536u
#define FIELDS_MAX 10u

struct form {
	const char *file;
	bool stanzas;
	const char *key;                /* of a stanza: its line begins so */
	const char *version;            /* the same */
	const char *fields[FIELDS_MAX]; /* of a line */
};

static const struct form forms[] = {
	{ "passwd",
	  false,
	  NULL,
	  NULL,
	  { "name", "password", "uid", "gid", "comment", "home", "shell", NULL } },
	{ "group", false, NULL, NULL, { "name", "password", "gid", "members", NULL } },
	{ "shadow",
	  false,
	  NULL,
	  NULL,
	  { "name", "password", "day", "min", "max", "warn", "inactive", "expire", "flag", NULL } },
	{ "gshadow", false, NULL, NULL, { "name", "password", "administrators", "members", NULL } },
	{ "subuid", false, NULL, NULL, { "name", "first", "count", NULL } },
	{ "subgid", false, NULL, NULL, { "name", "first", "count", NULL } },
	{ "dpkg/status", true, "Package: ", "Version: ", { NULL } },
	{ "apk/db/installed", true, "P:", "V:", { NULL } },
};

struct record {
	struct ss_span key;
	struct ss_span all;
	uint32_t no; /* among the records of its file */
};

struct table {
	struct record *v;
	size_t n;
};

static void table_done(struct table *t)
{
	free(t->v);
}

/* Takes what stands before `end` off *s. */
static struct ss_span take(struct ss_span *s, const char *end)
{
	const size_t end_n = strlen(end);
	const uint8_t *hit = s->n > 0 ? memmem(s->p, s->n, end, end_n) : NULL;
	const size_t n = hit != NULL ? (size_t)(hit - s->p) : s->n;
	const struct ss_span ret = { s->p, n };
	const size_t skip = n + (hit != NULL ? end_n : 0);

	*s = (struct ss_span){ s->p + skip, s->n - skip };
	return ret;
}

/* The line of a stanza that begins so, without that. */
static struct ss_span line_of(struct ss_span stanza, const char *begin)
{
	const size_t n = strlen(begin);

	while (stanza.n > 0) {
		const struct ss_span line = take(&stanza, "\n");

		if (line.n >= n && memcmp(line.p, begin, n) == 0)
			return (struct ss_span){ line.p + n, line.n - n };
	}
	return (struct ss_span){ NULL, 0 };
}

static int by_key(const void *x, const void *y)
{
	const struct record *a = x;
	const struct record *b = y;
	const size_t n = a->key.n < b->key.n ? a->key.n : b->key.n;
	const int c = n > 0 ? memcmp(a->key.p, b->key.p, n) : 0;

	if (c != 0)
		return c;
	if (a->key.n != b->key.n)
		return a->key.n < b->key.n ? -1 : 1;
	return a->no < b->no ? -1 : a->no > b->no;
}

/* False: not such a table, or a key is there twice. */
static bool read_table(const struct form *f, struct ss_span s, struct table *t)
{
	t->v = ss_calloc(RECORDS_MAX, sizeof(*t->v));
	while (s.n > 0) {
		struct record *to = &t->v[t->n];
		struct ss_span rest = to->all = take(&s, f->stanzas ? "\n\n" : "\n");

		if (rest.n == 0)
			continue;
		to->key = f->stanzas ? line_of(rest, f->key) : take(&rest, ":");
		to->no = (uint32_t)t->n;
		if (to->key.n == 0 || ++t->n == RECORDS_MAX)
			return false;
	}
	ss_sort(t->v, t->n, sizeof(*t->v), by_key);
	for (size_t i = 1; i < t->n; i++)
		if (!f->stanzas && ss_same(t->v[i].key, t->v[i - 1].key))
			return false;
	return t->n > 0;
}

struct two {
	struct ex_run *r;
	const struct ex_pair *p;
	const struct form *f;
	size_t told;
};

static void tell(struct two *t, enum ex_cause cause, struct ss_span key, const char *what,
		 struct ss_span a, struct ss_span b)
{
	struct ss_shown name;
	char where[SS_SHOWN_MAX + 32];

	if (t->told++ >= EX_LINES) {
		ex_count(t->r, t->r->of_path != EX_UNKNOWN ? t->r->of_path : cause);
		t->r->ret->left_out++;
		return;
	}
	(void)snprintf(where, sizeof(where), "%s%s%s", ss_show(key, &name),
		       what[0] != '\0' ? ": " : "", what);
	ex_say_content(t->r, t->p, cause, where, a, b);
}

static enum ex_cause field_cause(const char *field, struct ss_span a, struct ss_span b)
{
	static const char *const accounts[] = { "uid", "gid", "first" };

	for (size_t i = 0; i < SS_NELEMS(accounts); i++)
		if (strcmp(field, accounts[i]) == 0)
			return EX_ID_USER;
	if (strcmp(field, "password") == 0)
		return EX_RAND_SALT;
	if (strcmp(field, "day") == 0)
		return EX_TIME_SHADOW;
	return ex_cause_of_values(a, b);
}

static void compare_fields(struct two *t, const struct record *a, const struct record *b)
{
	struct ss_span x = a->all;
	struct ss_span y = b->all;
	static const struct ss_span none = { NULL, 0 };

	for (size_t i = 0; i < FIELDS_MAX && t->f->fields[i] != NULL; i++) {
		const char *name = t->f->fields[i];
		const struct ss_span u = take(&x, ":");
		const struct ss_span v = take(&y, ":");
		const bool is_secret = strcmp(name, "password") == 0;

		if (!ss_same(u, v))
			tell(t, field_cause(name, u, v), a->key, name, is_secret ? none : u,
			     is_secret ? none : v);
	}
}

static void compare_stanzas(struct two *t, const struct record *a, const struct record *b)
{
	const struct ss_span u = line_of(a->all, t->f->version);
	const struct ss_span v = line_of(b->all, t->f->version);
	struct ss_span x = a->all;
	struct ss_span y = b->all;

	if (!ss_same(u, v)) {
		tell(t, EX_NET_PACKAGE, a->key, "version", u, v);
		return; /* the rest of the stanza follows from it */
	}
	while (x.n > 0 || y.n > 0) {
		struct ss_span l = take(&x, "\n");
		struct ss_span m = take(&y, "\n");

		if (ss_same(l, m))
			continue;
		ex_narrow(&l, &m);
		tell(t, ex_cause_of_values(l, m), a->key, "", l, m);
		return;
	}
}

static void compare_tables(struct two *t, const struct table *a, const struct table *b)
{
	const enum ex_cause alone = t->f->stanzas ? EX_NET_PACKAGE : EX_ID_USER;
	const struct ss_span none = { NULL, 0 };
	size_t i = 0;
	size_t j = 0;

	while (i < a->n || j < b->n) {
		int c = i == a->n ? 1 : -1;

		if (i < a->n && j < b->n) {
			struct record x = a->v[i];
			struct record y = b->v[j];

			x.no = y.no = 0;
			c = by_key(&x, &y);
		}
		if (c == 0 && !ss_same(a->v[i].all, b->v[j].all)) {
			if (t->f->stanzas)
				compare_stanzas(t, &a->v[i], &b->v[j]);
			else
				compare_fields(t, &a->v[i], &b->v[j]);
		}
		if (c < 0)
			tell(t, alone, a->v[i].key, "only the first has it", none, none);
		if (c > 0)
			tell(t, alone, b->v[j].key, "only the second has it", none, none);
		i += c <= 0;
		j += c >= 0;
	}
}

static const struct form *form_of(const struct ex_pair *p)
{
	for (size_t i = 0; i < SS_NELEMS(forms); i++)
		if (ex_is_named(p, forms[i].file))
			return &forms[i];
	return NULL;
}

int ex_keyed(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(EX_LOAD);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EX_LOAD);
	SS_CLEANUP(table_done) struct table x = { 0 };
	SS_CLEANUP(table_done) struct table y = { 0 };
	struct two t = { .r = r, .p = p, .f = form_of(p) };
	bool loaded;

	if (t.f == NULL)
		return 0;
	if (ex_load_text(p, &a, &b, &loaded, err) < 0)
		return -1;
	if (!loaded || !read_table(t.f, ss_buf_span(&a), &x) ||
	    !read_table(t.f, ss_buf_span(&b), &y))
		return 0;
	*ret_done = true;
	compare_tables(&t, &x, &y);
	if (t.told == 0)
		ex_say_text(r, p, t.f->stanzas ? EX_ORDER_PACKAGES : EX_ORDER_LINES,
			    "the same records in another order", "", "");
	return 0;
}

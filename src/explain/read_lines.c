/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

/*
 * Text by line. Lines that only one side has are told in pairs, in order; the same lines in another
 * order are one difference. No longest common subsequence: it would cost the square.
 */
#define LINES_MAX ((size_t)1 << 18)

struct line {
	struct ss_span s;
	uint32_t no;
	bool alone; /* the other side has none like it */
};

struct text {
	struct line *v;
	size_t n;
};

static void text_done(struct text *t)
{
	free(t->v);
}

static bool split(struct ss_span s, struct text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	if (n >= LINES_MAX)
		return false;
	t->v = ss_calloc(n + 2, sizeof(*t->v));
	while (s.n > 0) {
		const uint8_t *end = memchr(s.p, '\n', s.n);
		const size_t len = end != NULL ? (size_t)(end - s.p) : s.n;

		t->v[t->n] = (struct line){ { s.p, len }, (uint32_t)t->n + 1, false };
		t->n++;
		s.p += len + (end != NULL);
		s.n -= len + (end != NULL);
	}
	return true;
}

static int compare(struct ss_span a, struct ss_span b)
{
	const size_t n = a.n < b.n ? a.n : b.n;
	const int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

static int by_text(const void *x, const void *y)
{
	const struct line *a = x;
	const struct line *b = y;
	const int c = compare(a->s, b->s);

	return c != 0 ? c : (a->no < b->no ? -1 : a->no > b->no);
}

static int by_number(const void *x, const void *y)
{
	const struct line *a = x;
	const struct line *b = y;

	return a->no < b->no ? -1 : a->no > b->no;
}

/* Marks what has no partner; true if nothing. */
static bool mark_alone(struct text *a, struct text *b)
{
	size_t i = 0;
	size_t j = 0;
	bool none = true;

	ss_sort(a->v, a->n, sizeof(*a->v), by_text);
	ss_sort(b->v, b->n, sizeof(*b->v), by_text);
	while (i < a->n || j < b->n) {
		int c = i == a->n ? 1 : -1;

		if (i < a->n && j < b->n)
			c = compare(a->v[i].s, b->v[j].s);
		if (c < 0)
			a->v[i].alone = true;
		if (c > 0)
			b->v[j].alone = true;
		none = none && c == 0;
		i += c <= 0;
		j += c >= 0;
	}
	ss_sort(a->v, a->n, sizeof(*a->v), by_number);
	ss_sort(b->v, b->n, sizeof(*b->v), by_number);
	return none;
}

static const struct line *next_alone(const struct text *t, size_t *i)
{
	while (*i < t->n && !t->v[*i].alone)
		(*i)++;
	return *i < t->n ? &t->v[(*i)++] : NULL;
}

static void tell_pair(struct ex_run *r, const struct ex_pair *p, const struct line *a,
		      const struct line *b)
{
	const struct ss_span none = { NULL, 0 };
	struct ss_span x = a != NULL ? a->s : none;
	struct ss_span y = b != NULL ? b->s : none;
	enum ex_cause cause = EX_UNKNOWN;
	char where[64];

	if (a != NULL && b != NULL) {
		const struct ss_span whole_a = x;
		const struct ss_span whole_b = y;

		ex_narrow(&x, &y);
		cause = ex_cause_of_line(whole_a);
		if (cause == EX_UNKNOWN)
			cause = ex_cause_of_values(x, y);
		if (cause == EX_UNKNOWN) /* a date in several words, a list in another order */
			cause = ex_cause_of_values(whole_a, whole_b);
		if (whole_a.n <= EX_EVIDENCE && whole_b.n <= EX_EVIDENCE) {
			x = whole_a;
			y = whole_b;
		}
	}
	if (ex_ends_with(p, "!config!")) /* of a kernel */
		cause = EX_TOOL_KERNEL_CONFIG;
	if (a != NULL && b != NULL && a->no != b->no)
		(void)snprintf(where, sizeof(where), "line %u | line %u", a->no, b->no);
	else
		(void)snprintf(where, sizeof(where), "line %u", a != NULL ? a->no : b->no);
	ex_say_content(r, p, cause, where, x, y);
}

static void tell(struct ex_run *r, const struct ex_pair *p, const struct text *a,
		 const struct text *b)
{
	size_t i = 0;
	size_t j = 0;
	size_t n = 0;

	for (;;) {
		const struct line *x = next_alone(a, &i);
		const struct line *y = next_alone(b, &j);

		if (x == NULL && y == NULL)
			return;
		if (n++ < EX_LINES) {
			tell_pair(r, p, x, y);
		} else {
			ex_count(r, r->of_path);
			r->ret->left_out++;
		}
	}
}

bool ex_holds_key(struct ss_span s)
{
	return s.p != NULL && memmem(s.p, s.n, "PRIVATE KEY-----", 16) != NULL &&
	       memmem(s.p, s.n, "-----BEGIN ", 11) != NULL;
}

static void tell_order(struct ex_run *r, const struct ex_pair *p, const struct text *a,
		       const struct text *b)
{
	size_t i = 0;
	char where[64];

	while (i < a->n && i < b->n && compare(a->v[i].s, b->v[i].s) == 0)
		i++;
	if (i == a->n || i == b->n) { /* a newline at the end */
		ex_say_text(r, p, EX_UNKNOWN, "the newline at the end", "", "");
		return;
	}
	(void)snprintf(where, sizeof(where), "line %zu on: the same lines in another order", i + 1);
	ex_say_content(r, p, EX_ORDER_LINES, where, a->v[i].s, b->v[i].s);
}

/* Their backups too, and what read_keyed.c does not take for such a table. */
static bool holds_hashes(const struct ex_pair *p)
{
	static const char *const names[] = { "shadow", "shadow-", "gshadow", "gshadow-" };

	for (size_t i = 0; i < SS_NELEMS(names); i++)
		if (ex_is_named(p, names[i]))
			return true;
	return false;
}

int ex_lines(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(EX_LOAD);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EX_LOAD);
	SS_CLEANUP(text_done) struct text x = { 0 };
	SS_CLEANUP(text_done) struct text y = { 0 };
	bool loaded;

	if (ex_load_text(p, &a, &b, &loaded, err) < 0)
		return -1;
	if (!loaded || !split(ss_buf_span(&a), &x) || !split(ss_buf_span(&b), &y))
		return 0;
	*ret_done = true;
	if (ex_holds_key(ss_buf_span(&a)) || ex_holds_key(ss_buf_span(&b)))
		ex_say_text(r, p, EX_RAND_KEY, "a private key", "", ""); /* never shown */
	else if (holds_hashes(p))
		ex_say_text(r, p, EX_UNKNOWN, "accounts with hashes of passwords", "", "");
	else if (mark_alone(&x, &y))
		tell_order(r, p, &x, &y);
	else
		tell(r, p, &x, &y);
	return 0;
}

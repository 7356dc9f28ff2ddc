/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dpkg's databases of two trees, divided by 0xff: status, list and sums of the first, then of the
 * second. Whatever they hold: comparing never fails, what differs is told, twice the same, and a
 * package is named for a content only with two versions that its statuses have.
 */
#include "base/text.h"
#include "explain/ex_run.h"

#include <stdlib.h>
#include <string.h>

#define INFO "var/lib/dpkg/info/"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

struct side {
	struct ss_span status, list, sums;
};

static struct ss_span take(struct ss_span *s)
{
	const uint8_t *end = s->n > 0 ? memchr(s->p, 0xff, s->n) : NULL;
	const size_t n = end != NULL ? (size_t)(end - s->p) : s->n;
	const size_t skip = n + (end != NULL);
	const struct ss_span ret = { s->p, n };

	*s = (struct ss_span){ s->n > 0 ? s->p + skip : s->p, s->n - skip };
	return ret;
}

static void add(struct ex_list *l, const char *name, uint64_t at, size_t n)
{
	const struct ex_entry e = {
		.mode = CPIO_REG | 0644, .at = at, .n = n, .size = n, .nlink = 1
	};
	struct ss_err err = { 0 };

	must(ex_list_add(l, ss_text(name), &e, &err) == 0);
}

/* The package "a" has its notes, with an architecture too; "x" is there in two contents, and one of
 * the names of `own` on this side only. */
static void make(const struct side *s, const char *body, const char *own, struct ex_list *ret)
{
	const struct ss_span parts[] = { s->status, s->list, s->sums, ss_text(body) };
	AUTO_BUF struct ss_buf all = SS_BUF_INIT(SIZE_MAX);
	AUTO_EX_SOURCE struct ex_source *src = NULL;
	uint64_t at[SS_NELEMS(parts)];

	for (size_t i = 0; i < SS_NELEMS(parts); i++) {
		at[i] = all.n;
		ss_buf_put(&all, parts[i]);
	}
	src = ex_source_mem(ss_buf_span(&all));
	ex_list_init(ret, EX_TAR, src, EX_LIST_MEMBERS);
	add(ret, "var/lib/dpkg/status", at[0], parts[0].n);
	add(ret, INFO "a.list", at[1], parts[1].n);
	add(ret, INFO "a:b.md5sums", at[2], parts[2].n);
	add(ret, INFO "c.md5sums", at[2], parts[2].n);
	add(ret, "usr/x", at[3], parts[3].n);
	add(ret, own, at[3], 1);
	ex_list_end(ret);
}

static void compare(const struct ex_list *a, const struct ex_list *b, struct ex_report *ret)
{
	const struct ex_options o = { .arch = "x86_64" };
	const struct ex_matching m = { .a = a, .b = b, .prefix = ss_text("") };
	struct ss_err err = { 0 };
	struct ex_run r;

	ex_run_init(&r, &o, ret);
	r.part = "tree";
	must(ex_match(&r, &m, &err) == 0);
	ex_run_done(&r);
}

/* As much of it as a difference keeps. */
static bool has(struct ss_span status, struct ss_span version)
{
	return version.n > 0 && memmem(status.p, status.n, version.p, version.n) != NULL;
}

static void check(const struct ex_report *r, const struct side *a, const struct side *b)
{
	bool content = false, removed = false, added = false;

	for (size_t i = 0; i < r->n; i++) {
		const struct ex_diff *d = &r->diffs[i];

		content = content || (ss_is(d->path, "usr/x") && d->kind == EX_CONTENT);
		removed = removed || (ss_is(d->path, "usr/y") && d->kind == EX_REMOVED);
		added = added || (ss_is(d->path, "usr/z") && d->kind == EX_ADDED);
		if (!ss_begins(d->where, "package ") || d->kind != EX_CONTENT ||
		    ss_is(d->path, "var/lib/dpkg/status"))
			continue;
		must(d->cause == EX_NET_PACKAGE);
		if (ss_is(d->path, "usr/x"))
			must(has(a->status, d->a) && has(b->status, d->b));
	}
	must(content && removed && added);
}

static void check_same(const struct ex_report *x, const struct ex_report *y)
{
	must(x->n == y->n && x->files == y->files && x->n_groups == y->n_groups);
	for (size_t i = 0; i < x->n; i++)
		must(x->diffs[i].cause == y->diffs[i].cause &&
		     ss_same(x->diffs[i].path, y->diffs[i].path) &&
		     ss_same(x->diffs[i].where, y->diffs[i].where));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_EX_REPORT struct ex_report one = { 0 };
	AUTO_EX_REPORT struct ex_report two = { 0 };
	AUTO_EX_LIST struct ex_list x = { 0 };
	AUTO_EX_LIST struct ex_list y = { 0 };
	struct ss_span in = { data, size };
	struct side sides[2];

	for (size_t i = 0; i < 2; i++) {
		sides[i].status = take(&in);
		sides[i].list = take(&in);
		sides[i].sums = take(&in);
	}
	make(&sides[0], "one", "usr/y", &x);
	make(&sides[1], "two", "usr/z", &y);
	compare(&x, &y, &one);
	compare(&x, &y, &two);
	check(&one, &sides[0], &sides[1]);
	check_same(&one, &two);
	return 0;
}

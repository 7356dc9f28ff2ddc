/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_diff.h"

#include "base/mem.h"
#include "base/sort.h"
#include "record/rec_package.h"

#include <string.h>

struct row {
	struct rec_package package;
	const struct cfg_input *in;
	bool is_new;
	bool paired; /* the other lock has this version of it */
	size_t at;
};

struct diff {
	struct row *v; /* packages of both locks */
	size_t n;
	void (*change)(void *ctx, const struct rec_change *c);
	void *ctx;
};

static bool is_body(const struct cfg_input *in)
{
	return in->sha256 != NULL && in->status == 200;
}

static void tell(const struct diff *d, enum rec_change_kind kind, const char *package,
		 const char *name, const char *before, const char *now)
{
	const struct rec_change c = { kind, package, name, before, now };

	d->change(d->ctx, &c);
}

/* --- packages ----------------------------------------------------------------------------------
 */

static void add_packages(struct diff *d, const struct cfg_list *l, bool is_new)
{
	const struct cfg_input *in = l->v;

	for (size_t i = 0; i < l->n; i++) {
		struct row *r = &d->v[d->n];

		if (!is_body(&in[i]) || !rec_package_of(in[i].url, &r->package))
			continue;
		r->in = &in[i];
		r->is_new = is_new;
		r->at = d->n++;
	}
}

static int by_package(const struct row *a, const struct row *b)
{
	const int d = strcmp(a->package.name, b->package.name);

	return d != 0 ? d : strcmp(a->package.kind, b->package.kind);
}

/* The file's own name: other mirrors, the same file. */
static const char *file_of(const struct row *r)
{
	const char *slash = strrchr(r->in->url, '/');

	return slash != NULL ? slash + 1 : r->in->url;
}

static int by_file(const struct row *x, const struct row *y)
{
	const int d = strcmp(x->package.version, y->package.version);

	return d != 0 ? d : strcmp(file_of(x), file_of(y));
}

static int by_row(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int d = by_package(x, y);

	if (d == 0)
		d = by_file(x, y);
	if (d == 0)
		d = strcmp(x->in->sha256, y->in->sha256);
	return d != 0 ? d : x->at < y->at ? -1 : 1;
}

/* One file of one version: the same in both locks? */
static void check_bytes(const struct diff *d, const struct row *v, size_t n)
{
	const struct row *before = NULL, *now = NULL;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && v[i].is_new != v[i - 1].is_new &&
		    strcmp(v[i].in->sha256, v[i - 1].in->sha256) == 0)
			return;
		before = before == NULL && !v[i].is_new ? &v[i] : before;
		now = now == NULL && v[i].is_new ? &v[i] : now;
	}
	if (before != NULL && now != NULL)
		tell(d, REC_SWAPPED, now->package.kind, now->package.name, before->in->sha256,
		     now->in->sha256);
}

/* A version that both locks have is no change, unless its bytes are others. */
static void pair_versions(const struct diff *d, struct row *group, size_t n)
{
	for (size_t i = 0, m; i < n; i += m) {
		bool old = false, new = false;

		for (m = 0; i + m < n &&
			    strcmp(group[i].package.version, group[i + m].package.version) == 0;
		     m++) {
			old = old || !group[i + m].is_new;
			new = new || group[i + m].is_new;
		}
		for (size_t k = 0; k < m; k++)
			group[i + k].paired = old && new;
	}
	for (size_t i = 0, m; i < n; i += m) {
		for (m = 1; i + m < n && by_file(&group[i], &group[i + m]) == 0; m++)
			continue;
		check_bytes(d, &group[i], m);
	}
}

/* The only version on one side that the other lacks; NULL if there are none or several. */
static const struct row *only(const struct row *group, size_t n, bool is_new, size_t *ret_n)
{
	const struct row *found = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		if (group[i].is_new != is_new || group[i].paired)
			continue;
		if (found == NULL || strcmp(found->package.version, group[i].package.version) != 0)
			(*ret_n)++;
		found = &group[i];
	}
	return *ret_n == 1 ? found : NULL;
}

static void tell_group(const struct diff *d, struct row *group, size_t n)
{
	const struct row *before, *now;
	const char *last = "";
	size_t n_before, n_now;

	pair_versions(d, group, n);
	before = only(group, n, false, &n_before);
	now = only(group, n, true, &n_now);
	if (before != NULL && now != NULL) {
		tell(d, REC_CHANGED, now->package.kind, now->package.name, before->package.version,
		     now->package.version);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct rec_package *p = &group[i].package;

		if (group[i].paired || strcmp(last, p->version) == 0)
			continue;
		last = p->version;
		tell(d, group[i].is_new ? REC_ADDED : REC_REMOVED, p->kind, p->name,
		     group[i].is_new ? NULL : p->version, group[i].is_new ? p->version : NULL);
	}
}

static void diff_packages(struct diff *d, const struct cfg_list *before, const struct cfg_list *now)
{
	d->v = ss_calloc(before->n + now->n + 1, sizeof(*d->v));
	add_packages(d, before, false);
	add_packages(d, now, true);
	ss_sort(d->v, d->n, sizeof(*d->v), by_row);
	for (size_t i = 0, n; i < d->n; i += n) {
		for (n = 1; i + n < d->n && by_package(&d->v[i], &d->v[i + n]) == 0; n++)
			continue;
		tell_group(d, &d->v[i], n);
	}
	free(d->v);
}

/* --- the rest ----------------------------------------------------------------------------------
 */

static bool is_package(const struct cfg_input *in)
{
	struct rec_package p;

	return is_body(in) && rec_package_of(in->url, &p);
}

static const char *shown(const struct cfg_input *in)
{
	return in->sha256 != NULL ? in->sha256 : "-";
}

static bool same(const struct cfg_input *a, const struct cfg_input *b)
{
	return strcmp(shown(a), shown(b)) == 0 && a->status == b->status && a->size == b->size;
}

static void tell_one(const struct diff *d, const struct cfg_input *before,
		     const struct cfg_input *now)
{
	if (before != NULL && now != NULL) {
		if (!same(before, now) && (!is_package(before) || !is_package(now)))
			tell(d, REC_CHANGED, NULL, now->url, shown(before), shown(now));
		return;
	}
	if (before != NULL && !is_package(before))
		tell(d, REC_REMOVED, NULL, before->url, shown(before), NULL);
	if (now != NULL && !is_package(now))
		tell(d, REC_ADDED, NULL, now->url, NULL, shown(now));
}

void rec_diff(const struct cfg_list *before, const struct cfg_list *now,
	      void (*change)(void *ctx, const struct rec_change *c), void *ctx)
{
	const struct cfg_input *a = before->v, *b = now->v;
	struct diff d = { .change = change, .ctx = ctx };
	size_t i = 0, k = 0;

	diff_packages(&d, before, now);
	while (i < before->n || k < now->n) {
		const int c = i == before->n ? 1
			      : k == now->n  ? -1
					     : cfg_input_compare(&a[i], &b[k]);

		tell_one(&d, c <= 0 ? &a[i] : NULL, c >= 0 ? &b[k] : NULL);
		i += c <= 0;
		k += c >= 0;
	}
}

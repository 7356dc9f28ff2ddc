/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"
#include "base/text.h"
#include "explain/ex_package.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

#define NOBODY UINT32_MAX
#define MOVE_MAX ((uint64_t)64 << 20) /* larger files that moved are told as removed and added */
#define MOVE_TRIES 8u

struct match {
	struct ex_run *r;
	const struct ex_matching *m;
	/* By place in the sorted list: who stands for it on the other side, or NOBODY. */
	uint32_t *to_b;
	uint32_t *to_a;
	uint32_t *moved;  /* of B: the entry of A whose content it has */
	uint32_t *lead_a; /* by order: the first name of a file with several */
	uint32_t *lead_b;
	size_t told[EX_KINDS]; /* inside a file only so many of a kind are kept */
	struct ex_packages *packages;
};

static void match_done(struct match *k)
{
	free(k->to_b);
	free(k->to_a);
	free(k->moved);
	free(k->lead_a);
	free(k->lead_b);
	ex_packages_free(k->packages);
}

static int compare_names(const struct match *k, size_t i, size_t j)
{
	const struct ex_entry *a = &k->m->a->v[i];
	const struct ex_entry *b = &k->m->b->v[j];
	const size_t n = a->name_n < b->name_n ? a->name_n : b->name_n;
	const int c = n > 0 ? memcmp(ex_name(k->m->a, a).p, ex_name(k->m->b, b).p, n) : 0;

	if (c != 0)
		return c;
	if (a->name_n != b->name_n)
		return a->name_n < b->name_n ? -1 : 1;
	return a->nth < b->nth ? -1 : a->nth > b->nth;
}

static void pair_up(struct match *k)
{
	const size_t n = k->m->a->n;
	const size_t m = k->m->b->n;

	k->to_b = ss_calloc(n + 1, sizeof(*k->to_b));
	k->to_a = ss_calloc(m + 1, sizeof(*k->to_a));
	k->moved = ss_calloc(m + 1, sizeof(*k->moved));
	memset(k->to_b, 0xff, n * sizeof(*k->to_b));
	memset(k->to_a, 0xff, m * sizeof(*k->to_a));
	memset(k->moved, 0xff, m * sizeof(*k->moved));
	for (size_t i = 0, j = 0; i < n && j < m;) {
		const int c = compare_names(k, i, j);

		if (c == 0) {
			k->to_b[i] = (uint32_t)j;
			k->to_a[j] = (uint32_t)i;
		}
		i += c <= 0;
		j += c >= 0;
	}
}

static uint32_t *leaders(const struct ex_list *l)
{
	uint32_t *lead = ss_calloc(l->orders + 1, sizeof(*lead));

	memset(lead, 0xff, l->orders * sizeof(*lead));
	for (size_t i = 0; i < l->n; i++)
		if (lead[l->v[i].link] == NOBODY)
			lead[l->v[i].link] = (uint32_t)i;
	return lead;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void tell(struct match *k, struct ss_span name, struct ex_diff *d)
{
	AUTO_BUF struct ss_buf path = SS_BUF_INIT(SIZE_MAX);

	if (k->m->depth > 0 && k->r->of_path != EX_UNKNOWN)
		d->cause = k->r->of_path; /* whatever differs in such a file */
	if (k->m->depth > 0 && k->told[d->kind]++ >= EX_LINES) {
		ex_count(k->r, d->cause);
		k->r->ret->left_out++;
		return;
	}
	ss_buf_put(&path, k->m->prefix);
	ss_buf_put(&path, name);
	d->path = ss_buf_span(&path);
	ex_say(k->r, d);
}

static void tell_values(struct match *k, struct ss_span name, enum ex_kind kind,
			enum ex_cause cause, const char *a, const char *b)
{
	tell(k, name,
	     &(struct ex_diff){ .kind = kind, .cause = cause, .a = ex_text(a), .b = ex_text(b) });
}

static const char *type_name(const struct ex_entry *e)
{
	switch (ex_type(e)) {
	case CPIO_REG:
		return "file";
	case CPIO_DIR:
		return "folder";
	case CPIO_LNK:
		return "symbolic link";
	case CPIO_CHR:
		return "character device";
	case CPIO_BLK:
		return "block device";
	case CPIO_FIFO:
		return "fifo";
	default:
		return "something else";
	}
}

static enum ex_cause mode_cause(uint32_t a, uint32_t b)
{
	return ((a ^ b) & ~077u & 07777u) == 0 ? EX_ENV_UMASK : EX_UNKNOWN;
}

static void compare_numbers(struct match *k, const struct ex_entry *a, const struct ex_entry *b,
			    struct ss_span name)
{
	char x[SS_DATE_SIZE];
	char y[SS_DATE_SIZE];

	if ((a->mode ^ b->mode) & 07777u) {
		(void)snprintf(x, sizeof(x), "%04o", a->mode & 07777u);
		(void)snprintf(y, sizeof(y), "%04o", b->mode & 07777u);
		tell_values(k, name, EX_MODE, mode_cause(a->mode, b->mode), x, y);
	}
	if (a->uid != b->uid || a->gid != b->gid) {
		(void)snprintf(x, sizeof(x), "%u:%u", a->uid, a->gid);
		(void)snprintf(y, sizeof(y), "%u:%u", b->uid, b->gid);
		tell_values(k, name, EX_OWNER, EX_ID_OWNER, x, y);
	}
	if (a->rdev_major != b->rdev_major || a->rdev_minor != b->rdev_minor) {
		(void)snprintf(x, sizeof(x), "%u:%u", a->rdev_major, a->rdev_minor);
		(void)snprintf(y, sizeof(y), "%u:%u", b->rdev_major, b->rdev_minor);
		tell_values(k, name, EX_DEVICE, EX_UNKNOWN, x, y);
	}
	if (k->m->mtime && a->mtime != b->mtime) {
		const bool measured = k->r->measured;

		k->r->measured = measured && !k->m->mtime_apart;
		ss_date_text(a->mtime, x);
		ss_date_text(b->mtime, y);
		tell_values(k, name, EX_MTIME, k->m->depth > 0 ? EX_TIME_MEMBER : EX_TIME_MTIME, x,
			    y);
		k->r->measured = measured;
	}
}

static int target_of(const struct ex_list *l, const struct ex_entry *e, uint8_t *buf,
		     struct ss_span *ret, struct ss_err *err)
{
	const struct ex_bytes b = ex_body(l, e);
	size_t n;

	*ret = ex_target(l, e);
	if (e->target_n > 0)
		return 0;
	if (ex_read_some(&b, 0, buf, CPIO_MAX_LINK, &n, err) < 0)
		return -1;
	*ret = (struct ss_span){ buf, n };
	return 0;
}

static int compare_targets(struct match *k, const struct ex_entry *a, const struct ex_entry *b,
			   struct ss_span name, struct ss_err *err)
{
	uint8_t x[CPIO_MAX_LINK];
	uint8_t y[CPIO_MAX_LINK];
	struct ss_span s, t, u, v;

	if (target_of(k->m->a, a, x, &s, err) < 0 || target_of(k->m->b, b, y, &t, err) < 0)
		return -1;
	if (ss_same(s, t))
		return 0;
	u = s;
	v = t;
	ex_narrow(&u, &v);
	tell(k, name,
	     &(struct ex_diff){
		     .kind = EX_LINK, .cause = ex_cause_of_values(u, v), .a = s, .b = t });
	return 0;
}

static void compare_hard_links(struct match *k, size_t i, size_t j, struct ss_span name)
{
	const struct ex_list *a = k->m->a;
	const struct ex_list *b = k->m->b;
	const struct ss_span x = ex_name(a, &a->v[k->lead_a[a->v[i].link]]);
	const struct ss_span y = ex_name(b, &b->v[k->lead_b[b->v[j].link]]);

	if (!ss_same(x, y))
		tell(k, name,
		     &(struct ex_diff){
			     .kind = EX_LINK, .cause = EX_FORM_HARD_LINKS, .a = x, .b = y });
}

/* What unpacking writes over is in the archive all the same, and measured. */
static int compare_dead(struct match *k, const struct ex_entry *a, const struct ex_entry *b,
			struct ss_span name, struct ss_err *err)
{
	const struct ex_bytes x = {
		.src = k->m->a->src, .id = a->id, .at = a->dead_at, .n = a->dead_n
	};
	const struct ex_bytes y = {
		.src = k->m->b->src, .id = b->id, .at = b->dead_at, .n = b->dead_n
	};
	char u[32], v[32];
	uint64_t at;
	bool same;

	if (x.n == 0 && y.n == 0)
		return 0;
	if (ex_first_difference(&x, &y, 0, &at, &same, err) < 0)
		return -1;
	if (same)
		return 0;
	(void)snprintf(u, sizeof(u), "%llu bytes", (unsigned long long)x.n);
	(void)snprintf(v, sizeof(v), "%llu bytes", (unsigned long long)y.n);
	tell(k, name,
	     &(struct ex_diff){ .kind = EX_CONTENT,
				.cause = EX_FORM_HARD_LINKS,
				.where = ex_text("a body that another name of this file replaces"),
				.a = ex_text(u),
				.b = ex_text(v) });
	return 0;
}

/* Only trees have them. */
static void compare_xattrs(struct match *k, const struct ex_entry *a, const struct ex_entry *b,
			   struct ss_span name)
{
	const struct ss_span none = { NULL, 0 };
	struct tree_xattr x = { 0 };
	struct tree_xattr y = { 0 };

	if (k->m->a->form != EX_TREE || k->m->b->form != EX_TREE)
		return;
	for (size_t i = 0;; i++) {
		const bool in_a = tree_xattr(k->m->a->src->tree, a->id, i, &x);
		const bool in_b = tree_xattr(k->m->b->src->tree, b->id, i, &y);

		if (!in_a && !in_b)
			return;
		if (in_a && in_b && ss_same(x.name, y.name) && ss_same(x.value, y.value))
			continue;
		tell(k, name,
		     &(struct ex_diff){ .kind = EX_XATTR,
					.cause = EX_UNKNOWN,
					.a = in_a ? x.name : none,
					.b = in_b ? y.name : none });
		return;
	}
}

/* --- contents ----------------------------------------------------------------------------------
 */

/* What a package brought is told by its versions, and not looked into. */
static bool tell_package(struct match *k, struct ss_span name)
{
	const struct ex_package *of = ex_package_of_body(k->packages, name);
	struct ss_shown shown;
	char where[SS_SHOWN_MAX + 16];

	if (of == NULL || k->r->of_path != EX_UNKNOWN)
		return false;
	(void)snprintf(where, sizeof(where), "package %s", ss_show(of->name, &shown));
	tell(k, name,
	     &(struct ex_diff){ .kind = EX_CONTENT,
				.cause = EX_NET_PACKAGE,
				.where = ex_text(where),
				.a = of->a,
				.b = of->b });
	return true;
}

static int compare_contents(struct match *k, const struct ex_entry *a, const struct ex_entry *b,
			    struct ss_span name, struct ss_err *err)
{
	struct ex_pair p = { .a = ex_body(k->m->a, a),
			     .b = ex_body(k->m->b, b),
			     .a_packed = a->packed,
			     .b_packed = b->packed,
			     .a_crc = a->crc,
			     .b_crc = b->crc,
			     .a_size = a->size,
			     .b_size = b->size,
			     .depth = k->m->depth,
			     .path = SS_BUF_INIT(SIZE_MAX) };
	uint64_t at = 0;
	bool same = a->at == b->at && a->n == b->n && a->at + a->n <= k->m->same_to;
	int rc = 0;

	if (same)
		return 0;
	if (a->at == b->at && a->at < k->m->same_to)
		p.first = k->m->same_to - a->at;
	if (a->packed == b->packed && ex_first_difference(&p.a, &p.b, p.first, &at, &same, err) < 0)
		return -1;
	if (same || tell_package(k, name))
		return 0;
	if (a->packed == b->packed)
		p.first = at;
	ss_buf_put(&p.path, k->m->prefix);
	ss_buf_put(&p.path, name);
	if (k->m->depth > 0)
		ex_push(k->r, &p);
	else
		rc = ex_content(k->r, &p, err);
	ss_buf_done(&p.path);
	return rc;
}

static int compare_entries(struct match *k, size_t i, size_t j, struct ss_err *err)
{
	const struct ex_entry *a = &k->m->a->v[i];
	const struct ex_entry *b = &k->m->b->v[j];
	const struct ss_span name = ex_name(k->m->a, a);

	if (k->m->depth == 0)
		ex_next_file(k->r, name);
	if (ex_type(a) != ex_type(b)) {
		tell_values(k, name, EX_TYPE, EX_UNKNOWN, type_name(a), type_name(b));
		return 0;
	}
	compare_numbers(k, a, b, name);
	compare_xattrs(k, a, b, name);
	if (ex_type(a) == CPIO_LNK || a->target_n > 0 || b->target_n > 0)
		return compare_targets(k, a, b, name, err);
	if (ex_type(a) != CPIO_REG)
		return 0;
	compare_hard_links(k, i, j, name);
	if (compare_dead(k, a, b, name, err) < 0)
		return -1;
	/* Another name of a file is looked into once. */
	if (k->lead_a[a->link] != i && k->lead_b[b->link] != j)
		return 0;
	return compare_contents(k, a, b, name, err);
}

/* --- moves --------------------------------------------------------------------------------------
 */

struct sized {
	uint64_t n;
	uint32_t i;
	uint32_t next; /* where to look on if this one is taken */
};

static int by_size(const void *x, const void *y)
{
	const struct sized *a = x;
	const struct sized *b = y;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->i < b->i ? -1 : a->i > b->i;
}

static bool may_move(const struct ex_entry *e)
{
	return ex_type(e) == CPIO_REG && e->n > 0 && e->n <= MOVE_MAX;
}

static size_t first_of_size(const struct sized *v, size_t n, uint64_t size)
{
	size_t from = 0;

	while (n > 0) {
		const size_t half = n / 2;

		if (v[from + half].n < size) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

/* From v[s] on the first that nothing has been found to be yet. Many files of one size may move:
 * those that are taken are not passed by one by one again. */
static size_t next_free(const struct match *k, struct sized *v, size_t n, size_t s)
{
	size_t end = s;

	while (end < n && k->to_b[v[end].i] != NOBODY)
		end = v[end].next;
	while (s < end) {
		const size_t on = v[s].next;

		v[s].next = (uint32_t)end;
		s = on;
	}
	return end;
}

static int find_move(struct match *k, struct sized *v, size_t n, size_t j, struct ss_err *err)
{
	const struct ex_entry *b = &k->m->b->v[j];
	const struct ex_bytes y = ex_body(k->m->b, b);
	size_t s = next_free(k, v, n, first_of_size(v, n, b->n));

	for (size_t tries = 0; s < n && v[s].n == b->n && tries < MOVE_TRIES; tries++) {
		const struct ex_bytes x = ex_body(k->m->a, &k->m->a->v[v[s].i]);
		uint64_t at;
		bool same;

		if (ex_first_difference(&x, &y, 0, &at, &same, err) < 0)
			return -1;
		if (same) {
			k->moved[j] = v[s].i;
			k->to_b[v[s].i] = (uint32_t)j;
			return 0;
		}
		s = next_free(k, v, n, s + 1);
	}
	return 0;
}

static int find_moves(struct match *k, struct ss_err *err)
{
	AUTO_FREE struct sized *v = ss_calloc(k->m->a->n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < k->m->a->n; i++)
		if (k->to_b[i] == NOBODY && may_move(&k->m->a->v[i]))
			v[n++] = (struct sized){ k->m->a->v[i].n, (uint32_t)i, 0 };
	ss_sort(v, n, sizeof(*v), by_size);
	for (size_t i = 0; i < n; i++)
		v[i].next = (uint32_t)i + 1;
	for (size_t j = 0; n > 0 && j < k->m->b->n; j++)
		if (k->to_a[j] == NOBODY && may_move(&k->m->b->v[j]) &&
		    find_move(k, v, n, j, err) < 0)
			return -1;
	return 0;
}

/* --- the whole ----------------------------------------------------------------------------------
 */

/* Compiled Python beside a source is made by whoever runs it first. */
static enum ex_cause presence_cause(struct ss_span name)
{
	static const char cache[] = "__pycache__/";

	return memmem(name.p, name.n, cache, sizeof(cache) - 1) != NULL ? EX_CACHE_PYTHON
									: EX_UNKNOWN;
}

static void tell_presence(struct match *k, const struct ex_list *l, const struct ex_entry *e,
			  enum ex_kind kind)
{
	const struct ss_span name = ex_name(l, e);
	const struct ex_package *of = ex_package_of_name(k->packages, name);
	struct ex_diff d = { .kind = kind, .cause = EX_UNKNOWN };
	char where[SS_SHOWN_MAX + 16];
	struct ss_shown shown;
	char size[32];

	if (k->m->depth == 0)
		ex_next_file(k->r, name);
	(void)snprintf(size, sizeof(size), "%llu bytes", (unsigned long long)e->size);
	*(kind == EX_REMOVED ? &d.a : &d.b) = ex_text(size);
	if (name.n > 0)
		d.cause = presence_cause(name);
	if (of != NULL) {
		(void)snprintf(where, sizeof(where), "package %s", ss_show(of->name, &shown));
		d.where = ex_text(where);
		d.cause = EX_NET_PACKAGE;
	}
	tell(k, name, &d);
}

static void tell_move(struct match *k, size_t j)
{
	const struct ss_span from = ex_name(k->m->a, &k->m->a->v[k->moved[j]]);
	const struct ss_span to = ex_name(k->m->b, &k->m->b->v[j]);
	struct ss_span x = from;
	struct ss_span y = to;

	if (k->m->depth == 0)
		ex_next_file(k->r, to);
	ex_narrow(&x, &y);
	tell(k, to,
	     &(struct ex_diff){
		     .kind = EX_MOVED, .cause = ex_cause_of_values(x, y), .a = from, .b = to });
}

/* Both lists in the order of names. */
static int compare_all(struct match *k, struct ss_err *err)
{
	size_t i = 0;
	size_t j = 0;

	while (i < k->m->a->n || j < k->m->b->n) {
		int c = i == k->m->a->n ? 1 : -1;

		if (i < k->m->a->n && j < k->m->b->n)
			c = compare_names(k, i, j);
		if (c == 0 && compare_entries(k, i, j, err) < 0)
			return -1;
		if (c < 0 && k->to_b[i] == NOBODY)
			tell_presence(k, k->m->a, &k->m->a->v[i], EX_REMOVED);
		if (c > 0 && k->moved[j] != NOBODY)
			tell_move(k, j);
		else if (c > 0)
			tell_presence(k, k->m->b, &k->m->b->v[j], EX_ADDED);
		i += c <= 0;
		j += c >= 0;
	}
	return 0;
}

/* The first name, in A's order, behind which B has one that A has before it. */
static void compare_order(struct match *k)
{
	const struct ex_list *a = k->m->a;
	/* By A's order: place in A. */
	AUTO_FREE uint32_t *at = ss_calloc(a->orders + 1, sizeof(*at));
	const struct ex_entry *last = NULL;

	memset(at, 0xff, a->orders * sizeof(*at));
	for (size_t i = 0; i < a->n; i++)
		at[a->v[i].order] = (uint32_t)i;
	for (size_t o = 0; o < a->orders; o++) {
		const uint32_t j = at[o] != NOBODY ? k->to_b[at[o]] : NOBODY;
		const struct ex_entry *b;

		if (j == NOBODY || k->moved[j] != NOBODY)
			continue;
		b = &k->m->b->v[j];
		if (last != NULL && b->order < last->order) {
			if (k->m->depth == 0)
				ex_next_file(k->r, (struct ss_span){ NULL, 0 });
			tell(k, (struct ss_span){ NULL, 0 },
			     &(struct ex_diff){ .kind = EX_ORDER,
						.cause = EX_ORDER_READDIR,
						.a = ex_name(k->m->b, last),
						.b = ex_name(k->m->b, b) });
			return;
		}
		last = b;
	}
}

/* Told once, and only where nothing else moved the numbers. */
static void compare_inodes(struct match *k)
{
	char x[32];
	char y[32];

	for (size_t i = 0; i < k->m->a->n; i++) {
		const struct ex_entry *a = &k->m->a->v[i];
		const struct ex_entry *b = &k->m->b->v[k->to_b[i]];

		if (a->ino == b->ino && a->nlink == b->nlink)
			continue;
		(void)snprintf(x, sizeof(x), "%u, %u links", a->ino, a->nlink);
		(void)snprintf(y, sizeof(y), "%u, %u links", b->ino, b->nlink);
		ex_next_file(k->r, ex_name(k->m->a, a));
		tell_values(k, ex_name(k->m->a, a), EX_INODE, EX_FORM_INODES, x, y);
		return;
	}
}

static bool is_one_to_one(const struct match *k)
{
	if (k->m->a->n != k->m->b->n)
		return false;
	for (size_t i = 0; i < k->m->a->n; i++)
		if (k->to_b[i] == NOBODY)
			return false;
	for (size_t j = 0; j < k->m->b->n; j++)
		if (k->moved[j] != NOBODY)
			return false;
	return true;
}

int ex_match(struct ex_run *r, const struct ex_matching *m, struct ss_err *err)
{
	SS_CLEANUP(match_done) struct match k = { .r = r, .m = m };
	const uint64_t said = r->said;

	pair_up(&k);
	k.lead_a = leaders(m->a);
	k.lead_b = leaders(m->b);
	if (m->depth == 0 && ex_packages_new(m->a, m->b, &k.packages, err) < 0)
		return -1;
	if (find_moves(&k, err) < 0 || compare_all(&k, err) < 0)
		return -1;
	if (m->order)
		compare_order(&k);
	if (m->inodes && r->said == said && is_one_to_one(&k))
		compare_inodes(&k);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_list.h"

#include "base/mem.h"
#include "base/sort.h"

#include <string.h>

#define TEXT_MAX ((size_t)1 << 30)
#define TEXT_MAX_MEMBERS ((size_t)16 << 20) /* of a container in a file: 256 bytes a name */

void ex_list_init(struct ex_list *l, enum ex_form form, struct ex_source *src, size_t max)
{
	*l = (struct ex_list){ .form = form,
			       .src = ex_source_hold(src),
			       .max = max,
			       .text = SS_BUF_INIT(max <= EX_LIST_MEMBERS ? TEXT_MAX_MEMBERS
									  : TEXT_MAX) };
}

void ex_list_done(struct ex_list *l)
{
	ex_source_drop(l->src);
	free(l->v);
	ss_buf_done(&l->text);
	*l = (struct ex_list){ 0 };
}

int ex_list_add(struct ex_list *l, struct ss_span name, const struct ex_entry *e,
		struct ss_err *err)
{
	struct ex_entry *to;

	if (l->n >= l->max)
		return ss_fail(err, SS_ELIMIT, "more than %zu entries", l->max);
	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? l->cap * 2 : 64;
		l->v = ss_reallocarray(l->v, l->cap, sizeof(*l->v));
	}
	to = &l->v[l->n];
	*to = *e;
	to->name_at = l->text.n;
	to->name_n = (uint32_t)name.n;
	to->order = (uint32_t)l->n;
	to->link = to->order;
	ss_buf_put(&l->text, name);
	l->n++;
	return ss_buf_check(&l->text, "names", err);
}

void ex_list_target(struct ex_list *l, struct ss_span target)
{
	l->v[l->n - 1].target_at = l->text.n;
	l->v[l->n - 1].target_n = (uint32_t)target.n;
	ss_buf_put(&l->text, target);
}

/* --- order, which ss_sort() gives without a context: the text stands behind the key --------------
 */

struct key {
	const uint8_t *p;
	uint32_t n;
	uint32_t i;
};

static int by_name(const void *a, const void *b)
{
	const struct key *x = a;
	const struct key *y = b;
	const uint32_t n = x->n < y->n ? x->n : y->n;
	const int c = n > 0 ? memcmp(x->p, y->p, n) : 0;

	if (c != 0)
		return c;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

struct inode {
	uint32_t ino;
	uint32_t i;
};

static int by_inode(const void *a, const void *b)
{
	const struct inode *x = a;
	const struct inode *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* Names of one file share the body of the last one that has any: whoever unpacks writes one over
 * the other. Before sorting: l->v[i].order == i. */
static void join(struct ex_list *l, const struct inode *v, size_t n)
{
	const struct ex_entry *with = &l->v[v[0].i];

	for (size_t i = 0; i < n; i++)
		if (l->v[v[i].i].n > 0)
			with = &l->v[v[i].i];
	for (size_t i = 0; i < n; i++) {
		struct ex_entry *e = &l->v[v[i].i];

		e->link = v[0].i;
		if (l->form == EX_RAMDISK && e != with) {
			e->dead_at = e->at;
			e->dead_n = e->n;
		}
		e->at = with->at;
		e->n = with->n;
		e->size = with->size;
	}
}

static void join_links(struct ex_list *l)
{
	AUTO_FREE struct inode *v = ss_calloc(l->n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].nlink > 1 && l->v[i].ino != 0 && ex_type(&l->v[i]) == CPIO_REG)
			v[n++] = (struct inode){ l->v[i].ino, (uint32_t)i };
	ss_sort(v, n, sizeof(*v), by_inode);
	for (size_t i = 0, from = 0; i < n; i++)
		if (i + 1 == n || v[i + 1].ino != v[i].ino) {
			join(l, v + from, i + 1 - from);
			from = i + 1;
		}
}

void ex_list_end(struct ex_list *l)
{
	AUTO_FREE struct key *keys = ss_calloc(l->n + 1, sizeof(*keys));
	struct ex_entry *sorted = ss_calloc(l->n + 1, sizeof(*sorted));

	join_links(l);
	for (size_t i = 0; i < l->n; i++)
		keys[i] = (struct key){ l->text.p + l->v[i].name_at, l->v[i].name_n, (uint32_t)i };
	ss_sort(keys, l->n, sizeof(*keys), by_name);
	for (size_t i = 0; i < l->n; i++) {
		const bool again =
			i > 0 && keys[i].n == keys[i - 1].n &&
			(keys[i].n == 0 || memcmp(keys[i].p, keys[i - 1].p, keys[i].n) == 0);

		sorted[i] = l->v[keys[i].i];
		sorted[i].nth = again ? sorted[i - 1].nth + 1 : 0;
	}
	free(l->v);
	l->v = sorted;
	l->cap = l->n + 1;
	l->orders = l->n;
}

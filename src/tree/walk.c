/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/cpio.h"
#include "tree/store.h"

#include <assert.h>
#include <string.h>

/* --- order --------------------------------------------------------------------------------- */

/* By bytes; two names of one directory are never equal. */
static bool is_before(const struct tree *t, tree_id a, tree_id b)
{
	const struct ss_span x = store_span(t, a);
	const struct ss_span y = store_span(t, b);
	const int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return c != 0 ? c < 0 : x.n < y.n;
}

/* Two sorted chains, linked by `next` only, become one. */
static tree_id merge(struct tree *t, tree_id a, tree_id b)
{
	tree_id head = TREE_NONE;
	tree_id *end = &head;

	while (a != TREE_NONE && b != TREE_NONE) {
		tree_id *less = is_before(t, a, b) ? &a : &b;

		*end = *less;
		end = &store_name(t, *less)->next;
		*less = *end;
	}
	*end = a != TREE_NONE ? a : b;
	return head;
}

/* A merge sort from the bottom: chain i of `chains` is empty or 2^i names long. */
static void sort_children(struct tree *t, struct tree_node *dir)
{
	tree_id chains[32];
	tree_id prev = TREE_NONE;
	tree_id rest = dir->at;
	tree_id all = TREE_NONE;

	memset(chains, 0xff, sizeof(chains));
	while (rest != TREE_NONE) {
		tree_id one = rest;
		size_t i = 0;

		rest = store_name(t, one)->next;
		store_name(t, one)->next = TREE_NONE;
		for (; chains[i] != TREE_NONE; i++) {
			one = merge(t, chains[i], one);
			chains[i] = TREE_NONE;
		}
		chains[i] = one;
	}
	for (size_t i = 0; i < SS_NELEMS(chains); i++)
		all = merge(t, chains[i], all);
	dir->at = all;
	for (tree_id id = all; id != TREE_NONE; id = store_name(t, id)->next) {
		store_name(t, id)->prev = prev;
		prev = id;
	}
}

void tree_sort(struct tree *t)
{
	if (t->sorted)
		return;
	for (uint32_t no = 0; no < t->n_nodes; no++)
		if (store_node(t, no)->nlink > 0 && store_type(store_node(t, no)) == TREE_DIR)
			sort_children(t, store_node(t, no));
	t->sorted = true;
}

/* --- walk ---------------------------------------------------------------------------------- */

void tree_walk_init(struct tree_walk *w, const struct tree *t)
{
	assert(t->sorted);
	w->t = t;
	w->at = TREE_ROOT;
	w->depth = 0;
	w->path_n = 0;
}

static tree_id first_child(const struct tree *t, tree_id id)
{
	const struct tree_node *n = store_node_of(t, id);

	return store_type(n) == TREE_DIR ? n->at : TREE_NONE;
}

static void leave(struct tree_walk *w)
{
	const size_t n = store_name(w->t, w->at)->len;

	w->depth--;
	w->path_n -= w->depth > 0 ? n + 1 : n;
}

static tree_id enter(struct tree_walk *w, tree_id id)
{
	const struct ss_span name = store_span(w->t, id);

	if (w->depth > 0)
		w->path[w->path_n++] = '/';
	memcpy(w->path + w->path_n, name.p, name.n);
	w->path_n += name.n;
	w->depth++;
	w->at = id;
	return id;
}

tree_id tree_walk_next(struct tree_walk *w)
{
	const tree_id child = w->at != TREE_NONE ? first_child(w->t, w->at) : TREE_NONE;

	if (child != TREE_NONE)
		return enter(w, child);
	while (w->at != TREE_NONE && w->at != TREE_ROOT) {
		const tree_id next = store_name(w->t, w->at)->next;

		leave(w);
		if (next != TREE_NONE)
			return enter(w, next);
		w->at = store_name(w->t, w->at)->parent;
	}
	w->at = TREE_NONE;
	return TREE_NONE;
}

/* --- one name ------------------------------------------------------------------------------ */

void tree_stat(const struct tree *t, tree_id id, struct tree_inode *ret)
{
	const struct tree_node *n = store_node_of(t, id);
	struct tree_inode in = { .type = store_type(n),
				 .mode = n->mode & NODE_MODE,
				 .uid = n->uid,
				 .gid = n->gid,
				 .nlink = n->nlink,
				 .mtime = (int64_t)n->mtime_hi * ((int64_t)1 << 32) + n->mtime };

	switch (in.type) {
	case TREE_REG:
		in.size = n->size;
		in.body.source = n->source & NODE_SOURCE;
		in.body.at = (uint64_t)n->at_hi << 32 | n->at;
		break;
	case TREE_LNK:
		in.size = n->size;
		in.target = (struct ss_span){ store_text(t, n->at), n->size };
		break;
	case TREE_CHR:
	case TREE_BLK:
		in.rdev_major = n->at;
		in.rdev_minor = n->size;
		break;
	case TREE_DIR:
	case TREE_FIFO:
		break;
	}
	*ret = in;
}

uint32_t tree_inode_no(const struct tree *t, tree_id id)
{
	return store_name(t, id)->inode;
}

uint32_t tree_inode_max(const struct tree *t)
{
	return t->n_nodes - 1;
}

struct ss_span tree_name(const struct tree *t, tree_id id)
{
	return id == TREE_ROOT ? (struct ss_span){ (const uint8_t *)"", 0 } : store_span(t, id);
}

uint32_t tree_count(const struct tree *t)
{
	return t->n_live - 1;
}

struct ss_span tree_path(const struct tree *t, tree_id id, uint8_t *buf)
{
	size_t at = TREE_MAX_PATH;

	for (; id != TREE_ROOT; id = store_name(t, id)->parent) {
		const struct ss_span name = store_span(t, id);

		if (at < TREE_MAX_PATH)
			buf[--at] = '/';
		at -= name.n;
		memcpy(buf + at, name.p, name.n);
	}
	return (struct ss_span){ buf + at, TREE_MAX_PATH - at };
}

uint32_t tree_newc_type(enum tree_type type)
{
	switch (type) {
	case TREE_REG:
		return CPIO_REG;
	case TREE_DIR:
		return CPIO_DIR;
	case TREE_LNK:
		return CPIO_LNK;
	case TREE_CHR:
		return CPIO_CHR;
	case TREE_BLK:
		return CPIO_BLK;
	case TREE_FIFO:
		return CPIO_FIFO;
	}
	return 0;
}

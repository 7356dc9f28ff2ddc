/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "tree/layer_path.h"
#include "tree/store.h"

#include <assert.h>
#include <string.h>

static const struct tree_inode plain_dir = { .type = TREE_DIR, .mode = 0755 };

static bool is_dir(const struct tree *t, tree_id id)
{
	return store_type(store_node_of(t, id)) == TREE_DIR;
}

/* --- taking away --------------------------------------------------------------------------- */

/* True when nothing below can be from an earlier layer: the last sweep of this layer saw to it. */
static bool is_swept(const struct tree *t, tree_id id)
{
	return store_node_of(t, id)->size == t->layer;
}

/* Down to the first name that has nothing left to look at below it. */
static tree_id descend(const struct tree *t, tree_id at, bool old_only)
{
	while (is_dir(t, at) && store_node_of(t, at)->at != TREE_NONE &&
	       !(old_only && is_swept(t, at)))
		at = store_node_of(t, at)->at;
	return at;
}

/* What is below `id` has been seen to: drops it, or keeps what this layer put. */
static void settle(struct tree *t, tree_id id, bool old_only)
{
	struct tree_node *node = store_node_of(t, id);
	const bool old = !old_only || store_name(t, id)->layer < t->layer;
	const bool empty = !is_dir(t, id) || node->at == TREE_NONE;

	if (old && empty) {
		tree_name_drop(t, id);
		return;
	}
	if (old) { /* hidden itself, but it is the parent of what this layer put */
		tree_node_set(node, &plain_dir);
		tree_xattrs_clear(t, store_name(t, id)->inode);
		store_name(t, id)->layer = t->layer;
	}
	if (is_dir(t, id))
		node->size = t->layer;
}

/*
 * Removes what is below directory `top`: all of it, or what earlier layers put. Visits each name
 * once without a stack; what a sweep has left alone is not looked at again in this layer, so a
 * layer's whiteouts together cost no more than its entries and what they remove.
 */
static void sweep(struct tree *t, tree_id top, bool old_only)
{
	tree_id at = descend(t, top, old_only);

	while (at != top) {
		const tree_id next = store_name(t, at)->next;
		const tree_id parent = store_name(t, at)->parent;

		settle(t, at, old_only);
		at = next != TREE_NONE ? descend(t, next, old_only) : parent;
	}
	if (old_only)
		store_node_of(t, top)->size = t->layer;
}

void tree_remove(struct tree *t, tree_id id)
{
	assert(id != TREE_ROOT);
	if (is_dir(t, id))
		sweep(t, id, false);
	tree_name_drop(t, id);
}

void tree_layer_begin(struct tree *t)
{
	assert(t->layer < TREE_MAX_LAYERS);
	t->layer++;
	if (t->dir_linked) /* which may not be allowed any more */
		t->dir = TREE_NONE;
}

int tree_whiteout(struct tree *t, struct ss_span path, struct ss_err *err)
{
	tree_id id;

	if (path.n == 0)
		return ss_fail(err, SS_EINPUT, "a whiteout of the root directory");
	if (tree_path_check(path, err) < 0)
		return ss_ctx(err, "whiteout");
	if (tree_place_find(t, path, &id, err) < 0)
		return ss_ctx(err, "whiteout: '%s'", SS_SHOW(path));
	if (id == TREE_NONE)
		return 0;
	if (is_dir(t, id) && !is_swept(t, id))
		sweep(t, id, true);
	settle(t, id, true);
	return 0;
}

int tree_opaque(struct tree *t, struct ss_span path, struct ss_err *err)
{
	tree_id id;

	if (tree_path_check(path, err) < 0 || tree_place_find_dir(t, path, &id, err) < 0)
		return ss_ctx(err, "opaque directory");
	if (id != TREE_NONE && !is_swept(t, id))
		sweep(t, id, true);
	return 0;
}

/* --- putting ------------------------------------------------------------------------------- */

static void update_dir(struct tree *t, tree_id id, const struct tree_inode *in)
{
	tree_node_set(store_node_of(t, id), in);
	tree_xattrs_clear(t, store_name(t, id)->inode);
	store_name(t, id)->layer = t->layer;
}

static int put_new(struct tree *t, tree_id parent, struct ss_span name, const struct tree_inode *in,
		   tree_id *ret, struct ss_err *err)
{
	uint32_t no;

	if (tree_node_new(t, in, &no, err) < 0)
		return -1;
	if (tree_name_new(t, parent, name, no, ret, err) < 0) {
		tree_node_drop(t, no);
		return -1;
	}
	return 0;
}

static int check_target(const struct tree_inode *in, struct ss_err *err)
{
	if (in->type != TREE_LNK)
		return 0;
	if (in->target.n == 0)
		return ss_fail(err, SS_EINPUT, "a symbolic link without a target");
	if (memchr(in->target.p, 0, in->target.n) != NULL)
		return ss_fail(err, SS_EINPUT, "a NUL byte in the link target");
	return 0;
}

static int put_root(struct tree *t, const struct tree_inode *in, tree_id *ret_id,
		    struct ss_err *err)
{
	if (in->type != TREE_DIR)
		return ss_fail(err, SS_EINPUT, "the root directory is not a directory");
	update_dir(t, TREE_ROOT, in);
	if (ret_id != NULL)
		*ret_id = TREE_ROOT;
	return 0;
}

int tree_put(struct tree *t, struct ss_span path, const struct tree_inode *in, tree_id *ret_id,
	     struct ss_err *err)
{
	struct tree_place at;
	tree_id id;

	tree_text_squeeze(t);
	if (tree_path_check(path, err) < 0)
		return -1;
	if (path.n == 0)
		return put_root(t, in, ret_id, err);
	if (check_target(in, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(path));
	if (tree_place_make(t, path, &at, err) < 0)
		return -1;
	id = tree_child(t, at.dir, at.last);
	if (id != TREE_NONE && in->type == TREE_DIR && is_dir(t, id)) {
		update_dir(t, id, in);
	} else {
		if (id != TREE_NONE)
			tree_remove(t, id);
		if (put_new(t, at.dir, at.last, in, &id, err) < 0)
			return ss_ctx(err, "'%s'", SS_SHOW(path));
	}
	if (ret_id != NULL)
		*ret_id = id;
	return 0;
}

/* `from` is not a directory and has a link to spare, so it outlives what stands there. */
static int link_to(struct tree *t, const struct tree_place *at, uint32_t from, struct ss_err *err)
{
	tree_id id = tree_child(t, at->dir, at->last);

	if (id != TREE_NONE)
		tree_remove(t, id);
	return tree_name_new(t, at->dir, at->last, from, &id, err);
}

static int copy_link(struct tree *t, struct ss_span path, tree_id from, struct ss_err *err)
{
	uint8_t target[TREE_MAX_LINK];
	struct tree_inode in;

	tree_stat(t, from, &in);
	if (in.target.n > 0)
		memcpy(target, in.target.p, in.target.n);
	in.target.p = target;
	return tree_put(t, path, &in, NULL, err);
}

/* What a hard link is made to. */
static int find_target(struct tree *t, struct ss_span path, struct ss_span target, tree_id *ret,
		       struct ss_err *err)
{
	tree_id id;

	if (tree_place_find(t, target, &id, err) < 0)
		return ss_ctx(err, "'%s': hard link to '%s'", SS_SHOW(path), SS_SHOW(target));
	if (id == TREE_NONE)
		return ss_fail(err, SS_EINPUT, "'%s': hard link to '%s', which is not there",
			       SS_SHOW(path), SS_SHOW(target));
	if (is_dir(t, id))
		return ss_fail(err, SS_EINPUT, "'%s': hard link to '%s', which is a directory",
			       SS_SHOW(path), SS_SHOW(target));
	*ret = id;
	return 0;
}

int tree_link(struct tree *t, struct ss_span path, struct ss_span target, struct ss_err *err)
{
	struct tree_place at;
	tree_id from;
	uint32_t no;
	int rc;

	tree_text_squeeze(t);
	if (tree_path_check(path, err) < 0 || tree_path_check(target, err) < 0)
		return -1;
	if (path.n == 0)
		return ss_fail(err, SS_EINPUT, "the root directory is not a directory");
	if (find_target(t, path, target, &from, err) < 0 || tree_place_make(t, path, &at, err) < 0)
		return -1;
	if (tree_child(t, at.dir, at.last) == from) { /* maybe by another path */
		store_name(t, from)->layer = t->layer;
		return 0;
	}
	if (store_type(store_node_of(t, from)) == TREE_LNK)
		return copy_link(t, path, from, err);
	no = store_name(t, from)->inode;
	store_node(t, no)->nlink++;
	rc = link_to(t, &at, no, err);
	tree_node_drop(t, no);
	return rc < 0 ? ss_ctx(err, "'%s'", SS_SHOW(path)) : 0;
}

/* --- changing ------------------------------------------------------------------------------ */

void tree_set_body(struct tree *t, tree_id id, struct tree_body body, uint32_t size)
{
	struct tree_node *n = store_node_of(t, id);

	assert(store_type(n) == TREE_REG && body.at >> 48 == 0);
	n->source = (uint16_t)body.source;
	n->at = (uint32_t)body.at;
	n->at_hi = (uint16_t)(body.at >> 32);
	n->size = size;
}

void tree_set_inode(struct tree *t, tree_id id, uint16_t mode, uint32_t uid, uint32_t gid)
{
	struct tree_node *n = store_node_of(t, id);

	n->mode = (uint16_t)((n->mode & ~NODE_MODE) | (mode & NODE_MODE));
	n->uid = uid;
	n->gid = gid;
}

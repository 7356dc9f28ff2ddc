/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "tree/store.h"

#include <assert.h>
#include <string.h>

static const struct tree_inode plain_dir = { .type = TREE_DIR, .mode = 0755 };

static int refuse(struct ss_span path, const char *why, struct ss_err *err)
{
	return ss_fail(err, SS_EINPUT, "'%s': %s", SS_SHOW(path), why);
}

/* The first component of *path, which goes on behind the "/". */
static struct ss_span take_component(struct ss_span *path)
{
	const uint8_t *slash = path->n > 0 ? memchr(path->p, '/', path->n) : NULL;
	const size_t n = slash != NULL ? (size_t)(slash - path->p) : path->n;
	const struct ss_span c = { path->p, n };
	const size_t used = slash != NULL ? n + 1 : n;

	path->p += used;
	path->n -= used;
	return c;
}

static bool is_dots(struct ss_span c)
{
	return (c.n == 1 && c.p[0] == '.') || (c.n == 2 && c.p[0] == '.' && c.p[1] == '.');
}

static int check_path(struct ss_span path, struct ss_err *err)
{
	struct ss_span rest = path;

	if (path.n > TREE_MAX_PATH)
		return ss_fail(err, SS_ELIMIT, "'%s': a path of %zu bytes; the limit is %u",
			       SS_SHOW(path), path.n, TREE_MAX_PATH);
	if (path.n == 0)
		return 0;
	if (memchr(path.p, 0, path.n) != NULL)
		return refuse(path, "a NUL byte in the path", err);
	if (path.p[path.n - 1] == '/')
		return refuse(path, "an empty component in the path", err);
	while (rest.n > 0) {
		const struct ss_span c = take_component(&rest);

		if (c.n == 0)
			return refuse(path, "an empty component in the path", err);
		if (is_dots(c))
			return refuse(path, "'.' or '..' in the path", err);
		if (c.n > TREE_MAX_NAME)
			return ss_fail(err, SS_ELIMIT, "'%s': a name of %zu bytes; the limit is %u",
				       SS_SHOW(path), c.n, TREE_MAX_NAME);
	}
	return 0;
}

/* "a/b/c" → "a/b" and "c"; "c" → "" and "c". */
static struct ss_span split(struct ss_span path, struct ss_span *ret_last)
{
	size_t at = path.n; /* of the last component */

	while (at > 0 && path.p[at - 1] != '/')
		at--;
	*ret_last = (struct ss_span){ path.p + at, path.n - at };
	return (struct ss_span){ path.p, at > 0 ? at - 1 : 0 };
}

static bool is_dir(const struct tree *t, tree_id id)
{
	return store_type(store_node_of(t, id)) == TREE_DIR;
}

static int make_dir(struct tree *t, tree_id parent, struct ss_span name, tree_id *ret,
		    struct ss_err *err)
{
	uint32_t no;

	return tree_node_new(t, &plain_dir, &no, err) < 0
		       ? -1
		       : tree_name_new(t, parent, name, no, ret, err);
}

static void remember_dir(struct tree *t, struct ss_span dir, tree_id id)
{
	if (dir.n > 0)
		memcpy(t->dir_path, dir.p, dir.n);
	t->dir_n = dir.n;
	t->dir = id;
}

/* The directory that holds `path`, made where it is missing, parents and all. */
static int parent_of(struct tree *t, struct ss_span path, tree_id *ret, struct ss_span *ret_last,
		     struct ss_err *err)
{
	const struct ss_span dir = split(path, ret_last);
	struct ss_span rest = dir;
	tree_id at = TREE_ROOT;

	if (t->dir != TREE_NONE && t->dir_n == dir.n && memcmp(t->dir_path, dir.p, dir.n) == 0) {
		*ret = t->dir;
		return 0;
	}
	while (rest.n > 0) {
		const struct ss_span c = take_component(&rest);
		tree_id child = tree_child(t, at, c);

		if (child == TREE_NONE && make_dir(t, at, c, &child, err) < 0)
			return ss_ctx(err, "'%s'", SS_SHOW(path));
		if (!is_dir(t, child))
			return ss_fail(
				err, SS_EINPUT, "'%s': its parent '%s' is not a directory",
				SS_SHOW(path),
				SS_SHOW(((struct ss_span){ dir.p, (size_t)(c.p - dir.p) + c.n })));
		at = child;
	}
	remember_dir(t, dir, at);
	*ret = at;
	return 0;
}

tree_id tree_find(const struct tree *t, struct ss_span path)
{
	tree_id at = TREE_ROOT;

	while (path.n > 0 && at != TREE_NONE) {
		const struct ss_span c = take_component(&path);

		if (c.n == 0 || c.n > TREE_MAX_NAME || !is_dir(t, at))
			return TREE_NONE;
		at = tree_child(t, at, c);
	}
	return at;
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
}

static int find_old(const struct tree *t, struct ss_span path, tree_id *ret, struct ss_err *err)
{
	if (check_path(path, err) < 0)
		return -1;
	*ret = tree_find(t, path);
	return 0;
}

int tree_whiteout(struct tree *t, struct ss_span path, struct ss_err *err)
{
	tree_id id;

	if (path.n == 0)
		return ss_fail(err, SS_EINPUT, "a whiteout of the root directory");
	if (find_old(t, path, &id, err) < 0)
		return ss_ctx(err, "whiteout");
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

	if (find_old(t, path, &id, err) < 0)
		return ss_ctx(err, "opaque directory");
	if (id != TREE_NONE && is_dir(t, id) && !is_swept(t, id))
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
	struct ss_span last;
	tree_id parent;
	tree_id id;

	tree_text_squeeze(t);
	if (check_path(path, err) < 0)
		return -1;
	if (path.n == 0)
		return put_root(t, in, ret_id, err);
	if (check_target(in, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(path));
	if (parent_of(t, path, &parent, &last, err) < 0)
		return -1;
	id = tree_child(t, parent, last);
	if (id != TREE_NONE && in->type == TREE_DIR && is_dir(t, id)) {
		update_dir(t, id, in);
	} else {
		if (id != TREE_NONE)
			tree_remove(t, id);
		if (put_new(t, parent, last, in, &id, err) < 0)
			return ss_ctx(err, "'%s'", SS_SHOW(path));
	}
	if (ret_id != NULL)
		*ret_id = id;
	return 0;
}

/* `from` is not a directory and has a link to spare, so it outlives what stands at `path`. */
static int link_to(struct tree *t, struct ss_span path, uint32_t from, struct ss_err *err)
{
	struct ss_span last;
	tree_id parent;
	tree_id id;

	if (parent_of(t, path, &parent, &last, err) < 0)
		return -1;
	id = tree_child(t, parent, last);
	if (id != TREE_NONE)
		tree_remove(t, id);
	if (tree_name_new(t, parent, last, from, &id, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(path));
	return 0;
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

int tree_link(struct tree *t, struct ss_span path, struct ss_span target, struct ss_err *err)
{
	tree_id from;
	uint32_t no;
	int rc;

	tree_text_squeeze(t);
	if (check_path(path, err) < 0 || check_path(target, err) < 0)
		return -1;
	if (path.n == 0)
		return ss_fail(err, SS_EINPUT, "the root directory is not a directory");
	from = tree_find(t, target);
	if (from == TREE_NONE)
		return ss_fail(err, SS_EINPUT, "'%s': hard link to '%s', which is not there",
			       SS_SHOW(path), SS_SHOW(target));
	if (is_dir(t, from))
		return ss_fail(err, SS_EINPUT, "'%s': hard link to '%s', which is a directory",
			       SS_SHOW(path), SS_SHOW(target));
	if (path.n == target.n && memcmp(path.p, target.p, path.n) == 0) {
		store_name(t, from)->layer = t->layer;
		return 0;
	}
	if (store_type(store_node_of(t, from)) == TREE_LNK)
		return copy_link(t, path, from, err);
	no = store_name(t, from)->inode;
	store_node(t, no)->nlink++;
	rc = link_to(t, path, no, err);
	tree_node_drop(t, no);
	return rc;
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

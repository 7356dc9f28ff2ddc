/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/layer_path.h"

#include "base/show.h"
#include "tree/resolve.h"
#include "tree/store.h"

#include <assert.h>
#include <string.h>

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

int tree_path_check(struct ss_span path, struct ss_err *err)
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
		if (tree_is_dot(c) || tree_is_dot_dot(c))
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

void tree_refuse_links(struct tree *t)
{
	t->refuse_links = true;
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

/* --- the way to an entry ------------------------------------------------------------------- */

/* A directory, its path's length, and whether a link lay on the way. */
struct dir {
	tree_id id;
	size_t n;
	bool linked;
};

static int make_dir(struct tree *t, tree_id parent, struct ss_span name, tree_id *ret,
		    struct ss_err *err)
{
	static const struct tree_inode plain = { .type = TREE_DIR, .mode = 0755 };
	uint32_t no;

	return tree_node_new(t, &plain, &no, err) < 0
		       ? -1
		       : tree_name_new(t, parent, name, no, ret, err);
}

static size_t path_length(const struct tree *t, tree_id id)
{
	size_t n = 0;

	for (; id != TREE_ROOT; id = store_name(t, id)->parent)
		n += store_name(t, id)->len + (n > 0 ? 1u : 0u);
	return n;
}

static int check_room(size_t dir_n, struct ss_span name, struct ss_err *err)
{
	const size_t n = dir_n + (dir_n > 0 ? 1 : 0) + name.n;

	if (n > TREE_MAX_PATH)
		return ss_fail(err, SS_ELIMIT,
			       "a path of %zu bytes behind symbolic links; the limit is %u", n,
			       TREE_MAX_PATH);
	return 0;
}

/* --- through links ------------------------------------------------------------------------- */

/* A walk that has met a link. */
struct following {
	struct tree *t;
	struct ss_span dir; /* the whole of it */
	bool make;
	struct tree_todo todo;
	size_t own;   /* the last bytes of `todo` that are of `dir`, not of a link's target */
	tree_id link; /* the last one that `dir` itself names; TREE_NONE before the first */
	unsigned hops;
	tree_id at; /* TREE_NONE: there is nothing */
};

/* `dir` up to where the walk is in it. */
static struct ss_span walked(const struct following *f)
{
	const size_t left = f->todo.n - f->todo.at;

	return (struct ss_span){ f->dir.p, f->dir.n - (left < f->own ? left : f->own) };
}

static int blame_link(const struct following *f, enum ss_code code, const char *what,
		      struct ss_err *err)
{
	struct tree_inode in;

	tree_stat(f->t, f->link, &in);
	return ss_fail(err, code, "its parent '%s' is a link to '%s', which %s", SS_SHOW(walked(f)),
		       SS_SHOW(in.target), what);
}

static int go_up(struct following *f, struct ss_err *err)
{
	if (f->at == TREE_ROOT)
		return blame_link(f, SS_EINPUT, "leaves the root", err);
	f->at = store_name(f->t, f->at)->parent;
	return 0;
}

/* `c` is missing: it is made if the entry names it, but no link is led to something by us. */
static int go_nowhere(struct following *f, struct ss_span c, bool own, struct ss_err *err)
{
	tree_id id = TREE_NONE;

	if (f->make && !own)
		return blame_link(f, SS_EINPUT, "is not there", err);
	if (f->make && (check_room(path_length(f->t, f->at), c, err) < 0 ||
			make_dir(f->t, f->at, c, &id, err) < 0))
		return -1;
	f->at = id;
	return 0;
}

static int go_through(struct following *f, tree_id link, bool own, struct ss_err *err)
{
	struct tree_inode in;

	tree_stat(f->t, link, &in);
	if (own) {
		f->link = link;
		f->own = f->todo.n - f->todo.at;
	}
	if (f->t->refuse_links && store_name(f->t, link)->layer < f->t->layer)
		return blame_link(f, SS_EINPUT, "not all engines follow", err);
	if (++f->hops > TREE_MAX_HOPS)
		return blame_link(f, SS_EINPUT, "leads through more than 40 links", err);
	if (!tree_todo_add(&f->todo, in.target))
		return blame_link(f, SS_ELIMIT, "makes its path too long", err);
	if (in.target.p[0] == '/')
		f->at = TREE_ROOT;
	return 0;
}

static int go_down(struct following *f, struct ss_span c, bool own, struct ss_err *err)
{
	const tree_id id = c.n > TREE_MAX_NAME ? TREE_NONE : tree_child(f->t, f->at, c);

	if (id == TREE_NONE)
		return go_nowhere(f, c, own, err);
	if (store_type(store_node_of(f->t, id)) == TREE_LNK)
		return go_through(f, id, own, err);
	if (!is_dir(f->t, id)) {
		f->at = TREE_NONE;
		if (!f->make)
			return 0;
		return own ? ss_fail(err, SS_EINPUT, "its parent '%s' is not a directory",
				     SS_SHOW(walked(f)))
			   : blame_link(f, SS_EINPUT, "is not a directory", err);
	}
	f->at = id;
	return 0;
}

static int step(struct following *f, struct ss_span c, struct ss_err *err)
{
	/* Does it begin in what is the entry's own? */
	const bool own = f->todo.n - f->todo.at + c.n <= f->own;

	if (f->t->link_steps++ >= TREE_MAX_LINK_STEPS)
		return ss_fail(err, SS_ELIMIT, "links lead through more than %u names in all",
			       TREE_MAX_LINK_STEPS);
	if (tree_is_dot(c))
		return 0;
	return tree_is_dot_dot(c) ? go_up(f, err) : go_down(f, c, own, err);
}

/* From the root once more, now with an eye on links; what is made already is found. */
static int follow(struct tree *t, struct ss_span dir, bool make, struct dir *ret,
		  struct ss_err *err)
{
	struct following f = {
		.t = t, .dir = dir, .make = make, .own = dir.n, .link = TREE_NONE, .at = TREE_ROOT
	};
	bool more = tree_todo_add(&f.todo, dir);

	assert(more); /* the path has been checked */
	while (more && f.at != TREE_NONE) {
		const struct ss_span c = tree_todo_next(&f.todo);

		more = c.n > 0;
		if (more && step(&f, c, err) < 0)
			return -1;
	}
	*ret = (struct dir){ f.at, f.at != TREE_NONE ? path_length(t, f.at) : 0, true };
	return 0;
}

/* --- without ------------------------------------------------------------------------------- */

/* The directory `dir`; ret->id is TREE_NONE if there is none and none is to be made. */
static int find_dir(struct tree *t, struct ss_span dir, bool make, struct dir *ret,
		    struct ss_err *err)
{
	struct ss_span rest = dir;
	tree_id at = TREE_ROOT;

	while (rest.n > 0 && at != TREE_NONE) {
		const struct ss_span c = take_component(&rest);
		tree_id child = tree_child(t, at, c);

		if (child == TREE_NONE && make && make_dir(t, at, c, &child, err) < 0)
			return -1;
		if (child != TREE_NONE && !is_dir(t, child)) {
			if (store_type(store_node_of(t, child)) == TREE_LNK)
				return follow(t, dir, make, ret, err);
			if (make)
				return ss_fail(err, SS_EINPUT, "its parent '%s' is not a directory",
					       SS_SHOW(((struct ss_span){
						       dir.p, (size_t)(c.p - dir.p) + c.n })));
			child = TREE_NONE;
		}
		at = child;
	}
	*ret = (struct dir){ at, dir.n, false };
	return 0;
}

static void remember(struct tree *t, struct ss_span dir, const struct dir *d)
{
	if (dir.n > 0)
		memcpy(t->dir_path, dir.p, dir.n);
	t->dir_n = dir.n;
	t->dir = d->id;
	t->dir_real_n = d->n;
	t->dir_linked = d->linked;
}

int tree_place_make(struct tree *t, struct ss_span path, struct tree_place *ret, struct ss_err *err)
{
	const struct ss_span dir = split(path, &ret->last);
	struct dir d;

	if (t->dir == TREE_NONE || t->dir_n != dir.n || memcmp(t->dir_path, dir.p, dir.n) != 0) {
		if (find_dir(t, dir, true, &d, err) < 0)
			return ss_ctx(err, "'%s'", SS_SHOW(path));
		remember(t, dir, &d);
	}
	if (check_room(t->dir_real_n, ret->last, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(path));
	ret->dir = t->dir;
	return 0;
}

int tree_place_find(struct tree *t, struct ss_span path, tree_id *ret, struct ss_err *err)
{
	struct ss_span last;
	const struct ss_span dir = split(path, &last);
	struct dir d;

	*ret = TREE_ROOT;
	if (path.n == 0)
		return 0;
	if (find_dir(t, dir, false, &d, err) < 0)
		return -1;
	*ret = d.id == TREE_NONE ? TREE_NONE : tree_child(t, d.id, last);
	return 0;
}

int tree_place_find_dir(struct tree *t, struct ss_span path, tree_id *ret, struct ss_err *err)
{
	struct dir d;

	if (find_dir(t, path, false, &d, err) < 0)
		return -1;
	*ret = d.id;
	return 0;
}

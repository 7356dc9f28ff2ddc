/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A second, naive tree: a list of full paths, every rule spelled out with string comparison; links
 * are followed by recursion. A stream of bytes is played as operations on both; they must agree.
 * Used by the property test and by the fuzz target.
 */
#include "tree/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MAX 600 /* more names than a run makes, nearly always: it stops before */
/* Four names of a path and two of each of 40 links; a name has three bytes and its "/". */
#define MODEL_PATH 352
#define MODEL_HOPS 40

struct model_node {
	enum tree_type type;
	uint16_t mode;
	uint32_t uid;
	uint32_t size;
	int64_t mtime;
	char target[16];
	bool xattr;
};

struct model_name {
	size_t n; /* of the path */
	char path[MODEL_PATH];
	size_t node;
	int layer;
};

struct model {
	struct model_name v[MODEL_MAX];
	size_t n;
	struct model_node nodes[2560];
	size_t n_nodes;
	struct model_node root;
	int layer;
};

#define MODEL_REQUIRE(x)                                                                           \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);              \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const struct model_node plain = { .type = TREE_DIR, .mode = 0755 };

static inline struct ss_span model_span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static inline struct model_name *model_find(struct model *m, const char *path)
{
	const size_t n = strlen(path);

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].n == n && memcmp(m->v[i].path, path, n) == 0)
			return &m->v[i];
	return NULL;
}

static inline bool model_is_below(const struct model_name *e, const char *dir, size_t n)
{
	return n == 0 || (e->n > n && e->path[n] == '/' && memcmp(e->path, dir, n) == 0);
}

static inline void model_drop_at(struct model *m, size_t i)
{
	m->v[i] = m->v[--m->n];
}

static inline void model_drop(struct model *m, const char *path)
{
	char p[MODEL_PATH];
	size_t n;

	(void)snprintf(p, sizeof(p), "%s", path);
	n = strlen(p);
	for (size_t i = m->n; i-- > 0;)
		if ((m->v[i].n == n && memcmp(m->v[i].path, p, n) == 0) ||
		    model_is_below(&m->v[i], p, n))
			model_drop_at(m, i);
}

static inline void model_add(struct model *m, const char *path, size_t node)
{
	MODEL_REQUIRE(m->n < MODEL_MAX);
	(void)snprintf(m->v[m->n].path, sizeof(m->v[m->n].path), "%s", path);
	m->v[m->n].n = strlen(path);
	m->v[m->n].node = node;
	m->v[m->n++].layer = m->layer;
}

static inline size_t model_node_new(struct model *m, struct model_node n)
{
	MODEL_REQUIRE(m->n_nodes < SS_NELEMS(m->nodes));
	m->nodes[m->n_nodes] = n;
	return m->n_nodes++;
}

enum model_way { MODEL_THERE, MODEL_ABSENT, MODEL_NO };

static inline void model_join(const char *dir, const char *name, char *ret)
{
	const size_t n = strlen(dir);

	MODEL_REQUIRE(n + 1 + strlen(name) < MODEL_PATH);
	memcpy(ret, dir, n);
	strcpy(ret + n + (n > 0), name);
	if (n > 0)
		ret[n] = '/';
}

/* A walk from the root along names and through links. */
struct model_walk {
	char at[MODEL_PATH];
	unsigned hops;
	bool make; /* names of the path itself, where they are missing */
	bool own;  /* those, not a link's */
};

static inline enum model_way model_enter(struct model *m, struct model_walk *w, const char *path);

static inline enum model_way model_enter_link(struct model *m, struct model_walk *w,
					      const char *target)
{
	const bool own = w->own;
	enum model_way way;

	if (++w->hops > MODEL_HOPS)
		return MODEL_NO;
	if (target[0] == '/')
		w->at[0] = '\0';
	w->own = false;
	way = model_enter(m, w, target);
	w->own = own;
	return way;
}

/* One name further: w->at becomes the directory there. */
static inline enum model_way model_enter_name(struct model *m, struct model_walk *w,
					      const char *name)
{
	char *slash = strrchr(w->at, '/');
	char full[MODEL_PATH];
	const struct model_name *e;

	if (strcmp(name, ".") == 0)
		return MODEL_THERE;
	if (strcmp(name, "..") == 0) {
		if (w->at[0] == '\0')
			return MODEL_NO;
		*(slash != NULL ? slash : w->at) = '\0';
		return MODEL_THERE;
	}
	model_join(w->at, name, full);
	e = model_find(m, full);
	if (e != NULL && m->nodes[e->node].type == TREE_LNK)
		return model_enter_link(m, w, m->nodes[e->node].target);
	if (e != NULL && m->nodes[e->node].type != TREE_DIR)
		return w->make ? MODEL_NO : MODEL_ABSENT;
	if (e == NULL && !(w->make && w->own))
		return w->make ? MODEL_NO : MODEL_ABSENT;
	if (e == NULL)
		model_add(m, full, model_node_new(m, plain));
	memcpy(w->at, full, sizeof(w->at));
	return MODEL_THERE;
}

static inline enum model_way model_enter(struct model *m, struct model_walk *w, const char *path)
{
	enum model_way way = MODEL_THERE;

	while (*path != '\0' && way == MODEL_THERE) {
		const size_t n = strcspn(path, "/");
		char name[8];

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		if (n > 0)
			way = model_enter_name(m, w, name);
		path += path[n] == '/' ? n + 1 : n;
	}
	return way;
}

/* Where `path` really lies, its parents followed and, if told so, made. */
static inline enum model_way model_place(struct model *m, const char *path, bool make, char *ret)
{
	struct model_walk w = { .make = make, .own = true };
	const char *slash = strrchr(path, '/');
	char dir[MODEL_PATH];
	enum model_way way;

	(void)snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
	way = model_enter(m, &w, dir);
	model_join(w.at, slash != NULL ? slash + 1 : path, ret);
	return way;
}

/* *ret: where it is now. */
static inline bool model_put(struct model *m, const char *path, struct model_node n, char *ret)
{
	struct model_name *e;

	ret[0] = '\0';
	if (path[0] == '\0') {
		if (n.type == TREE_DIR)
			m->root = n;
		return n.type == TREE_DIR;
	}
	if (model_place(m, path, true, ret) != MODEL_THERE)
		return false;
	e = model_find(m, ret);
	if (e != NULL && n.type == TREE_DIR && m->nodes[e->node].type == TREE_DIR) {
		m->nodes[e->node] = n;
		e->layer = m->layer;
		return true;
	}
	model_drop(m, ret);
	model_add(m, ret, model_node_new(m, n));
	return true;
}

static inline bool model_link(struct model *m, const char *path, const char *target)
{
	const struct model_name *from;
	char real[MODEL_PATH];
	size_t node;

	if (path[0] == '\0' || model_place(m, target, false, real) != MODEL_THERE)
		return false;
	from = model_find(m, real);
	if (from == NULL || m->nodes[from->node].type == TREE_DIR)
		return false;
	node = from->node;
	if (model_place(m, path, true, real) != MODEL_THERE)
		return false;
	if (strcmp(real, from->path) == 0) {
		m->v[from - m->v].layer = m->layer;
		return true;
	}
	model_drop(m, real);
	if (m->nodes[node].type == TREE_LNK) {
		node = model_node_new(m, m->nodes[node]);
		m->nodes[node].xattr = false;
	}
	model_add(m, real, node);
	return true;
}

static inline bool model_has_new_below(const struct model *m, const struct model_name *e)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].layer == m->layer && model_is_below(&m->v[i], e->path, e->n))
			return true;
	return false;
}

/* Hides what earlier layers put below `dir`, and `dir` itself if told so. A directory that has
 * become a parent of what this layer put stays, bare. */
static inline void model_hide(struct model *m, const char *dir, bool itself)
{
	bool bare[MODEL_MAX] = { 0 };
	char top[MODEL_PATH];
	size_t n;

	(void)snprintf(top, sizeof(top), "%s", dir);
	n = strlen(top);
	for (size_t i = m->n; i-- > 0;) {
		const struct model_name *e = &m->v[i];

		if (!(model_is_below(e, top, n) || (itself && strcmp(e->path, top) == 0)) ||
		    e->layer == m->layer)
			continue;
		if (model_has_new_below(m, e)) {
			bare[i] = true;
			continue;
		}
		bare[i] = bare[m->n - 1];
		model_drop_at(m, i);
	}
	for (size_t i = 0; i < m->n; i++) {
		if (bare[i]) {
			m->nodes[m->v[i].node] = plain;
			m->v[i].layer = m->layer;
		}
	}
}

static inline bool model_whiteout(struct model *m, const char *path)
{
	char real[MODEL_PATH];
	const enum model_way way = model_place(m, path, false, real);

	if (path[0] == '\0' || way == MODEL_NO)
		return false;
	if (way == MODEL_THERE && model_find(m, real) != NULL)
		model_hide(m, real, true);
	return true;
}

static inline bool model_opaque(struct model *m, const char *path)
{
	struct model_walk w = { .own = true };
	const enum model_way way = model_enter(m, &w, path);

	if (way == MODEL_THERE)
		model_hide(m, w.at, false);
	return way != MODEL_NO;
}

/* "a" < "a/b" < "a-b": "/" comes before every byte of a name. */
static inline int model_order(const void *a, const void *b)
{
	const char *x = ((const struct model_name *)a)->path;
	const char *y = ((const struct model_name *)b)->path;

	for (;; x++, y++) {
		const int c = *x == '/' ? 1 : *x == '\0' ? 0 : (uint8_t)*x + 1;
		const int d = *y == '/' ? 1 : *y == '\0' ? 0 : (uint8_t)*y + 1;

		if (c != d || c == 0)
			return c - d;
	}
}

static inline void model_compare_node(const struct tree *t, tree_id id, const struct model_node *n,
				      uint32_t nlink)
{
	struct tree_xattr x;
	struct tree_inode in;

	tree_stat(t, id, &in);
	MODEL_REQUIRE(in.type == n->type && in.mode == n->mode && in.uid == n->uid);
	MODEL_REQUIRE(in.mtime == n->mtime && in.nlink == nlink);
	MODEL_REQUIRE(in.type != TREE_REG || in.size == n->size);
	MODEL_REQUIRE(in.type != TREE_LNK || (in.target.n == strlen(n->target) &&
					      memcmp(in.target.p, n->target, in.target.n) == 0));
	MODEL_REQUIRE(tree_xattr(t, id, 0, &x) == n->xattr);
}

static inline void model_compare(struct model *m, struct tree *t)
{
	struct tree_walk w;
	uint32_t number[SS_NELEMS(m->nodes)];

	memset(number, 0xff, sizeof(number));
	qsort(m->v, m->n, sizeof(m->v[0]), model_order);
	tree_sort(t);
	tree_walk_init(&w, t);
	MODEL_REQUIRE(tree_count(t) == m->n);
	model_compare_node(t, TREE_ROOT, &m->root, 1);
	for (size_t i = 0; i < m->n; i++) {
		const struct model_name *e = &m->v[i];
		const tree_id id = tree_walk_next(&w);
		uint8_t buf[TREE_MAX_PATH];
		struct ss_span path;
		uint32_t nlink = 0;

		MODEL_REQUIRE(id != TREE_NONE && w.path_n == strlen(e->path));
		MODEL_REQUIRE(memcmp(w.path, e->path, w.path_n) == 0);
		path = tree_path(t, id, buf);
		MODEL_REQUIRE(path.n == w.path_n && memcmp(path.p, w.path, path.n) == 0);
		MODEL_REQUIRE(tree_find(t, path) == id);
		for (size_t j = 0; j < m->n; j++)
			nlink += m->v[j].node == e->node;
		model_compare_node(t, id, &m->nodes[e->node], nlink);
		if (number[e->node] == UINT32_MAX)
			number[e->node] = tree_inode_no(t, id);
		MODEL_REQUIRE(number[e->node] == tree_inode_no(t, id));
		for (size_t j = 0; j < e->node; j++)
			MODEL_REQUIRE(number[j] != number[e->node] || number[j] == UINT32_MAX);
	}
	MODEL_REQUIRE(tree_walk_next(&w) == TREE_NONE && tree_walk_next(&w) == TREE_NONE);
}

/* Takes a path of up to four short components from the stream. */
static inline void model_take_path(struct ss_cur *c, char *ret)
{
	static const char *const names[] = { "a", "b", "a-b", "\xff", "a.b", "ab", "A", "zz" };
	const unsigned depth = ss_cur_u8(c) % 5;
	uint8_t b;

	ret[0] = '\0';
	for (unsigned i = 0; i < depth; i++) {
		if (i > 0)
			strcat(ret, "/");
		/* Two of them most of the time, so that paths meet. */
		b = ss_cur_u8(c);
		strcat(ret, names[b % (b < 192 ? 2 : SS_NELEMS(names))]);
	}
}

static inline void model_play_put(struct model *m, struct tree *t, struct ss_cur *c,
				  const char *path)
{
	static const enum tree_type types[] = { TREE_DIR,  TREE_REG, TREE_LNK, TREE_CHR,
						TREE_FIFO, TREE_BLK, TREE_DIR, TREE_LNK };
	static const char *const targets[] = { "a",       "b",        "../a", "/",
					       "/a/b",    "a/b",      "..",   "zz",
					       "../../b", "./A//",    "/a-b", "/zz/A",
					       "../..",   "ab/../a/", "b/.",  "/nowhere" };
	const uint8_t b = ss_cur_u8(c);
	struct model_node n = { .type = types[b % 8],
				.mode = (uint16_t)(b * 37 & 07777),
				.uid = b };
	struct tree_inode in = { .type = n.type, .mode = n.mode, .uid = n.uid };
	struct ss_err err = { 0 };
	tree_id id = TREE_NONE;
	char real[MODEL_PATH];

	n.mtime = in.mtime = (int64_t)(b % 2 ? -1 : 1) * ((int64_t)b << 30);
	if (n.type == TREE_REG)
		in.size = n.size = b;
	if (n.type == TREE_LNK) {
		(void)snprintf(n.target, sizeof(n.target), "%s", targets[b / 8 % 16]);
		in.target = model_span(n.target);
	}
	n.xattr = b % 5 == 0;
	if (!model_put(m, path, n, real)) {
		MODEL_REQUIRE(tree_put(t, model_span(path), &in, &id, &err) < 0);
		MODEL_REQUIRE(err.code == SS_EINPUT && err.msg[0] != '\0');
		return;
	}
	MODEL_REQUIRE(tree_put(t, model_span(path), &in, &id, &err) == 0);
	MODEL_REQUIRE(id == tree_find(t, model_span(real)));
	if (n.xattr)
		MODEL_REQUIRE(tree_xattr_set(t, id, model_span("security.capability"),
					     model_span("x"), &err) == 0);
}

static inline void model_play_one(struct model *m, struct tree *t, struct ss_cur *c)
{
	const uint8_t op = ss_cur_u8(c) % 16;
	struct ss_err err = { 0 };
	char path[40];
	char other[40];

	model_take_path(c, path);
	if (op < 8) {
		model_play_put(m, t, c, path);
	} else if (op < 10) {
		model_take_path(c, other);
		MODEL_REQUIRE((tree_link(t, model_span(path), model_span(other), &err) == 0) ==
			      model_link(m, path, other));
	} else if (op < 12) {
		MODEL_REQUIRE((tree_whiteout(t, model_span(path), &err) == 0) ==
			      model_whiteout(m, path));
	} else if (op < 13) {
		MODEL_REQUIRE((tree_opaque(t, model_span(path), &err) == 0) ==
			      model_opaque(m, path));
	} else if (op < 14) {
		tree_layer_begin(t);
		m->layer++;
	} else if (op < 15) {
		if (path[0] != '\0' && tree_find(t, model_span(path)) != TREE_NONE) {
			MODEL_REQUIRE(model_find(m, path) != NULL);
			tree_remove(t, tree_find(t, model_span(path)));
			model_drop(m, path);
		}
	} else {
		tree_sort(t); /* between changes: it must not matter */
	}
}

/* Plays up to 300 operations. */
static inline void model_play(struct ss_span bytes)
{
	struct ss_cur c = ss_cur_init(bytes);
	struct model *m = calloc(1, sizeof(*m));
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	uint32_t source;

	MODEL_REQUIRE(m != NULL);
	MODEL_REQUIRE(tree_source_add(t, open("/dev/null", O_RDONLY | O_CLOEXEC), &source, &err) ==
			      0 &&
		      source == 0);
	m->root = plain;
	for (size_t i = 0; i < 300 && ss_cur_left(&c) > 0 && m->n < MODEL_MAX - 8; i++)
		model_play_one(m, t, &c);
	model_compare(m, t);
	tree_free(t);
	free(m);
}

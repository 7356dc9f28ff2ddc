/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/sort.h"
#include "base/text.h"
#include "fmt/json.h"
#include "tree/edit.h"
#include "tree/store.h"

#include <string.h>

/*
 * What installers of Python packages write beside them: NAME.dist-info/RECORD (one line a file:
 * path, digest, size) and direct_url.json (PEP 610: where the package was taken from). The order of
 * a RECORD means nothing; it is sorted, and digests of .pyc files that pyc-times changed or removed
 * go, as pip itself writes none. A signed RECORD (RECORD.jws, RECORD.p7s) is left alone.
 */
#define RECORD_MAX ((size_t)8 * 1024 * 1024) /* in memory; larger ones are left alone */
#define URL_MAX ((size_t)64 * 1024)

struct record {
	struct tree *t;
	tree_id id;
	struct ss_buf in;
	struct ss_span *lines;
	size_t n;
};

static void record_done(struct record *r)
{
	ss_buf_done(&r->in);
	free(r->lines);
}

static bool is_in_dist_info(const struct tree *t, tree_id id, const char *name)
{
	static const char end[] = ".dist-info";
	const tree_id dir = store_name(t, id)->parent;
	const size_t n = sizeof(end) - 1;
	struct ss_span s;

	if (dir == TREE_NONE || dir == TREE_ROOT)
		return false;
	s = tree_name(t, id);
	if (s.n != strlen(name) || memcmp(s.p, name, s.n) != 0 ||
	    store_type(store_node_of(t, id)) != TREE_REG)
		return false;
	s = tree_name(t, dir);
	return s.n > n && memcmp(s.p + s.n - n, end, n) == 0;
}

static bool is_signed(const struct tree *t, tree_id dir)
{
	return tree_child(t, dir, ss_text("RECORD.jws")) != TREE_NONE ||
	       tree_child(t, dir, ss_text("RECORD.p7s")) != TREE_NONE;
}

/* A field in quotes may hold the end of a line: then what is a line is not known here. */
static bool has_odd_quotes(struct ss_span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '"';
	return n % 2 != 0;
}

/* Equal lines stay in their order, which nobody can see. */
static int by_bytes(const void *a, const void *b)
{
	const struct ss_span *x = a, *y = b;
	const int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	if (c != 0)
		return c;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->p < y->p ? -1 : x->p > y->p; /* of one buffer */
}

/* *ret_ok = false: too large, or of another form. */
static int load(struct record *r, bool *ret_ok, struct ss_err *err)
{
	const uint32_t size = store_node_of(r->t, r->id)->size;
	size_t cap = 0;

	*ret_ok = false;
	if (size == 0 || size > RECORD_MAX)
		return 0;
	r->in.p = ss_calloc(size, 1);
	r->in.n = r->in.cap = r->in.max = size;
	if (tree_read(r->t, r->id, 0, r->in.p, size, err) < 0)
		return -1;
	for (size_t at = 0; at < size;) {
		const uint8_t *end = memchr(r->in.p + at, '\n', size - at);
		const size_t n = end != NULL ? (size_t)(end - r->in.p) - at : size - at;
		const struct ss_span line = { r->in.p + at, n };

		if (has_odd_quotes(line))
			return 0;
		if (r->n == cap) {
			cap = cap > 0 ? 2 * cap : 64;
			r->lines = ss_reallocarray(r->lines, cap, sizeof(*r->lines));
		}
		r->lines[r->n++] = line;
		at += n + 1;
	}
	*ret_ok = true;
	return 0;
}

enum fate { STAYS, GOES, LOSES_DIGEST };

/* Of a line about a .pyc file with a digest. *ret_n: up to and with the path's comma. */
static enum fate fate_of(const struct record *r, struct ss_span line, size_t *ret_n)
{
	const uint8_t *comma = memchr(line.p, ',', line.n);
	const size_t n = comma != NULL ? (size_t)(comma - line.p) : 0;
	const tree_id site = store_name(r->t, store_name(r->t, r->id)->parent)->parent;
	uint8_t buf[TREE_MAX_PATH];
	uint8_t path[2 * TREE_MAX_PATH];
	struct ss_span dir;
	tree_id id;

	if (n < 5 || n >= TREE_MAX_PATH || memcmp(comma - 4, ".pyc", 4) != 0 || line.p[0] == '"' ||
	    line.p[0] == '/' || n + 1 >= line.n || comma[1] == ',')
		return STAYS;
	*ret_n = n + 1;
	dir = tree_path(r->t, site, buf);
	if (dir.n > 0)
		memcpy(path, dir.p, dir.n);
	path[dir.n] = '/';
	memcpy(path + dir.n + 1, line.p, n);
	id = tree_resolve(r->t, (struct ss_span){ path, dir.n + 1 + n });
	if (id == TREE_NONE)
		return GOES;
	return (store_node_of(r->t, id)->source & NODE_PATCHED) != 0 ? LOSES_DIGEST : STAYS;
}

/* "NAME.dist-info/direct_url.json," */
static bool is_about_url(const struct record *r, struct ss_span line)
{
	static const char file[] = "/direct_url.json,";
	const struct ss_span dir = tree_name(r->t, store_name(r->t, r->id)->parent);
	const size_t n = sizeof(file) - 1;

	return line.n >= dir.n + n && memcmp(line.p, dir.p, dir.n) == 0 &&
	       memcmp(line.p + dir.n, file, n) == 0;
}

static void compose(const struct record *r, bool drop_url, struct ss_buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		struct ss_span line = r->lines[i];
		size_t n = 0;
		const enum fate f = fate_of(r, line, &n);

		if (f == GOES || (drop_url && is_about_url(r, line)))
			continue;
		if (f == LOSES_DIGEST)
			line.n = n;
		ss_buf_put(out, line);
		ss_buf_put(out, ss_text(f == LOSES_DIGEST ? ",\n" : "\n"));
	}
	if (r->in.p[r->in.n - 1] != '\n' && out->n > 0)
		out->n--;
}

/* *ret_changed: the RECORD has other bytes now. *ret_ok = false: it is left alone. */
static int rewrite(struct tree *t, tree_id id, bool sort, bool drop_url, bool *ret_changed,
		   bool *ret_ok, struct ss_err *err)
{
	SS_CLEANUP(record_done) struct record r = { .t = t, .id = id };
	AUTO_BUF struct ss_buf out = SS_BUF_INIT(RECORD_MAX + 2);
	struct tree_body body;

	*ret_changed = false;
	if (load(&r, ret_ok, err) < 0)
		return -1;
	if (!*ret_ok)
		return 0;
	if (sort)
		ss_sort(r.lines, r.n, sizeof(*r.lines), by_bytes);
	compose(&r, drop_url, &out);
	if (out.n == r.in.n && memcmp(out.p, r.in.p, out.n) == 0)
		return 0;
	*ret_ok = !is_signed(t, store_name(t, id)->parent);
	if (!*ret_ok)
		return 0;
	if (ss_buf_check(&out, "RECORD", err) < 0 ||
	    tree_body_new(t, ss_buf_span(&out), &body, err) < 0)
		return -1;
	tree_set_body(t, id, body, (uint32_t)out.n);
	*ret_changed = true;
	return 0;
}

int tree_fix_records(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	(void)epoch;
	for (tree_id id = 1; id < t->n_names; id++) {
		bool changed, ok;

		if (!is_in_dist_info(t, id, "RECORD") || store_node_of(t, id)->size == 0)
			continue;
		if (rewrite(t, id, true, false, &changed, &ok, err) < 0)
			return -1;
		n->changed += changed;
		n->kept += !ok;
	}
	return 0;
}

/* --- direct_url.json -------------------------------------------------------------------------- */

/* A place on the machine of the build: no package that is edited in place, and no repository. */
static int is_local(struct tree *t, tree_id id, bool *ret, struct ss_err *err)
{
	const uint32_t size = store_node_of(t, id)->size;
	AUTO_FREE uint8_t *p = NULL;
	AUTO_JSON json_t *j = NULL;
	struct ss_err no = { 0 };
	const char *url = NULL;
	const json_t *info = NULL;

	*ret = false;
	if (size > URL_MAX)
		return 0;
	p = ss_calloc((size_t)size + 1, 1);
	if (tree_read(t, id, 0, p, size, err) < 0)
		return -1;
	if (js_read((struct ss_span){ p, size }, URL_MAX, "direct_url.json", &j, &no) < 0 ||
	    !json_is_object(j) || js_str(j, "url", false, &url, &no) < 0 ||
	    js_obj(j, "dir_info", false, &info, &no) < 0)
		return 0;
	*ret = url != NULL && strncmp(url, "file:", 5) == 0 &&
	       !(info != NULL && json_is_true(json_object_get(info, "editable")));
	return 0;
}

int tree_fix_urls(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	(void)epoch;
	for (tree_id id = 1; id < t->n_names; id++) {
		tree_id record;
		bool local, changed, ok = true;

		if (!is_in_dist_info(t, id, "direct_url.json"))
			continue;
		if (is_local(t, id, &local, err) < 0)
			return -1;
		if (!local)
			continue;
		record = tree_child(t, store_name(t, id)->parent, ss_text("RECORD"));
		if (record != TREE_NONE && is_in_dist_info(t, record, "RECORD") &&
		    store_node_of(t, record)->size > 0 &&
		    rewrite(t, record, false, true, &changed, &ok, err) < 0)
			return -1;
		n->kept += !ok;
		if (!ok)
			continue;
		tree_remove(t, id);
		n->changed++;
	}
	return 0;
}

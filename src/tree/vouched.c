/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/text.h"
#include "tree/edit.h"
#include "tree/store.h"

#include <string.h>

#define BLOCK ((size_t)64 * 1024)
#define LINE_MAX_N ((size_t)3 * TREE_MAX_PATH) /* longer ones are passed over */

/* One list, line by line. */
struct list {
	struct tree *t;
	tree_id dir; /* what its paths are relative to */
	void (*line)(struct list *l, struct ss_span line);
	uint8_t folder[TREE_MAX_PATH]; /* apk's, of the names that follow */
	size_t folder_n;
	tree_id last; /* apk's, of the digest that follows */
};

static void mark(struct tree *t, tree_id id)
{
	if (id != TREE_NONE && store_type(store_node_of(t, id)) == TREE_REG)
		store_node_of(t, id)->source |= NODE_VOUCHED;
}

static int each_line(struct list *l, tree_id id, struct ss_err *err)
{
	AUTO_FREE uint8_t *p = ss_calloc(BLOCK, 1);
	const uint32_t size = store_node_of(l->t, id)->size;
	bool skip = false; /* inside a line that is too long */
	size_t have = 0;

	for (uint64_t at = 0; at < size || have > 0;) {
		const size_t room = BLOCK - have;
		const size_t n = size - at < room ? (size_t)(size - at) : room;
		size_t from = 0;

		if (tree_read(l->t, id, at, p + have, n, err) < 0)
			return -1;
		at += n;
		have += n;
		for (const uint8_t *end; (end = memchr(p + from, '\n', have - from)) != NULL;) {
			if (!skip)
				l->line(l, (struct ss_span){ p + from, (size_t)(end - p) - from });
			skip = false;
			from = (size_t)(end - p) + 1;
		}
		if (at == size) { /* a last line without its end */
			if (!skip && have > from)
				l->line(l, (struct ss_span){ p + from, have - from });
			return 0;
		}
		skip = skip || have - from > LINE_MAX_N;
		have = skip ? 0 : have - from;
		memmove(p, p + from, have);
	}
	return 0;
}

/* 32 digits, two spaces, a path from the root. */
static void md5sums_line(struct list *l, struct ss_span s)
{
	if (s.n > 34)
		mark(l->t, tree_resolve(l->t, (struct ss_span){ s.p + 34, s.n - 34 }));
}

/* path,sha256=…,size. A path with a comma or a quote in it is not looked for. */
static void record_line(struct list *l, struct ss_span s)
{
	const uint8_t *comma = memchr(s.p, ',', s.n);
	const size_t n = comma != NULL ? (size_t)(comma - s.p) : 0;
	uint8_t buf[TREE_MAX_PATH];
	uint8_t path[TREE_MAX_PATH + 1 + LINE_MAX_N];
	struct ss_span dir;

	if (n == 0 || n > TREE_MAX_PATH || n + 1 >= s.n || comma[1] == ',' || s.p[0] == '"')
		return;
	dir = s.p[0] == '/' ? ss_text("") : tree_path(l->t, l->dir, buf);
	if (dir.n > 0)
		memcpy(path, dir.p, dir.n);
	path[dir.n] = '/';
	memcpy(path + dir.n + 1, s.p, n);
	mark(l->t, tree_resolve(l->t, (struct ss_span){ path, dir.n + 1 + n }));
}

/* F:folder, then for each of its files R:name and Z:digest. */
static void apk_line(struct list *l, struct ss_span s)
{
	uint8_t path[2 * TREE_MAX_PATH + 1];

	if (s.n < 2 || s.p[1] != ':')
		return;
	if (s.p[0] == 'F' && s.n - 2 <= sizeof(l->folder)) {
		l->folder_n = s.n - 2;
		memcpy(l->folder, s.p + 2, l->folder_n);
	} else if (s.p[0] == 'R' && s.n - 2 <= TREE_MAX_PATH) {
		memcpy(path, l->folder, l->folder_n);
		path[l->folder_n] = '/';
		memcpy(path + l->folder_n + 1, s.p + 2, s.n - 2);
		l->last = tree_resolve(l->t, (struct ss_span){ path, l->folder_n + s.n - 1 });
	} else if (s.p[0] == 'Z') {
		mark(l->t, l->last);
	}
}

static bool ends_with(struct ss_span s, const char *end)
{
	const size_t n = strlen(end);

	return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

/* The list that this name is, by where it lies; NULL = none. */
static void (*list_of(const struct tree *t, tree_id id, tree_id info,
		      tree_id installed))(struct list *, struct ss_span)
{
	const tree_id dir = store_name(t, id)->parent;

	if (id == installed)
		return apk_line;
	if (dir == info && tree_is_file_named(t, id, ".md5sums"))
		return md5sums_line;
	if (dir != TREE_ROOT && ends_with(tree_name(t, id), "RECORD") && tree_name(t, id).n == 6 &&
	    ends_with(tree_name(t, dir), ".dist-info"))
		return record_line;
	return NULL;
}

int tree_mark_vouched(struct tree *t, struct ss_err *err)
{
	const tree_id info = tree_find(t, ss_text("var/lib/dpkg/info"));
	const tree_id installed = tree_find(t, ss_text("lib/apk/db/installed"));

	for (tree_id id = 1; id < t->n_names; id++) {
		struct list l = { .t = t, .last = TREE_NONE };

		if (store_name(t, id)->parent == TREE_NONE ||
		    store_type(store_node_of(t, id)) != TREE_REG)
			continue;
		l.line = list_of(t, id, info, installed);
		if (l.line == NULL)
			continue;
		l.dir = store_name(t, id)->parent;
		if (l.line == record_line)
			l.dir = store_name(t, l.dir)->parent;
		if (each_line(&l, id, err) < 0)
			return -1;
	}
	return 0;
}

bool tree_is_vouched(const struct tree *t, tree_id id)
{
	return (store_node_of(t, id)->source & NODE_VOUCHED) != 0;
}

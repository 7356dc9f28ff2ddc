/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/rows.h"
#include "tree/store.h"

#include <string.h>

/*
 * Compiled Python (PEP 552): magic number, flags, time and size of the source, each four bytes,
 * little-endian. With flags 0 an interpreter uses the file only if time and size are those of the
 * source as it lies there, else it compiles again: at each boot, in an enclave.
 */
#define PYC_HEADER 16u
#define PYC_TIME_AT 8u

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* CPython from 3.7 on, or PyPy of the same language version; earlier ones have another header. */
static bool has_this_header(const uint8_t h[PYC_HEADER])
{
	const uint32_t magic = h[0] | (uint32_t)h[1] << 8;

	return h[2] == '\r' && h[3] == '\n' &&
	       ((magic >= 3392 && magic < 20000) || (magic >= 224 && magic < 1000));
}

static bool is_pyc(const struct tree *t, tree_id id)
{
	const struct ss_span name = tree_name(t, id);
	struct tree_inode in;

	if (name.n < 5 || memcmp(name.p + name.n - 4, ".pyc", 4) != 0)
		return false;
	tree_stat(t, id, &in);
	return in.type == TREE_REG && in.size >= PYC_HEADER;
}

static bool is_name(const struct tree *t, tree_id id, const char *text)
{
	const struct ss_span name = tree_name(t, id);

	return name.n == strlen(text) && memcmp(name.p, text, name.n) == 0;
}

/* dir/__pycache__/stem.tag.pyc → dir/stem.py, through links; TREE_NONE if there is none. Elsewhere
 * a .pyc stands for its source, and nobody looks at its time. */
static tree_id source_of(const struct tree *t, tree_id pyc)
{
	static const uint8_t suffix[] = { '.', 'p', 'y' };
	const tree_id cache = store_name(t, pyc)->parent;
	const struct ss_span name = tree_name(t, pyc);
	const uint8_t *dot = memchr(name.p, '.', name.n);
	uint8_t buf[TREE_MAX_PATH];
	uint8_t path[TREE_MAX_PATH + TREE_MAX_NAME];
	struct ss_span dir;
	size_t n = 0;

	if (cache == TREE_ROOT || !is_name(t, cache, "__pycache__") || dot == NULL)
		return TREE_NONE;
	dir = tree_path(t, store_name(t, cache)->parent, buf);
	memcpy(path, dir.p, dir.n);
	n = dir.n;
	path[n++] = '/';
	memcpy(path + n, name.p, (size_t)(dot - name.p));
	n += (size_t)(dot - name.p);
	memcpy(path + n, suffix, sizeof(suffix));
	return tree_resolve(t, (struct ss_span){ path, n + sizeof(suffix) });
}

/* What a step was told of a file's time. */
static int64_t seen(const struct tree *t, int64_t mtime)
{
	return t->clock != 0 && mtime > (int64_t)t->clock ? (int64_t)t->clock : mtime;
}

/*
 * Would an interpreter have used it in the image as it was? Its header must have the source's size,
 * and the source's time as a step saw it; or both files have one and the same time, given by an
 * engine that sets the times in a layer, and no layer after the .pyc's has replaced the source.
 */
static bool is_fresh(const struct tree *t, tree_id pyc, tree_id source, const uint8_t *h)
{
	struct tree_inode py;
	struct tree_inode c;

	tree_stat(t, source, &py);
	tree_stat(t, pyc, &c);
	if (py.type != TREE_REG || le32(h + 12) != py.size)
		return false;
	if (le32(h + PYC_TIME_AT) == (uint32_t)(uint64_t)seen(t, py.mtime))
		return true;
	return c.mtime == py.mtime && store_name(t, pyc)->layer >= store_name(t, source)->layer;
}

static int fix_one(struct tree *t, tree_id pyc, uint32_t epoch, struct tree_normalised *n,
		   struct ss_err *err)
{
	uint8_t h[PYC_HEADER];
	tree_id source;

	/* As the layers have it: another name of the same file may have been seen to already. */
	if (tree_read_raw(t, pyc, 0, h, sizeof(h), err) < 0)
		return -1;
	if (!has_this_header(h) || le32(h + 4) != 0)
		return 0;
	source = source_of(t, pyc);
	if (source != TREE_NONE && !is_fresh(t, pyc, source, h)) {
		tree_remove(t, pyc);
		n->changed++;
		return 0;
	}
	if (le32(h + PYC_TIME_AT) != epoch && (store_node_of(t, pyc)->source & NODE_PATCHED) == 0) {
		tree_patch_mark(t, pyc);
		n->changed++;
	}
	return 0;
}

int tree_fix_pyc(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	const uint8_t time[4] = { (uint8_t)epoch, (uint8_t)(epoch >> 8), (uint8_t)(epoch >> 16),
				  (uint8_t)(epoch >> 24) };

	tree_patch_set(t, PYC_TIME_AT, time);
	for (tree_id id = 1; id < t->n_names; id++)
		if (store_name(t, id)->parent != TREE_NONE && is_pyc(t, id) &&
		    fix_one(t, id, epoch, n, err) < 0)
			return -1;
	return 0;
}

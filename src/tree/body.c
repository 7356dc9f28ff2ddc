/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "io/file.h"
#include "tree/store.h"

#include <assert.h>
#include <string.h>

int tree_source_add(struct tree *t, int fd, uint32_t *ret, struct ss_err *err)
{
	if (t->n_sources == TREE_MAX_SOURCES) {
		(void)close(fd);
		return ss_fail(err, SS_ELIMIT, "more than %u sources of file contents",
			       TREE_MAX_SOURCES);
	}
	t->sources[t->n_sources] = fd;
	*ret = t->n_sources++;
	return 0;
}

int tree_body_new(struct tree *t, struct ss_span bytes, struct tree_body *ret, struct ss_err *err)
{
	if (t->spool == TREE_NONE) {
		int fd = -1;

		if (io_spool_new(&fd, err) < 0 || tree_source_add(t, fd, &t->spool, err) < 0)
			return -1;
	}
	if (io_pwrite_all(t->sources[t->spool], t->spool_n, bytes, err) < 0)
		return ss_ctx(err, "the spool");
	*ret = (struct tree_body){ t->spool, t->spool_n };
	t->spool_n += bytes.n;
	return 0;
}

int tree_body_copy(struct tree *t, tree_id id, struct tree_body *ret, struct ss_err *err)
{
	const size_t block = (size_t)64 * 1024;
	AUTO_FREE uint8_t *p = ss_calloc(block, 1);
	const uint32_t size = store_node_of(t, id)->size;

	if (tree_body_new(t, (struct ss_span){ p, 0 }, ret, err) < 0)
		return -1;
	for (uint64_t at = 0; at < size;) {
		const size_t n = size - at < block ? (size_t)(size - at) : block;

		if (tree_read(t, id, at, p, n, err) < 0)
			return -1;
		if (io_pwrite_all(t->sources[t->spool], t->spool_n, (struct ss_span){ p, n }, err) <
		    0)
			return ss_ctx(err, "the spool");
		t->spool_n += n;
		at += n;
	}
	return 0;
}

int tree_body_replace(struct tree *t, const struct tree_body *b, uint64_t at, struct ss_span bytes,
		      struct ss_err *err)
{
	assert(b->source == t->spool);
	return io_pwrite_all(t->sources[t->spool], b->at + at, bytes, err) < 0
		       ? ss_ctx(err, "the spool")
		       : 0;
}

void tree_patch_set(struct tree *t, uint32_t at, const uint8_t bytes[4])
{
	t->patch_at = at;
	memcpy(t->patch, bytes, sizeof(t->patch));
}

void tree_patch_mark(struct tree *t, tree_id id)
{
	struct tree_node *n = store_node_of(t, id);

	assert(store_type(n) == TREE_REG);
	n->source |= NODE_PATCHED;
}

/* `p` holds [at, at + n) of a marked body. */
static void apply_patch(const struct tree *t, uint64_t at, uint8_t *p, size_t n)
{
	for (uint64_t i = 0; i < sizeof(t->patch); i++) {
		const uint64_t where = t->patch_at + i;

		if (where >= at && where - at < n)
			p[where - at] = t->patch[i];
	}
}

int tree_read_raw(const struct tree *t, tree_id id, uint64_t at, uint8_t *p, size_t n,
		  struct ss_err *err)
{
	const struct tree_node *node = store_node_of(t, id);
	const uint64_t from = (uint64_t)node->at_hi << 32 | node->at;
	size_t got = 0;
	int rc;

	assert(store_type(node) == TREE_REG && at <= node->size && n <= node->size - at);
	if (n == 0)
		return 0;
	rc = io_pread_full(t->sources[node->source & NODE_SOURCE], from + at, p, n, &got, err);
	if (rc == 0 && got < n)
		rc = ss_fail(err, SS_EINPUT, "its contents end early");
	if (rc < 0) {
		uint8_t buf[TREE_MAX_PATH];

		return ss_ctx(err, "'%s'", SS_SHOW(tree_path(t, id, buf)));
	}
	return 0;
}

int tree_read(const struct tree *t, tree_id id, uint64_t at, uint8_t *p, size_t n,
	      struct ss_err *err)
{
	if (tree_read_raw(t, id, at, p, n, err) < 0)
		return -1;
	if ((store_node_of(t, id)->source & NODE_PATCHED) != 0)
		apply_patch(t, at, p, n);
	return 0;
}

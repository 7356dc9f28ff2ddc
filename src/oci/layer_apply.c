/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layer_apply.h"

#include "base/mem.h"
#include "base/show.h"
#include "fmt/inflate.h"
#include "io/file.h"
#include "oci/name.h"
#include "oci/window.h"

#include <fcntl.h>
#include <string.h>

/* The tree holds its own descriptor of each file; layers in one archive share it. */
static int source_of(struct oci_apply *a, int fd, uint32_t *ret, struct ss_err *err)
{
	if (fd != a->last_fd) {
		const int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

		if (own < 0)
			return ss_fail_sys(err, "cannot keep a file open");
		if (tree_source_add(a->tree, own, &a->last_source, err) < 0)
			return -1;
		a->last_fd = fd;
	}
	*ret = a->last_source;
	return 0;
}

static int copy_segment(const struct oci_apply_from *from, uint64_t at, int fd, uint64_t to,
			uint64_t n, struct ss_err *err)
{
	uint8_t block[32768];

	while (n > 0) {
		size_t got = n < sizeof(block) ? (size_t)n : sizeof(block);

		if (from->read(from->ctx, at, block, got, &got, err) < 0)
			return -1;
		if (got == 0)
			return ss_fail(err, SS_EINPUT, "its contents end early");
		if (io_pwrite_all(fd, to, (struct ss_span){ block, got }, err) < 0)
			return ss_ctx(err, "the spool");
		at += got;
		to += got;
		n -= got;
	}
	return 0;
}

static int open_holes(struct oci_apply *a, struct ss_err *err)
{
	int fd;

	if (a->holes_fd >= 0)
		return 0;
	if (io_spool_new(&fd, err) < 0 || tree_source_add(a->tree, fd, &a->holes_source, err) < 0)
		return -1;
	a->holes_fd = fd;
	return 0;
}

int oci_apply_count(struct oci_apply *a, uint64_t bytes, struct ss_err *err)
{
	if (bytes > a->limits.total || a->bytes > a->limits.total - bytes) {
		(void)ss_fail(err, SS_ELIMIT, "more than %llu bytes in all layers",
			      (unsigned long long)a->limits.total);
		err->hint = OCI_HINT_TOTAL;
		return -1;
	}
	a->bytes += bytes;
	return 0;
}

struct playing {
	struct oci_apply *a;
	const struct oci_apply_from *from;
	struct tar_entry entry; /* the one that `e` is */
	const struct tar_entry *e;
	struct oci_name name;
	struct oci_name target;
	uint64_t expanded; /* bytes that the layer's sparse files add */
};

/* Data at its places in the spool, holes between: nothing is written for them. */
static int expand(struct playing *p, struct tree_body *ret, struct ss_err *err)
{
	struct oci_apply *a = p->a;
	uint64_t at = p->e->body;

	p->expanded += p->e->size; /* at most the total of what oci_apply_count() lets through */
	if (oci_apply_count(a, p->e->size, err) < 0 || open_holes(a, err) < 0)
		return -1;
	if (p->expanded > INFLATE_RATIO_SLACK &&
	    p->expanded / a->limits.ratio > p->from->compressed) {
		(void)ss_fail(err, SS_ELIMIT, "expands to more than %u times the layer's size",
			      a->limits.ratio);
		err->hint = OCI_HINT_RATIO;
		return -1;
	}
	for (size_t i = 0; i < p->e->n_segments; i++) {
		const struct tar_segment *s = &p->e->segments[i];

		if (copy_segment(p->from, at, a->holes_fd, a->holes_n + s->at, s->n, err) < 0)
			return -1;
		at += s->n;
	}
	*ret = (struct tree_body){ a->holes_source, a->holes_n };
	a->holes_n += p->e->size;
	if (ftruncate(a->holes_fd, (off_t)a->holes_n) < 0)
		return ss_fail_sys(err, "the spool: cannot write");
	return 0;
}

static int put_file(struct playing *p, struct tree_inode *in, struct ss_err *err)
{
	const struct tar_entry *e = p->e;

	if (e->size > TREE_MAX_SIZE)
		return ss_fail(err, SS_ELIMIT, "a file of %llu bytes; the limit is %u",
			       (unsigned long long)e->size, TREE_MAX_SIZE);
	in->size = (uint32_t)e->size;
	if (e->size == 0)
		return 0;
	if (e->sparse)
		return expand(p, &in->body, err);
	if (source_of(p->a, p->from->fd, &in->body.source, err) < 0)
		return -1;
	in->body.at = p->from->at + e->body;
	if (in->body.at >> 48 != 0) /* more than the tree has room for, and than any disk */
		return ss_fail(err, SS_ELIMIT, "contents past 2^48");
	return 0;
}

static enum tree_type type_of(enum tar_type t)
{
	switch (t) {
	case TAR_DIR:
		return TREE_DIR;
	case TAR_SYMLINK:
		return TREE_LNK;
	case TAR_CHR:
		return TREE_CHR;
	case TAR_BLK:
		return TREE_BLK;
	case TAR_FIFO:
		return TREE_FIFO;
	case TAR_REG:
	case TAR_LINK:
		break;
	}
	return TREE_REG;
}

static int put_entry(struct playing *p, struct ss_err *err)
{
	const struct tar_entry *e = p->e;
	struct tree_inode in = {
		.type = type_of(e->type),
		.mode = e->mode,
		.uid = e->uid,
		.gid = e->gid,
		.rdev_major = e->rdev_major,
		.rdev_minor = e->rdev_minor,
		.mtime = e->mtime,
	};
	tree_id id;

	if (e->type == TAR_SYMLINK) {
		in.size = e->link.n <= UINT32_MAX ? (uint32_t)e->link.n : UINT32_MAX;
		in.target = e->link;
	}
	if (e->type == TAR_REG && put_file(p, &in, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(e->path));
	if (tree_put(p->a->tree, oci_name_span(&p->name), &in, &id, err) < 0)
		return -1;
	for (size_t i = 0; i < e->n_xattrs; i++)
		if (tree_xattr_set(p->a->tree, id, e->xattrs[i].name, e->xattrs[i].value, err) < 0)
			return ss_ctx(err, "'%s'", SS_SHOW(e->path));
	return 0;
}

static int put_link(struct playing *p, struct ss_err *err)
{
	if (oci_name_clean(p->e->link, &p->target, err) < 0)
		return ss_ctx(err, "'%s': hard link to '%s'", SS_SHOW(p->e->path),
			      SS_SHOW(p->e->link));
	return tree_link(p->a->tree, oci_name_span(&p->name), oci_name_span(&p->target), err);
}

/* *ret_done if the entry was a mark and has been acted upon. */
static int play_mark(struct playing *p, bool *ret_done, struct ss_err *err)
{
	enum oci_mark mark = OCI_MARK_NONE;

	if (p->a->whiteouts && oci_name_mark(&p->name, &mark, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(p->e->path));
	*ret_done = mark != OCI_MARK_NONE;
	if (!*ret_done)
		return 0;
	if (p->e->type != TAR_REG || p->e->size != 0)
		return ss_fail(err, SS_EINPUT, "'%s': a whiteout that is not an empty file",
			       SS_SHOW(p->e->path));
	return mark == OCI_MARK_OPAQUE ? tree_opaque(p->a->tree, oci_name_span(&p->name), err)
				       : tree_whiteout(p->a->tree, oci_name_span(&p->name), err);
}

static int play(struct playing *p, struct ss_err *err)
{
	bool done;

	if (p->a->entries == p->a->limits.entries) {
		(void)ss_fail(err, SS_ELIMIT, "more than %u entries in all layers",
			      p->a->limits.entries);
		err->hint = OCI_HINT_ENTRIES;
		return -1;
	}
	p->a->entries++;
	if (oci_name_clean(p->e->path, &p->name, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(p->e->path));
	if (play_mark(p, &done, err) < 0)
		return -1;
	if (done)
		return 0;
	return p->e->type == TAR_LINK ? put_link(p, err) : put_entry(p, err);
}

static int play_all(struct playing *p, struct tar_reader *t, struct ss_err *err)
{
	bool end = false;

	p->e = &p->entry;
	for (;;) {
		if (tar_next(t, &p->entry, &end, err) < 0)
			return -1;
		if (end)
			return 0;
		if (play(p, err) < 0)
			return -1;
	}
}

int oci_apply_tar(struct oci_apply *a, const struct oci_apply_from *from, struct ss_err *err)
{
	AUTO_FREE struct playing *p = ss_calloc(1, sizeof(*p));
	AUTO_FREE struct oci_window *w = ss_calloc(1, sizeof(*w));
	const struct tar_source src = { oci_window_read, w };
	AUTO_TAR struct tar_reader *t = tar_new(&src);

	w->read = from->read;
	w->ctx = from->ctx;
	p->a = a;
	p->from = from;
	a->last_fd = -1; /* descriptors are used again once they are closed */
	tree_layer_begin(a->tree);
	return play_all(p, t, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/rootfs.h"

#include "base/mem.h"
#include "base/show.h"
#include "io/file.h"
#include "io/fswalk.h"

#include <string.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif

/* A file with several names, by the first of them. */
struct seen {
	dev_t dev;
	ino_t ino;
	tree_id first;
};

struct loading {
	struct tree *tree;
	const struct oci_limits *limits;
	uint32_t entries;
	int spool;
	uint32_t source;
	uint64_t spool_n;
	struct seen *seen; /* open addressing; first == TREE_NONE is free */
	size_t n_seen;
	size_t cap_seen; /* a power of two */
	tree_id at;      /* of the entry whose attributes are read */
};

static struct seen *find_slot(struct seen *v, size_t cap, dev_t dev, ino_t ino)
{
	/* The order in the table reaches no result; the numbers come from the file system. */
	size_t i = (size_t)((uint64_t)ino * 0x9e3779b97f4a7c15u >> 20) & (cap - 1);

	while (v[i].first != TREE_NONE && (v[i].dev != dev || v[i].ino != ino))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static void grow(struct loading *l)
{
	const size_t cap = l->cap_seen > 0 ? l->cap_seen * 2 : 1024;
	struct seen *v = ss_calloc(cap, sizeof(*v));

	for (size_t i = 0; i < cap; i++)
		v[i].first = TREE_NONE;
	for (size_t i = 0; i < l->cap_seen; i++)
		if (l->seen[i].first != TREE_NONE)
			*find_slot(v, cap, l->seen[i].dev, l->seen[i].ino) = l->seen[i];
	free(l->seen);
	l->seen = v;
	l->cap_seen = cap;
}

static struct seen *find_seen(struct loading *l, const struct stat *st)
{
	if (l->n_seen * 2 >= l->cap_seen)
		grow(l);
	return find_slot(l->seen, l->cap_seen, st->st_dev, st->st_ino);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtime == b->st_mtime && a->st_ctime == b->st_ctime;
}

static int copy_body(struct loading *l, const struct io_walk_entry *e, struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;
	AUTO_FREE uint8_t *block = NULL;
	const size_t room = (size_t)256 * 1024;
	uint64_t done = 0;
	struct stat st = { 0 };
	size_t n;

	if (io_walk_open(e, &fd, err) < 0)
		return -1;
	block = ss_calloc(room, 1);
	do {
		if (io_read_full(fd, block, room, &n, err) < 0)
			return -1;
		done += n;
		if (done > (uint64_t)e->st->st_size)
			break;
		if (io_pwrite_all(l->spool, l->spool_n + done - n, (struct ss_span){ block, n },
				  err) < 0)
			return ss_ctx(err, "the spool");
	} while (n == room);
	if (fstat(fd, &st) < 0)
		return ss_fail_sys(err, "cannot read");
	if (done != (uint64_t)e->st->st_size || !same_file(&st, e->st))
		return ss_fail(err, SS_EINPUT, "changed while it was being read");
	return 0;
}

static int put_body(struct loading *l, const struct io_walk_entry *e, struct tree_inode *in,
		    struct ss_err *err)
{
	const uint64_t size = (uint64_t)e->st->st_size;

	if (size > TREE_MAX_SIZE)
		return ss_fail(err, SS_ELIMIT, "a file of %llu bytes; the limit is %u",
			       (unsigned long long)size, TREE_MAX_SIZE);
	if (size > l->limits->total || l->spool_n > l->limits->total - size) {
		(void)ss_fail(err, SS_ELIMIT, "more than %llu bytes in all",
			      (unsigned long long)l->limits->total);
		err->hint = OCI_HINT_TOTAL;
		return -1;
	}
	if (size > 0 && copy_body(l, e, err) < 0)
		return -1;
	in->size = (uint32_t)size;
	in->body = (struct tree_body){ l->source, l->spool_n };
	l->spool_n += size;
	return 0;
}

static int put_attr(void *ctx, struct ss_span name, struct ss_span value, struct ss_err *err)
{
	struct loading *l = ctx;

	return tree_xattr_set(l->tree, l->at, name, value, err);
}

static bool type_of(mode_t mode, enum tree_type *ret)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		*ret = TREE_REG;
		return true;
	case S_IFDIR:
		*ret = TREE_DIR;
		return true;
	case S_IFLNK:
		*ret = TREE_LNK;
		return true;
	case S_IFCHR:
		*ret = TREE_CHR;
		return true;
	case S_IFBLK:
		*ret = TREE_BLK;
		return true;
	case S_IFIFO:
		*ret = TREE_FIFO;
		return true;
	default:
		return false;
	}
}

static int put_entry(struct loading *l, const struct io_walk_entry *e, enum tree_type type,
		     struct ss_err *err)
{
	uint8_t target[TREE_MAX_LINK + 1];
	struct tree_inode in = { .type = type,
				 .mode = (uint16_t)(e->st->st_mode & 07777),
				 .uid = e->st->st_uid,
				 .gid = e->st->st_gid,
				 .mtime = e->st->st_mtime };
	size_t n;

	if (type == TREE_REG && put_body(l, e, &in, err) < 0)
		return -1;
	if (type == TREE_LNK) {
		if (io_walk_readlink(e, target, sizeof(target), &n, err) < 0)
			return -1;
		in.target = (struct ss_span){ target, n };
		in.size = (uint32_t)n;
	}
	if (type == TREE_CHR || type == TREE_BLK) {
		in.rdev_major = major(e->st->st_rdev);
		in.rdev_minor = minor(e->st->st_rdev);
	}
	if (tree_put(l->tree, e->path, &in, &l->at, err) < 0)
		return -1;
	return io_walk_xattrs(e, put_attr, l, err);
}

static int put_link(struct loading *l, const struct io_walk_entry *e, tree_id first,
		    struct ss_err *err)
{
	uint8_t path[TREE_MAX_PATH];

	return tree_link(l->tree, e->path, tree_path(l->tree, first, path), err);
}

static int entry(void *ctx, const struct io_walk_entry *e, struct ss_err *err)
{
	struct loading *l = ctx;
	struct seen *seen;
	enum tree_type type;

	if (!type_of(e->st->st_mode, &type))
		return 0; /* a socket */
	if (l->entries == l->limits->entries) {
		(void)ss_fail(err, SS_ELIMIT, "more than %u entries", l->limits->entries);
		err->hint = OCI_HINT_ENTRIES;
		return -1;
	}
	l->entries++;
	if (type == TREE_DIR || e->st->st_nlink < 2)
		return put_entry(l, e, type, err);
	seen = find_seen(l, e->st);
	if (seen->first != TREE_NONE)
		return put_link(l, e, seen->first, err);
	if (put_entry(l, e, type, err) < 0)
		return -1;
	*seen = (struct seen){ e->st->st_dev, e->st->st_ino, l->at };
	l->n_seen++;
	return 0;
}

int oci_rootfs_load(const char *dir, const struct oci_limits *limits, struct tree *t,
		    struct ss_err *err)
{
	struct loading l = { .tree = t, .limits = limits };
	int rc;

	if (io_spool_new(&l.spool, err) < 0 || tree_source_add(t, l.spool, &l.source, err) < 0)
		return -1;
	tree_layer_begin(t);
	rc = io_walk(dir, entry, &l, err);
	free(l.seen);
	return rc;
}

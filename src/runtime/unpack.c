/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/unpack.h"

#include "base/show.h"

#include <string.h>

/* The directories that the current name stands in, outermost first. */
struct open_dir {
	size_t name_n; /* its name is this many bytes of the current name */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t mtime;
};

struct state {
	struct rt_archive *a;
	struct rt_links *links;
	struct rt_fs *fs;
	uint64_t start; /* of the archive: its members stand at multiples of 4 from here */
	uint64_t links_due;
	size_t depth;
	uint8_t dir_name[CPIO_MAX_NAME]; /* of the innermost; the outer ones are its beginnings */
	struct open_dir dirs[RT_MAX_DEPTH];
	char target[CPIO_MAX_LINK + 1];
	uint8_t first_name[CPIO_MAX_NAME];
};

static struct state state; /* too large for a stack; one archive at a time */

static size_t parent_size(struct ss_span name)
{
	size_t n = name.n;

	while (n > 0 && name.p[n - 1] != '/')
		n--;
	return n > 0 ? n - 1 : 0;
}

/* Owner, mode and time of the innermost directory: nothing more comes into it. */
static int close_dir(struct state *s, struct ss_err *err)
{
	const struct open_dir *d = &s->dirs[s->depth - 1];
	const struct cpio_entry e = { .mode = d->mode,
				      .uid = d->uid,
				      .gid = d->gid,
				      .mtime = d->mtime,
				      .name = { s->dir_name, d->name_n } };

	s->depth--;
	return rt_fs_dir_done(s->fs, &e, err);
}

/* Leaves the directories that `name` does not stand in. Then its own must be the innermost. */
static int enter_parent(struct state *s, struct ss_span name, struct ss_err *err)
{
	const size_t n = parent_size(name);

	while (s->depth > 0) {
		const size_t dir_n = s->dirs[s->depth - 1].name_n;

		if (dir_n <= n && memcmp(s->dir_name, name.p, dir_n) == 0 &&
		    (dir_n == n || name.p[dir_n] == '/'))
			break;
		if (close_dir(s, err) < 0)
			return -1;
	}
	if (n != (s->depth > 0 ? s->dirs[s->depth - 1].name_n : 0))
		return ss_fail(err, SS_EINPUT, "its directory is not in the ramdisk");
	return 0;
}

static int push_dir(struct state *s, const struct cpio_entry *e, struct ss_err *err)
{
	if (rt_fs_dir(s->fs, e, err) < 0)
		return -1;
	/* A name of 4095 bytes has at most 2048 components: the stack cannot run over. */
	s->dirs[s->depth++] = (struct open_dir){ .name_n = e->name.n,
						 .mode = e->mode,
						 .uid = e->uid,
						 .gid = e->gid,
						 .mtime = e->mtime };
	memcpy(s->dir_name, e->name.p, e->name.n);
	return 0;
}

static int put_file(struct state *s, const struct cpio_entry *e, struct ss_err *err)
{
	struct ss_span piece;

	if (rt_fs_file(s->fs, e, err) < 0)
		return -1;
	for (;;) {
		if (rt_archive_body(s->a, &piece, err) < 0)
			return -1;
		if (piece.n == 0)
			return rt_fs_file_done(s->fs, e, err);
		if (rt_fs_write(s->fs, piece, err) < 0)
			return -1;
	}
}

static int put_symlink(struct state *s, const struct cpio_entry *e, struct ss_err *err)
{
	struct ss_span piece;
	size_t n = 0;

	for (;;) {
		if (rt_archive_body(s->a, &piece, err) < 0)
			return -1;
		if (piece.n == 0)
			break;
		memcpy(s->target + n, piece.p, piece.n); /* the size was checked: it fits */
		n += piece.n;
	}
	s->target[n] = '\0';
	if (strlen(s->target) != n)
		return ss_fail(err, SS_EINPUT, "a link target with a NUL inside");
	return rt_fs_symlink(s->fs, e, s->target, err);
}

/* The first name of an inode that will have more. */
static int expect_links(struct state *s, const struct rt_member *m, struct ss_err *err)
{
	if (m->e.nlink == 1)
		return 0;
	if (m->e.ino >= s->links->n)
		return ss_fail(err, SS_ELIMIT, "more names for inode %u; the last that may is %u",
			       m->e.ino, s->links->n - 1);
	if ((m->at - s->start) / 4 > UINT32_MAX)
		return ss_fail(err, SS_ELIMIT, "a hard link more than 16 GiB into the ramdisk");
	s->links->v[m->e.ino].at = (uint32_t)((m->at - s->start) / 4);
	s->links->v[m->e.ino].due = m->e.nlink - 1;
	s->links_due += m->e.nlink - 1;
	return 0;
}

static int put_link(struct state *s, const struct rt_member *m, struct ss_err *err)
{
	const struct cpio_entry *e = &m->e;
	struct cpio_entry first;

	if (e->ino >= s->links->n || s->links->v[e->ino].due == 0)
		return ss_fail(err, SS_EINPUT, "one name more of inode %u than announced", e->ino);
	if (rt_archive_reread(s->a, s->start + (uint64_t)s->links->v[e->ino].at * 4, &first,
			      s->first_name, err) < 0)
		return -1;
	if (first.mode != e->mode || first.uid != e->uid || first.gid != e->gid ||
	    first.mtime != e->mtime || first.nlink != e->nlink ||
	    first.rdev_major != e->rdev_major || first.rdev_minor != e->rdev_minor)
		return ss_fail(err, SS_EINPUT, "differs from '%s', the same inode",
			       SS_SHOW(first.name));
	s->links->v[e->ino].due--;
	s->links_due--;
	return rt_fs_link(s->fs, e, first.name, err);
}

static int put_inode(struct state *s, const struct rt_member *m, struct ss_err *err)
{
	switch (m->e.mode & CPIO_TYPE_MASK) {
	case CPIO_REG:
		return put_file(s, &m->e, err);
	case CPIO_LNK:
		return put_symlink(s, &m->e, err);
	default: /* cpio_entry_check() has let no other type through */
		return rt_fs_node(s->fs, &m->e, err);
	}
}

static int put_member(struct state *s, const struct rt_member *m, struct ss_err *err)
{
	if (enter_parent(s, m->e.name, err) < 0)
		return -1;
	if (m->is_link)
		return put_link(s, m, err);
	if ((m->e.mode & CPIO_TYPE_MASK) == CPIO_DIR)
		return push_dir(s, &m->e, err);
	if (expect_links(s, m, err) < 0)
		return -1;
	return put_inode(s, m, err);
}

/* `top` itself, or below it. */
static bool is_in(struct ss_span name, const char *top)
{
	const size_t n = strlen(top);

	return name.n >= n && memcmp(name.p, top, n) == 0 && (name.n == n || name.p[n] == '/');
}

static int put_all(struct state *s, const char *top, struct ss_err *err)
{
	for (;;) {
		struct rt_member m;
		bool more;

		if (rt_archive_next(s->a, &m, &more, err) < 0)
			return -1;
		if (!more)
			break;
		if (top != NULL && !is_in(m.e.name, top))
			return ss_fail(err, SS_EINPUT, "'%s' stands outside '%s'",
				       SS_SHOW(m.e.name), top);
		if (put_member(s, &m, err) < 0)
			return ss_ctx(err, "'%s'", SS_SHOW(m.e.name));
	}
	while (s->depth > 0)
		if (close_dir(s, err) < 0)
			return -1;
	if (s->links_due > 0)
		return ss_fail(err, SS_EINPUT, "%llu names of hard links are missing",
			       (unsigned long long)s->links_due);
	return 0;
}

int rt_unpack(struct rt_archive *a, const char *top, struct rt_links *links, struct rt_fs *fs,
	      struct ss_err *err)
{
	state.a = a;
	state.links = links;
	state.fs = fs;
	state.start = rt_archive_position(a);
	state.links_due = 0;
	state.depth = 0;
	return put_all(&state, top, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/unpack.h"

#include "base/mem.h"
#include "base/show.h"
#include "io/beneath.h"
#include "io/file.h"
#include "io/stop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_SIZE 40u

struct unpack {
	struct io_beneath tree;
	int links; /* a folder beside the tree: a name for each inode that has several */
	int fd;    /* of the file under way, or -1 */
	struct cpio_entry e;
	char path[CPIO_MAX_NAME]; /* of the entry under way; "" = the root of the tree */
	char target[CPIO_MAX_LINK + 1];
	size_t target_n;
	struct eif_unpacked done;
};

/*
 * Names as real archives have them: "./a", "a/", ".". What remains must be a path that stays below
 * its folder.
 */
static int clean_name(struct ss_span name, char ret[CPIO_MAX_NAME], struct ss_err *err)
{
	const struct ss_span whole = name;

	while (name.n >= 2 && name.p[0] == '.' && name.p[1] == '/') {
		name.p += 2;
		name.n -= 2;
	}
	if (name.n > 1 && name.p[name.n - 1] == '/')
		name.n--;
	if (name.n == 1 && name.p[0] == '.')
		name.n = 0;
	else if (cpio_name_check(name, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(whole));
	memcpy(ret, name.p, name.n);
	ret[name.n] = '\0';
	return 0;
}

static const char *link_key(const struct cpio_entry *e, char ret[KEY_SIZE])
{
	(void)snprintf(ret, KEY_SIZE, "%08x-%08x-%08x", e->dev_major, e->dev_minor, e->ino);
	return ret;
}

static bool has_links(const struct cpio_entry *e)
{
	return e->nlink > 1 && (e->mode & CPIO_TYPE_MASK) == CPIO_REG;
}

/* Another name of a file that came before; a body, if it has one, replaces the file's. */
static int begin_linked(struct unpack *u, bool *ret_there, struct ss_err *err)
{
	char key[KEY_SIZE];

	if (io_beneath_link_in(&u->tree, u->path, u->links, link_key(&u->e, key), ret_there, err) <
	    0)
		return -1;
	if (!*ret_there || u->e.size == 0)
		return 0;
	if (fchmodat(u->links, key, 0600, 0) == 0) /* it may be read-only already */
		u->fd = openat(u->links, key, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	if (u->fd < 0 || fchmod(u->fd, u->e.mode & 0777) < 0)
		return ss_fail_sys(err, "cannot write '%s'", SS_SHOW(u->e.name));
	return 0;
}

static int begin_file(struct unpack *u, struct ss_err *err)
{
	char key[KEY_SIZE];
	bool there = false;

	if (has_links(&u->e) && begin_linked(u, &there, err) < 0)
		return -1;
	if (there)
		return 0;
	if (io_beneath_file(&u->tree, u->path, u->e.mode & 0777, &u->fd, err) < 0)
		return -1;
	return has_links(&u->e)
		       ? io_beneath_link_out(&u->tree, u->path, u->links, link_key(&u->e, key), err)
		       : 0;
}

static int begin_folder(struct unpack *u, struct ss_err *err)
{
	const unsigned mode = (u->e.mode & 0777) | 0700;

	if (u->path[0] != '\0')
		return io_beneath_folder(&u->tree, u->path, mode, err);
	if (fchmod(u->tree.root, (mode_t)mode) < 0)
		return ss_fail_sys(err, "cannot set permissions");
	return 0;
}

static int begin_node(struct unpack *u, struct ss_err *err)
{
	const unsigned mode = u->e.mode & (CPIO_TYPE_MASK | 0777);
	bool made = false;

	if (io_beneath_node(&u->tree, u->path, mode, u->e.rdev_major, u->e.rdev_minor, &made, err) <
	    0)
		return -1;
	u->done.left_out += !made;
	if (!made)
		u->path[0] = '\0'; /* nothing there to set a time on */
	return 0;
}

static int begin(void *ctx, const struct cpio_entry *e, struct ss_err *err)
{
	struct unpack *u = ctx;
	const unsigned type = e->mode & CPIO_TYPE_MASK;

	if (io_stop_signal() != 0)
		return ss_fail(err, SS_ESYS, "stopped by a signal");
	if (clean_name(e->name, u->path, err) < 0)
		return -1;
	if (u->path[0] == '\0' && type != CPIO_DIR)
		return ss_fail(err, SS_EINPUT, "the root of the archive is not a folder");
	u->e = *e;
	u->target_n = 0;
	u->done.entries++;
	u->done.special += (e->mode & 07000) != 0 && type != CPIO_LNK;
	if (type == CPIO_REG)
		return begin_file(u, err);
	if (type == CPIO_DIR)
		return begin_folder(u, err);
	return type == CPIO_LNK ? 0 : begin_node(u, err);
}

static int body(void *ctx, struct ss_span s, struct ss_err *err)
{
	struct unpack *u = ctx;

	if (io_stop_signal() != 0)
		return ss_fail(err, SS_ESYS, "stopped by a signal");
	if (u->fd >= 0)
		return io_write_all(u->fd, s, err) < 0 ? ss_ctx(err, "'%s'", SS_SHOW(u->e.name))
						       : 0;
	assert(s.n <= CPIO_MAX_LINK - u->target_n); /* cpio_entry_check() */
	memcpy(u->target + u->target_n, s.p, s.n);
	u->target_n += s.n;
	return 0;
}

static int end(void *ctx, struct ss_err *err)
{
	struct unpack *u = ctx;
	const unsigned type = u->e.mode & CPIO_TYPE_MASK;

	ss_closep(&u->fd);
	u->fd = -1;
	if (type == CPIO_LNK) {
		u->target[u->target_n] = '\0';
		if (strlen(u->target) != u->target_n)
			return ss_fail(err, SS_EINPUT, "'%s': a link target with a NUL inside",
				       SS_SHOW(u->e.name));
		if (io_beneath_symlink(&u->tree, u->path, u->target, err) < 0)
			return -1;
	}
	if (type == CPIO_DIR || u->path[0] == '\0')
		return 0; /* folders get their times when nothing is put in them any more */
	return io_beneath_mtime(&u->tree, u->path, u->e.mtime, err);
}

/* --- the times of folders -------------------------------------------------------------------- */

static int date_folder(void *ctx, const struct cpio_entry *e, struct ss_err *err)
{
	struct unpack *u = ctx;

	if ((e->mode & CPIO_TYPE_MASK) != CPIO_DIR || clean_name(e->name, u->path, err) < 0 ||
	    u->path[0] == '\0')
		return 0;
	return io_beneath_mtime(&u->tree, u->path, e->mtime, err);
}

static int skip(void *ctx, struct ss_span s, struct ss_err *err)
{
	(void)ctx, (void)s, (void)err;
	return 0;
}

static int skip_end(void *ctx, struct ss_err *err)
{
	(void)ctx, (void)err;
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int unpack_into(struct unpack *u, const struct eif_file *f, const struct eif_section *s,
		       struct ss_err *err)
{
	const struct eif_entries make = { begin, body, end, NULL, u };
	const struct eif_entries date = { date_folder, skip, skip_end, NULL, u };
	int rc = eif_ramdisk_walk(f, s, &make, err);

	ss_closep(&u->fd);
	u->fd = -1;
	return rc < 0 ? -1 : eif_ramdisk_walk(f, s, &date, err);
}

static int unpack_named(const struct eif_file *f, const struct eif_section *s, int dir,
			const char *hidden, const char *links, struct eif_unpacked *ret,
			struct ss_err *err)
{
	struct unpack *u = ss_calloc(1, sizeof(*u));
	int root = -1, rc = -1;

	io_beneath_init(&u->tree, -1);
	u->links = u->fd = -1;
	if (io_folder_fresh(dir, hidden, &root, err) == 0 &&
	    io_folder_fresh(dir, links, &u->links, err) == 0) {
		io_beneath_init(&u->tree, ss_take_fd(&root));
		if (fchmod(u->tree.root, 0755) < 0)
			rc = ss_fail_sys(err, "cannot set permissions");
		else
			rc = unpack_into(u, f, s, err);
	}
	ss_closep(&root);
	ss_closep(&u->links);
	io_beneath_done(&u->tree);
	*ret = u->done;
	free(u);
	return rc;
}

int eif_unpack(const struct eif_file *f, const struct eif_section *s, int dir, const char *name,
	       struct eif_unpacked *ret, struct ss_err *err)
{
	char hidden[256], links[256];
	struct eif_unpacked done = { 0 };
	struct ss_err ignored = { 0 };
	struct stat st;
	int rc, wake;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return ss_fail(err, SS_EUSAGE, "'%s' is there already", name);
	if (io_stop_watch(&wake, err) < 0)
		return -1;
	(void)snprintf(hidden, sizeof(hidden), ".%s.selfsame-new", name);
	(void)snprintf(links, sizeof(links), ".%s.selfsame-links", name);
	rc = unpack_named(f, s, dir, hidden, links, &done, err);
	if (io_folder_remove(dir, links, rc < 0 ? &ignored : err) < 0)
		rc = -1;
	if (rc == 0 && renameat(dir, hidden, dir, name) < 0)
		rc = ss_fail_sys(err, "cannot rename the finished folder to '%s'", name);
	if (rc < 0 && io_folder_remove(dir, hidden, &ignored) < 0)
		rc = -1;
	io_stop_unwatch(); /* a signal that came ends us here */
	if (rc == 0)
		*ret = done;
	return rc;
}

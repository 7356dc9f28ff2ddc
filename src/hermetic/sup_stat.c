/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/*
 * The stat family: no time is later than the frozen clock was at first, and the root file system is
 * device 1.
 *
 * A listener's answer is made here, by asking for the same file ourselves. We are in the step's
 * name spaces and in its root folder, so a path leads us where it leads the step, as long as the
 * task's permissions stop it no more than ours stop us (sup_task.odd, sup.other_root) and the path
 * stays in the file system where it begins: in /proc, and behind what lies there, "self" is
 * somebody else. All other calls are made by the task itself.
 */

/* --- what the step sees ----------------------------------------------------------------------- */

/* The root file system is device 1; whoever was, is what that is. */
static uint64_t device_of(const struct sup *s, uint64_t dev)
{
	if (dev == s->root_dev)
		return 1;
	return dev == 1 ? s->root_dev : dev;
}

/* Later than the frozen clock was at first? Then it was just then. */
static bool clamp(const struct sup *s, int64_t *sec, int64_t nsec)
{
	const int64_t latest = s->view->clock_frozen.v;

	if (*sec < latest || (*sec == latest && nsec == 0))
		return false;
	*sec = latest;
	return true;
}

/* When a file was last read is the machine's affair: it depends on what looked at the image store
 * before. So it is told as read when it was written, as where nobody keeps that time. */
static void mend_stat(const struct sup *s, struct stat *st)
{
	struct timespec *const times[] = { &st->st_atim, &st->st_mtim, &st->st_ctim };

	for (size_t i = 0; i < SS_NELEMS(times); i++)
		if (clamp(s, &times[i]->tv_sec, times[i]->tv_nsec))
			times[i]->tv_nsec = 0;
	st->st_atim = st->st_mtim;
	st->st_dev = device_of(s, st->st_dev);
}

static void mend_statx(const struct sup *s, struct statx *st)
{
	struct statx_timestamp *const times[] = { &st->stx_atime, &st->stx_mtime, &st->stx_ctime,
						  &st->stx_btime };
	uint64_t dev;

	for (size_t i = 0; i < SS_NELEMS(times); i++) {
		int64_t sec = times[i]->tv_sec;

		if (clamp(s, &sec, times[i]->tv_nsec)) {
			times[i]->tv_sec = sec;
			times[i]->tv_nsec = 0;
		}
	}
	if ((st->stx_mask & STATX_MTIME) != 0)
		st->stx_atime = st->stx_mtime;
	dev = device_of(s, gnu_dev_makedev(st->stx_dev_major, st->stx_dev_minor));
	st->stx_dev_major = gnu_dev_major(dev);
	st->stx_dev_minor = gnu_dev_minor(dev);
}

union result {
	struct stat st;
	struct statx x;
};

static uint64_t device_in(bool x, const union result *r)
{
	return x ? gnu_dev_makedev(r->x.stx_dev_major, r->x.stx_dev_minor) : r->st.st_dev;
}

/* Layers of an overlay that are not in one file system show devices of their own: then the mount
 * says where it is. */
static bool is_of_root(const struct sup *s, const char *place, uint64_t dev)
{
	char path[96];
	struct statx at;

	if (dev == s->root_dev || s->root_mount == 0)
		return dev == s->root_dev;
	(void)snprintf(path, sizeof(path), "/proc/%s", place);
	return statx(AT_FDCWD, path, 0, STATX_MNT_ID, &at) == 0 &&
	       (at.stx_mask & STATX_MNT_ID) != 0 && at.stx_mnt_id == s->root_mount;
}

/* By the path of what is open there. */
static void number(const struct sup *s, const char *place, bool x, union result *r)
{
	const unsigned mode = x ? r->x.stx_mode : r->st.st_mode;
	const uint64_t links = x ? r->x.stx_nlink : r->st.st_nlink;
	const uint64_t ino = x ? r->x.stx_ino : r->st.st_ino;
	const uint64_t dev = device_in(x, r);
	uint64_t told;

	if (gnu_dev_major(dev) != gnu_dev_major(s->root_dev) || !is_of_root(s, place, dev))
		return;
	/* One table for all devices. */
	if (!sup_inode_tell(place, ino ^ (dev - s->root_dev) << 40, links > 1 && !S_ISDIR(mode),
			    &told))
		told = ino;
	if (x) {
		r->x.stx_dev_major = gnu_dev_major(s->root_dev);
		r->x.stx_dev_minor = gnu_dev_minor(s->root_dev);
		if ((r->x.stx_mask & STATX_INO) != 0)
			r->x.stx_ino = told;
	} else {
		r->st.st_dev = s->root_dev;
		r->st.st_ino = told;
	}
}

static uint64_t buffer_of(const struct sup_task *t, enum sup_call call)
{
	return t->args[call == SUP_STATX ? 4 : call == SUP_NEWFSTATAT ? 2 : 1];
}

/* --- which file ------------------------------------------------------------------------------- */

struct wanted {
	bool x; /* statx */
	int dir;
	uint64_t path; /* in the task's memory, 0: none */
	unsigned flags;
	unsigned mask;
	char text[SUP_PATH_BYTES];
};

/* False: not as a program asks. */
static bool read_call(const struct sup_task *t, enum sup_call call, struct wanted *w)
{
	const unsigned known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;

	w->x = call == SUP_STATX;
	w->dir = AT_FDCWD;
	w->path = t->args[0];
	w->flags = call == SUP_LSTAT ? AT_SYMLINK_NOFOLLOW : 0;
	w->mask = 0;
	if (call == SUP_FSTAT) {
		w->dir = (int)t->args[0];
		w->path = 0;
		return w->dir >= 0;
	}
	if (call != SUP_NEWFSTATAT && call != SUP_STATX)
		return w->path != 0;
	w->dir = (int)t->args[0];
	w->path = t->args[1];
	w->flags = (unsigned)t->args[w->x ? 2 : 3];
	w->mask = w->x ? (unsigned)t->args[3] : 0;
	return w->path != 0 && (w->dir >= 0 || w->dir == AT_FDCWD) &&
	       (w->flags & ~(known | (w->x ? (unsigned)AT_STATX_SYNC_TYPE : 0))) == 0 &&
	       (w->flags & AT_STATX_SYNC_TYPE) != AT_STATX_SYNC_TYPE &&
	       (w->mask & (unsigned)STATX__RESERVED) == 0;
}

/* Up to its end, never into a page behind it. */
static bool read_path(const struct sup_task *t, struct wanted *w)
{
	size_t n = 0;

	if (w->path == 0) {
		w->text[0] = '\0';
		return true;
	}
	while (n < sizeof(w->text)) {
		size_t part = 256 - (size_t)((w->path + n) % 256);

		if (part > sizeof(w->text) - n)
			part = sizeof(w->text) - n;
		if (!sup_read(t->tid, w->path + n, w->text + n, part))
			return false;
		if (memchr(w->text + n, '\0', part) != NULL)
			return true;
		n += part;
	}
	return false;
}

/* Where the task's own descriptor or folder is, below /proc. */
static void place_of(const struct sup_task *t, int dir, char ret[64])
{
	if (dir == AT_FDCWD)
		(void)snprintf(ret, 64, "%d/cwd", t->tid);
	else
		(void)snprintf(ret, 64, "%d/fd/%d", t->tid, dir);
}

/* A folder to begin at; -1 = none that we know enough of. */
static int open_base(const struct sup *s, const struct sup_task *t, int dir)
{
	char place[64];
	struct statfs fs;
	int fd;

	place_of(t, dir, place);
	fd = openat(s->proc, place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* 0 and an open file, or an error that the task would get; 1: neither is certain. */
static int open_path(const struct sup *s, const struct sup_task *t, const struct wanted *w,
		     int *ret)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC |
			 ((w->flags & AT_SYMLINK_NOFOLLOW) != 0 ? (uint64_t)O_NOFOLLOW : 0),
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	const bool from_root = w->text[0] == '/';
	const int base = from_root ? AT_FDCWD : open_base(s, t, w->dir);
	int error = 0;

	if (base < 0 && !from_root)
		return 1;
	*ret = (int)syscall(SYS_openat2, base, w->text, &how, sizeof(how));
	if (*ret < 0)
		error = errno;
	if (!from_root)
		(void)close(base);
	if (error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG)
		return -error;
	return error != 0 ? 1 : 0;
}

/* --- what a call brought ---------------------------------------------------------------------- */

/* The file that a call was about, opened by us, in *ret_fd or at `place`. Whether it is that one,
 * its number says. */
static bool find_again(const struct sup *s, const struct sup_task *t, enum sup_call call,
		       char place[64], int *ret_fd)
{
	static struct wanted w; /* one call at a time */
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	struct open_how no_follow = how;
	int base = AT_FDCWD;

	*ret_fd = -1;
	if (!read_call(t, call, &w) || !read_path(t, &w))
		return false;
	if (w.text[0] == '\0') {
		place_of(t, w.dir, place);
		return true;
	}
	if (w.text[0] != '/') {
		base = open_base(s, t, w.dir);
		if (base < 0)
			return false;
	}
	no_follow.flags |= (w.flags & AT_SYMLINK_NOFOLLOW) != 0 ? (uint64_t)O_NOFOLLOW : 0;
	*ret_fd = (int)syscall(SYS_openat2, base, w.text, &no_follow, sizeof(no_follow));
	if (base != AT_FDCWD)
		(void)close(base);
	(void)snprintf(place, 64, "self/fd/%d", *ret_fd);
	return *ret_fd >= 0;
}

static void number_again(const struct sup *s, const struct sup_task *t, enum sup_call call,
			 union result *r)
{
	const bool x = call == SUP_STATX;
	struct stat st;
	char place[64];
	int fd = -1;

	if (gnu_dev_major(device_in(x, r)) == gnu_dev_major(s->root_dev) &&
	    find_again(s, t, call, place, &fd) &&
	    (fd < 0 || (fstat(fd, &st) == 0 && st.st_dev == device_in(x, r) &&
			st.st_ino == (x ? r->x.stx_ino : r->st.st_ino))))
		number(s, place, x, r);
	if (fd >= 0)
		(void)close(fd);
}

void sup_stat_patch(struct sup *s, const struct sup_task *t, enum sup_call call)
{
	const bool x = call == SUP_STATX;
	const uint64_t at = buffer_of(t, call);
	union result r;
	const size_t n = x ? sizeof(r.x) : sizeof(r.st);

	if (!sup_is_stat(call) || !sup_read(t->tid, at, &r, n))
		return;
	sup_level_told(s, t);
	number_again(s, t, call, &r);
	if (x)
		mend_statx(s, &r.x);
	else
		mend_stat(s, &r.st);
	(void)sup_write(t->tid, at, &r, n);
}

/* --- the answer ------------------------------------------------------------------------------- */

static bool look(int dir, const char *name, const struct wanted *w, unsigned flags,
		 union result *ret)
{
	const unsigned sync = w->flags & AT_STATX_SYNC_TYPE;

	if (w->x)
		return statx(dir, name, (int)(flags | sync), w->mask, &ret->x) == 0;
	return fstatat(dir, name, &ret->st, (int)flags) == 0;
}

/* 0 and what there is to say, or an error for the task; 1: it shall ask itself. */
static int find(const struct sup *s, const struct sup_task *t, const struct wanted *w, bool open,
		union result *ret)
{
	char place[64];
	int fd = -1, rc;

	if (open) {
		place_of(t, w->dir, place);
		if (!look(s->proc, place, w, 0, ret))
			return 1;
		number(s, place, w->x, ret);
		return 0;
	}
	rc = open_path(s, t, w, &fd);
	if (rc != 0)
		return rc;
	rc = look(fd, "", w, AT_EMPTY_PATH, ret) ? 0 : 1;
	if (rc == 0) {
		(void)snprintf(place, sizeof(place), "self/fd/%d", fd);
		number(s, place, w->x, ret);
	}
	(void)close(fd);
	return rc;
}

bool sup_stat_answer(struct sup *s, const struct sup_task *t, enum sup_call call, int64_t *ret)
{
	static struct wanted w; /* one call at a time */
	union result r;
	bool open;
	int rc;

	if (t->odd || s->other_root || s->proc < 0 || !read_call(t, call, &w) || !read_path(t, &w))
		return false;
	open = w.text[0] == '\0' && (call == SUP_FSTAT || (w.flags & AT_EMPTY_PATH) != 0);
	rc = find(s, t, &w, open, &r);
	if (rc > 0)
		return false;
	*ret = rc;
	if (rc < 0 || !sup_notify_valid(s))
		return true;
	sup_level_told(s, t);
	if (w.x)
		mend_statx(s, &r.x);
	else
		mend_stat(s, &r.st);
	if (!sup_write(t->tid, buffer_of(t, call), &r, w.x ? sizeof(r.x) : sizeof(r.st)))
		*ret = -EFAULT;
	return true;
}

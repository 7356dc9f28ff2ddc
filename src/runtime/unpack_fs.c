/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/unpack_fs.h"

#include "base/mem.h"
#include "runtime/kernel_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

void rt_fs_init(struct rt_fs *fs, int root, uint32_t id_offset)
{
	(void)umask(0);
	fs->root = root;
	fs->id_offset = id_offset;
	fs->file = fs->parent = -1;
	fs->parent_n = 0;
}

static void forget(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void rt_fs_done(struct rt_fs *fs)
{
	forget(&fs->file);
	forget(&fs->parent);
}

/* Opens `path`, which is terminated and not empty, below the root, following no link on the way. */
static int open_beneath(int root, const char *path, int flags)
{
	struct rt_open_how how = { .flags = (uint64_t)flags | O_CLOEXEC | O_NOFOLLOW,
				   .resolve = RT_RESOLVE_BENEATH | RT_RESOLVE_NO_SYMLINKS |
					      RT_RESOLVE_NO_MAGICLINKS | RT_RESOLVE_NO_XDEV };

	return (int)syscall(RT_SYS_OPENAT2, root, path, &how, sizeof(how));
}

static size_t leaf_at(struct ss_span name)
{
	size_t n = name.n;

	while (n > 0 && name.p[n - 1] != '/')
		n--;
	return n;
}

/* Bytes of a checked name, which are fewer than CPIO_MAX_NAME, as a string. */
static void copy_name(char *ret, const uint8_t *p, size_t n)
{
	memcpy(ret, p, n);
	ret[n] = '\0';
}

/* The directory part of a name that ends before `at`; "." is the root itself. */
static void copy_dir(char *ret, struct ss_span name, size_t at)
{
	if (at == 0)
		copy_name(ret, (const uint8_t *)".", 1);
	else
		copy_name(ret, name.p, at - 1);
}

/* fs->leaf becomes the last component of `name`, fs->parent the directory it stands in, which is
 * opened unless it is the one that is open. */
static int enter(struct rt_fs *fs, struct ss_span name, struct ss_err *err)
{
	const size_t at = leaf_at(name);
	const size_t n = at > 0 ? at - 1 : 0;

	copy_name(fs->leaf, name.p + at, name.n - at);
	if (fs->parent >= 0 && n == fs->parent_n && memcmp(name.p, fs->parent_name, n) == 0)
		return 0;
	copy_dir(fs->path, name, at);
	forget(&fs->parent);
	fs->parent = open_beneath(fs->root, fs->path, O_PATH | O_DIRECTORY);
	if (fs->parent < 0)
		return ss_fail_sys(err, "cannot enter its directory");
	memcpy(fs->parent_name, name.p, n);
	fs->parent_n = n;
	return 0;
}

static struct timespec seconds(uint32_t s)
{
	return (struct timespec){ .tv_sec = (time_t)s };
}

static bool has_owner(const struct rt_fs *fs, const struct cpio_entry *e)
{
	return e->uid + fs->id_offset != 0 || e->gid + fs->id_offset != 0;
}

/* The mode that a file or directory is made with: exact, since rt_fs_init() cleared the umask. */
static mode_t plain_mode(const struct cpio_entry *e)
{
	return e->mode & 0777u;
}

/* What is new belongs to 0:0. The order matters: a change of owner clears setuid bits. Half of the
 * time of unpacking goes into calls a file, so none is made that changes nothing. */
static int set_open(const struct rt_fs *fs, int fd, const struct cpio_entry *e, struct ss_err *err)
{
	const struct timespec times[2] = { seconds(e->mtime), seconds(e->mtime) };

	if (has_owner(fs, e) && fchown(fd, e->uid + fs->id_offset, e->gid + fs->id_offset) < 0)
		return ss_fail_sys(err, "cannot set the owner");
	if ((e->mode & 07777u) != plain_mode(e) && fchmod(fd, e->mode & 07777u) < 0)
		return ss_fail_sys(err, "cannot set the mode");
	if (futimens(fd, times) < 0)
		return ss_fail_sys(err, "cannot set the time");
	return 0;
}

static int set_named(const struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	const struct timespec times[2] = { seconds(e->mtime), seconds(e->mtime) };

	if (has_owner(fs, e) && fchownat(fs->parent, fs->leaf, e->uid + fs->id_offset,
					 e->gid + fs->id_offset, AT_SYMLINK_NOFOLLOW) < 0)
		return ss_fail_sys(err, "cannot set the owner");
	/* A link has no mode of its own; this name is not one. */
	if ((e->mode & CPIO_TYPE_MASK) != CPIO_LNK &&
	    fchmodat(fs->parent, fs->leaf, e->mode & 07777u, 0) < 0)
		return ss_fail_sys(err, "cannot set the mode");
	if (utimensat(fs->parent, fs->leaf, times, AT_SYMLINK_NOFOLLOW) < 0)
		return ss_fail_sys(err, "cannot set the time");
	return 0;
}

int rt_fs_dir(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	if (enter(fs, e->name, err) < 0)
		return -1;
	if (mkdirat(fs->parent, fs->leaf, plain_mode(e)) < 0)
		return ss_fail_sys(err, "cannot make the directory");
	return 0;
}

int rt_fs_dir_done(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;

	copy_name(fs->path, e->name.p, e->name.n);
	fd = open_beneath(fs->root, fs->path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return ss_fail_sys(err, "cannot open the directory");
	return set_open(fs, fd, e, err);
}

int rt_fs_file(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	if (enter(fs, e->name, err) < 0)
		return -1;
	fs->file = openat(fs->parent, fs->leaf,
			  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, plain_mode(e));
	if (fs->file < 0)
		return ss_fail_sys(err, "cannot make the file");
	return 0;
}

int rt_fs_write(struct rt_fs *fs, struct ss_span s, struct ss_err *err)
{
	while (s.n > 0) {
		const ssize_t n = write(fs->file, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ss_fail_sys(err, "cannot write");
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

int rt_fs_file_done(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	const int fd = ss_take_fd(&fs->file);

	if (set_open(fs, fd, e, err) < 0) {
		(void)close(fd);
		return -1;
	}
	if (close(fd) < 0)
		return ss_fail_sys(err, "cannot write");
	return 0;
}

int rt_fs_symlink(struct rt_fs *fs, const struct cpio_entry *e, const char *target,
		  struct ss_err *err)
{
	if (enter(fs, e->name, err) < 0)
		return -1;
	if (symlinkat(target, fs->parent, fs->leaf) < 0)
		return ss_fail_sys(err, "cannot make the link");
	return set_named(fs, e, err);
}

int rt_fs_node(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	if (enter(fs, e->name, err) < 0)
		return -1;
	if (mknodat(fs->parent, fs->leaf, (e->mode & CPIO_TYPE_MASK) | 0600,
		    makedev(e->rdev_major, e->rdev_minor)) < 0)
		return ss_fail_sys(err, "cannot make the device or fifo");
	return set_named(fs, e, err);
}

int rt_fs_link(struct rt_fs *fs, const struct cpio_entry *e, struct ss_span old, struct ss_err *err)
{
	const size_t at = leaf_at(old);
	AUTO_CLOSE int dir = -1;

	copy_dir(fs->path, old, at);
	dir = open_beneath(fs->root, fs->path, O_PATH | O_DIRECTORY);
	if (dir < 0)
		return ss_fail_sys(err, "cannot enter the first name's directory");
	if (enter(fs, e->name, err) < 0)
		return -1;
	copy_name(fs->path, old.p + at, old.n - at);
	if (linkat(dir, fs->path, fs->parent, fs->leaf, 0) < 0)
		return ss_fail_sys(err, "cannot make the hard link");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "io/beneath.h"

#include "base/mem.h"
#include "base/show.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#endif

#define SHOWN(path) SS_SHOW(((struct ss_span){ (const uint8_t *)(path), strlen(path) }))

void io_beneath_init(struct io_beneath *b, int root)
{
	*b = (struct io_beneath)IO_BENEATH_NONE;
	b->root = root;
}

static void forget_parent(struct io_beneath *b)
{
	ss_closep(&b->parent);
	b->parent = -1;
	b->parent_path[0] = '\0';
}

void io_beneath_done(struct io_beneath *b)
{
	forget_parent(b);
	ss_closep(&b->root);
	b->root = -1;
}

/* --- the folder that a path lies in ---------------------------------------------------------- */

/* The kernel refuses every link and every way out; -1 with errno, ENOSYS where it cannot. */
static int open_at_once(int root, const char *path)
{
#ifdef __linux__
	const struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
						 RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
#else
	(void)root, (void)path;
	errno = ENOSYS;
	return -1;
#endif
}

/* One component after the other, none of them a link; makes what is missing. */
static int open_by_steps(int root, const char *path, bool make)
{
	char name[IO_BENEATH_PATH_MAX];
	int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);

	while (fd >= 0 && *path != '\0') {
		const size_t n = strcspn(path, "/");
		AUTO_CLOSE int from = fd;

		assert(n > 0 && n < sizeof(name));
		memcpy(name, path, n);
		name[n] = '\0';
		if (make && mkdirat(from, name, 0755) == 0 && fchmodat(from, name, 0755, 0) < 0)
			return -1; /* whatever the umask is */
		fd = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		path += path[n] == '/' ? n + 1 : n;
	}
	return fd;
}

static int open_folder(struct io_beneath *b, const char *path)
{
	int fd = -1;

	if (!b->portable)
		fd = open_at_once(b->root, path);
	if (fd < 0 && (b->portable || errno == ENOSYS || errno == EPERM)) {
		b->portable = true;
		fd = open_by_steps(b->root, path, false);
	}
	if (fd < 0 && errno == ENOENT)
		fd = open_by_steps(b->root, path, true);
	return fd;
}

/* Relative, and no component empty, "." or "..". */
static bool is_plain(const char *path)
{
	for (const char *c = path;; c++) {
		const size_t n = strcspn(c, "/");

		if (n == 0 || (n == 1 && c[0] == '.') || (n == 2 && c[0] == '.' && c[1] == '.'))
			return false;
		c += n;
		if (*c == '\0')
			return strlen(path) < IO_BENEATH_PATH_MAX;
	}
}

/* *ret_name is the last component, inside `path`; *ret_dir is borrowed. */
static int find_parent(struct io_beneath *b, const char *path, const char **ret_name, int *ret_dir,
		       struct ss_err *err)
{
	const char *slash = strrchr(path, '/');
	const size_t n = slash != NULL ? (size_t)(slash - path) : 0;

	*ret_name = slash != NULL ? slash + 1 : path;
	if (!is_plain(path))
		return ss_fail(err, SS_EINPUT, "'%s' is no path below a folder", SHOWN(path));
	if (slash == NULL) {
		*ret_dir = b->root;
		return 0;
	}
	if (b->parent < 0 || strlen(b->parent_path) != n || memcmp(b->parent_path, path, n) != 0) {
		forget_parent(b);
		memcpy(b->parent_path, path, n);
		b->parent_path[n] = '\0';
		b->parent = open_folder(b, b->parent_path);
	}
	if (b->parent >= 0) {
		*ret_dir = b->parent;
		return 0;
	}
	if (errno == ELOOP || errno == ENOTDIR || errno == EXDEV)
		return ss_fail(err, SS_EINPUT, "'%s' lies below something that is not a folder",
			       SHOWN(path));
	return ss_fail_sys(err, "cannot make '%s'", SHOWN(path));
}

/* Whatever is at the path goes, a folder only if it is empty. */
static int make_room(struct io_beneath *b, int dir, const char *name, const char *path,
		     struct ss_err *err)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR || errno == EPERM) {
		b->parent_path[0] = '\0'; /* what is removed may be what is remembered */
		if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
			return 0;
		if (errno == ENOTEMPTY || errno == EEXIST)
			return ss_fail(err, SS_EINPUT, "'%s' replaces a folder that is not empty",
				       SHOWN(path));
	}
	return ss_fail_sys(err, "cannot replace '%s'", SHOWN(path));
}

/* --- things in it ---------------------------------------------------------------------------- */

int io_beneath_folder(struct io_beneath *b, const char *path, unsigned mode, struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;
	const char *name;
	struct stat st;
	int dir;

	if (find_parent(b, path, &name, &dir, err) < 0)
		return -1;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
	    make_room(b, dir, name, path, err) < 0)
		return -1;
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make '%s'", SHOWN(path));
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, (mode_t)mode) < 0)
		return ss_fail_sys(err, "cannot make '%s'", SHOWN(path));
	return 0;
}

int io_beneath_file(struct io_beneath *b, const char *path, unsigned mode, int *ret_fd,
		    struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;
	const char *name;
	int dir;

	if (find_parent(b, path, &name, &dir, err) < 0 || make_room(b, dir, name, path, err) < 0)
		return -1;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, (mode_t)mode) < 0)
		return ss_fail_sys(err, "cannot make '%s'", SHOWN(path));
	*ret_fd = ss_take_fd(&fd);
	return 0;
}

int io_beneath_symlink(struct io_beneath *b, const char *path, const char *target,
		       struct ss_err *err)
{
	const char *name;
	int dir;

	if (find_parent(b, path, &name, &dir, err) < 0 || make_room(b, dir, name, path, err) < 0)
		return -1;
	if (symlinkat(target, dir, name) < 0)
		return ss_fail_sys(err, "cannot make '%s'", SHOWN(path));
	return 0;
}

int io_beneath_node(struct io_beneath *b, const char *path, unsigned mode, uint32_t major,
		    uint32_t minor, bool *ret_made, struct ss_err *err)
{
	const char *name;
	int dir;

	if (find_parent(b, path, &name, &dir, err) < 0 || make_room(b, dir, name, path, err) < 0)
		return -1;
	*ret_made = false;
	if (mknodat(dir, name, (mode_t)mode, makedev(major, minor)) < 0)
		return errno == EPERM || errno == EACCES
			       ? 0
			       : ss_fail_sys(err, "cannot make '%s'", SHOWN(path));
	if (fchmodat(dir, name, (mode_t)(mode & 0777), 0) < 0)
		return ss_fail_sys(err, "cannot make '%s'", SHOWN(path));
	*ret_made = true;
	return 0;
}

int io_beneath_link_out(struct io_beneath *b, const char *path, int dir, const char *name,
			struct ss_err *err)
{
	const char *from;
	int parent;

	if (find_parent(b, path, &from, &parent, err) < 0)
		return -1;
	if (linkat(parent, from, dir, name, 0) < 0)
		return ss_fail_sys(err, "cannot link '%s'", SHOWN(path));
	return 0;
}

int io_beneath_link_in(struct io_beneath *b, const char *path, int dir, const char *name,
		       bool *ret_there, struct ss_err *err)
{
	struct stat st;
	const char *to;
	int parent;

	*ret_there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!*ret_there)
		return 0;
	if (find_parent(b, path, &to, &parent, err) < 0 || make_room(b, parent, to, path, err) < 0)
		return -1;
	if (linkat(dir, name, parent, to, 0) < 0)
		return ss_fail_sys(err, "cannot link '%s'", SHOWN(path));
	return 0;
}

int io_beneath_mtime(struct io_beneath *b, const char *path, int64_t mtime, struct ss_err *err)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = (time_t)mtime } };
	const char *name;
	int dir;

	if (find_parent(b, path, &name, &dir, err) < 0)
		return -1;
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		return ss_fail_sys(err, "cannot set the time of '%s'", SHOWN(path));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "io/cache.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#endif

/* The order in which things are removed is seen by nobody. */
#undef readdir

#define PREFIX "run-"
#define DEPTH_MAX 512u /* folders in folders, while removing */

static char *join(const char *a, const char *b)
{
	const size_t n = strlen(a) + strlen(b) + 2;
	char *p = ss_calloc(n, 1);

	(void)snprintf(p, n, "%s/%s", a, b);
	return p;
}

/* --- the cache -------------------------------------------------------------------------------- */

/* Makes `path` and what leads to it, for us alone where it is new. */
static int make_dirs(char *path, struct ss_err *err)
{
	for (char *p = strchr(path + 1, '/');; p = strchr(p + 1, '/')) {
		if (p != NULL)
			*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return ss_fail_sys(err, "cannot make the folder '%s'", path);
		if (p == NULL)
			return 0;
		*p = '/';
	}
}

char *io_cache_dir(const char *name, struct ss_err *err)
{
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	AUTO_FREE char *base = NULL;
	AUTO_FREE char *ours = NULL;
	AUTO_FREE char *full = NULL;

	/* The specification: a path that is not absolute is ignored. */
	if (xdg != NULL && xdg[0] == '/') {
		ours = join(xdg, "selfsame");
	} else if (home != NULL && home[0] == '/') {
		base = join(home, ".cache");
		ours = join(base, "selfsame");
	} else {
		(void)ss_fail(err, SS_ESYS, "neither XDG_CACHE_HOME nor HOME is set");
		return NULL;
	}
	full = join(ours, name);
	if (make_dirs(full, err) < 0)
		return NULL;
	return TAKE_PTR(full);
}

int io_lock_file(const char *path, bool exclusive, bool wait, int *ret_fd, struct ss_err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	const int how = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);
	int rc;

	if (fd < 0)
		return ss_fail_sys(err, "cannot open '%s'", path);
	do
		rc = flock(fd, how);
	while (rc < 0 && errno == EINTR);
	if (rc < 0 && errno == EWOULDBLOCK && !wait) {
		*ret_fd = -1;
		return 0;
	}
	if (rc < 0)
		return ss_fail_sys(err, "cannot lock '%s'", path);
	*ret_fd = ss_take_fd(&fd);
	return 0;
}

/* --- removing ----------------------------------------------------------------------------------
 */

#ifdef __linux__
/* A line of mountinfo: its fifth word, with \ooo for blanks; false if the line has none. */
static bool mount_point(const char *line, char *ret, size_t size)
{
	size_t n = 0;

	for (int i = 0; i < 4; i++) {
		line = strchr(line, ' ');
		if (line == NULL)
			return false;
		line++;
	}
	while (*line != ' ' && *line != '\0' && *line != '\n' && n + 1 < size) {
		if (line[0] == '\\' && strspn(line + 1, "01234567") >= 3) {
			ret[n++] = (char)((line[1] - '0') << 6 | (line[2] - '0') << 3 |
					  (line[3] - '0'));
			line += 4;
		} else {
			ret[n++] = *line++;
		}
	}
	ret[n] = '\0';
	return n > 0;
}

/* One mount below `path`, the last made first: it may lie on others. */
static bool unmount_last(const char *path)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/self/mountinfo", "re");
	const size_t n = strlen(path);
	char last[4096] = "";
	char *line = NULL;
	size_t cap = 0;

	while (f != NULL && getline(&line, &cap, f) > 0) {
		char at[4096];

		if (mount_point(line, at, sizeof(at)) && strncmp(at, path, n) == 0 && at[n] == '/')
			memcpy(last, at, sizeof(at));
	}
	free(line);
	return last[0] != '\0' && umount2(last, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
}

static void unmount_below(const char *path)
{
	for (int i = 0; i < 4096 && unmount_last(path); i++)
		continue;
}

/* The folder `name` in `dir`, never through a link or into a mount. */
static int open_inside(int dir, const char *name)
{
	const struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
				      .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV |
						 RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}
#else
static void unmount_below(const char *path)
{
	(void)path;
}

static int open_inside(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}
#endif

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* All that `dir` (taken over) holds, as far as it can be removed. */
static void empty_dir(int dir, unsigned depth)
{
	DIR *d = fdopendir(dir);

	if (d == NULL) {
		(void)close(dir);
		return;
	}
	(void)fchmod(dir, 0700);
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		int sub;

		if (is_dots(e->d_name) || unlinkat(dir, e->d_name, 0) == 0)
			continue;
		sub = depth > 0 ? open_inside(dir, e->d_name) : -1;
		if (sub < 0 && errno == EACCES && fchmodat(dir, e->d_name, 0700, 0) == 0)
			sub = open_inside(dir, e->d_name); /* it was closed even to its owner */
		if (sub >= 0) {
			empty_dir(sub, depth - 1);
			(void)unlinkat(dir, e->d_name, AT_REMOVEDIR);
		}
	}
	(void)closedir(d);
}

void io_remove_tree(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	unmount_below(path);
	empty_dir(fd, DEPTH_MAX);
	(void)rmdir(path);
}

/* --- private folders ----------------------------------------------------------------------------
 */

/* Removes the folders that nobody holds; the parent is locked. */
static void remove_stale(const char *parent, void (*stale)(void *ctx, const char *path), void *ctx)
{
	DIR *d = opendir(parent);

	if (d == NULL)
		return;
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		AUTO_CLOSE int fd = -1;
		AUTO_FREE char *path = NULL;

		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		path = join(parent, e->d_name);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		if (stale != NULL)
			stale(ctx, path);
		io_remove_tree(path);
	}
	(void)closedir(d);
}

static int make_private(const char *parent, struct io_private *ret, struct ss_err *err)
{
	AUTO_FREE char *path = join(parent, PREFIX "XXXXXX");
	AUTO_CLOSE int fd = -1;

	if (mkdtemp(path) == NULL)
		return ss_fail_sys(err, "cannot make a folder in '%s'", parent);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return ss_fail_sys(err, "cannot lock '%s'", path);
	ret->fd = ss_take_fd(&fd);
	ret->path = TAKE_PTR(path);
	return 0;
}

int io_private_new(const char *parent, struct io_private *ret,
		   void (*stale)(void *ctx, const char *path), void *ctx, struct ss_err *err)
{
	/* While this is held nobody takes a folder for left over that is just being made. */
	AUTO_CLOSE int lock = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct io_private p = IO_PRIVATE_NONE;
	int rc;

	if (lock < 0)
		return ss_fail_sys(err, "cannot open '%s'", parent);
	do
		rc = flock(lock, LOCK_EX);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return ss_fail_sys(err, "cannot lock '%s'", parent);
	remove_stale(parent, stale, ctx);
	if (make_private(parent, &p, err) < 0)
		return -1;
	*ret = p;
	return 0;
}

void io_private_done(struct io_private *p)
{
	if (p->path != NULL)
		io_remove_tree(p->path);
	if (p->fd >= 0)
		(void)close(ss_take_fd(&p->fd));
	free(p->path);
	p->path = NULL;
}

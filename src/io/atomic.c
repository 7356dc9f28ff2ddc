/* SPDX-License-Identifier: Apache-2.0 */
#include "io/atomic.h"

#include "base/mem.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void split(const char *path, struct io_atomic *a, char **ret_dir)
{
	const char *slash = strrchr(path, '/');
	const size_t n = strlen(path);
	size_t room;

	a->path = ss_calloc(n + 1, 1);
	memcpy(a->path, path, n);
	a->base = slash != NULL ? a->path + (slash - path) + 1 : a->path;
	*ret_dir = ss_calloc(n + 2, 1);
	if (slash == NULL)
		(*ret_dir)[0] = '.';
	else
		memcpy(*ret_dir, path, slash == path ? 1 : (size_t)(slash - path));
	room = strlen(a->base) + sizeof("..selfsame-new");
	a->hidden = ss_calloc(room, 1);
	(void)snprintf(a->hidden, room, ".%s.selfsame-new", a->base);
}

static int open_unnamed(struct io_atomic *a, unsigned mode)
{
#ifdef O_TMPFILE
	a->fd = openat(a->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, (mode_t)mode);
	if (a->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
		return -1;
#endif
	(void)unlinkat(a->dir, a->hidden, 0);
	a->fd = openat(a->dir, a->hidden, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW,
		       (mode_t)mode);
	a->named = a->fd >= 0;
	return a->fd >= 0 ? 0 : -1;
}

int io_atomic_open(const char *path, unsigned mode, struct io_atomic *ret, struct ss_err *err)
{
	AUTO_ATOMIC struct io_atomic a = IO_ATOMIC_NONE;
	AUTO_FREE char *dir = NULL;
	struct stat st = { 0 };

	split(path, &a, &dir);
	if (a.base[0] == '\0')
		return ss_fail(err, SS_EUSAGE, "'%s' names a directory, not a file", path);
	a.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a.dir < 0)
		return ss_fail_sys(err, "cannot write '%s': folder '%s'", path, dir);
	if (fstatat(a.dir, a.base, &st, 0) == 0 && !S_ISREG(st.st_mode))
		return ss_fail(err, SS_EUSAGE, "'%s' is %s, not a file", path,
			       S_ISDIR(st.st_mode) ? "a directory" : "a device or the like");
	if (open_unnamed(&a, mode != 0 ? mode : 0666) < 0)
		return ss_fail_sys(err, "cannot write '%s'", path);
	*ret = a;
	a = (struct io_atomic)IO_ATOMIC_NONE;
	return 0;
}

static int give_name(struct io_atomic *a)
{
	char proc[64];

	if (a->named)
		return 0;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", a->fd);
	(void)unlinkat(a->dir, a->hidden, 0);
	if (linkat(AT_FDCWD, proc, a->dir, a->hidden, AT_SYMLINK_FOLLOW) < 0)
		return -1;
	a->named = true;
	return 0;
}

int io_atomic_commit(struct io_atomic *a, struct ss_err *err)
{
	int rc;

	if (fsync(a->fd) < 0)
		return ss_fail_sys(err, "cannot write '%s'", a->path);
	if (give_name(a) < 0 || renameat(a->dir, a->hidden, a->dir, a->base) < 0)
		return ss_fail_sys(err, "cannot rename the finished file to '%s'", a->path);
	a->named = false;
	(void)fsync(a->dir); /* some file systems refuse it; the rename itself has happened */
	rc = close(ss_take_fd(&a->fd));
	if (rc < 0)
		return ss_fail_sys(err, "cannot close '%s'", a->path);
	return 0;
}

void io_atomic_done(struct io_atomic *a)
{
	if (a->path == NULL)
		return;
	if (a->named)
		(void)unlinkat(a->dir, a->hidden, 0);
	ss_closep(&a->fd);
	ss_closep(&a->dir);
	free(a->path);
	free(a->hidden);
	*a = (struct io_atomic)IO_ATOMIC_NONE;
}

int io_atomic_store(const char *path, struct ss_span bytes, struct ss_err *err)
{
	AUTO_ATOMIC struct io_atomic a = IO_ATOMIC_NONE;

	if (io_atomic_open(path, 0, &a, err) < 0)
		return -1;
	if (io_write_all(a.fd, bytes, err) < 0)
		return ss_ctx(err, "'%s'", path);
	return io_atomic_commit(&a, err);
}

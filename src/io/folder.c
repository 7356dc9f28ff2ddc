/* SPDX-License-Identifier: Apache-2.0 */

#include "base/mem.h"
#include "io/beneath.h"

#undef readdir /* the order does not matter to what is removed */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Removing a tree without recursion and with two descriptors, however deep it is: whatever lies
 * inside a folder is moved up into the one to be emptied, under a name of its own, until nothing is
 * left to move.
 */
static int open_to_empty(int dir, const char *name)
{
	const int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		(void)fchmod(fd, 0700);
	return fd;
}

/* A stream of its own, from the beginning; NULL with errno. */
static DIR *list(int dir)
{
	const int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d == NULL && fd >= 0)
		(void)close(fd);
	return d;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Files in `dir` go; folders in it move to `top`, or stay for a later round if dir is top. */
static int drop_files(int dir, int top, uint64_t *serial)
{
	DIR *d = list(dir);
	struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return -1;
	while (rc == 0 && (e = readdir(d)) != NULL) {
		char name[64];

		if (is_dots(e->d_name) || unlinkat(dir, e->d_name, 0) == 0)
			continue;
		if (errno != EISDIR && errno != EPERM)
			rc = -1;
		else if (dir != top) {
			do
				(void)snprintf(name, sizeof(name), "~%llu",
					       (unsigned long long)(*serial)++);
			while ((rc = renameat(dir, e->d_name, top, name)) < 0 &&
			       (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR));
		}
	}
	(void)closedir(d);
	return rc;
}

/* Takes one folder out of `top`: 1 = done, 0 = there is none. */
static int drop_one_folder(int top, uint64_t *serial)
{
	DIR *d = list(top);
	AUTO_CLOSE int sub = -1;
	char name[sizeof(((struct dirent *)0)->d_name)] = "";
	struct dirent *e;

	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		if (!is_dots(e->d_name)) {
			memcpy(name, e->d_name, sizeof(name));
			break;
		}
	(void)closedir(d);
	if (name[0] == '\0')
		return 0;
	sub = open_to_empty(top, name);
	if (sub < 0 || drop_files(sub, top, serial) < 0 || unlinkat(top, name, AT_REMOVEDIR) < 0)
		return -1;
	return 1;
}

static int empty(int top)
{
	uint64_t serial = 0;
	int rc = drop_files(top, top, &serial);

	while (rc == 0 && (rc = drop_one_folder(top, &serial)) > 0)
		rc = 0;
	return rc;
}

int io_folder_remove(int dir, const char *name, struct ss_err *err)
{
	AUTO_CLOSE int fd = open_to_empty(dir, name);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || empty(fd) < 0 || unlinkat(dir, name, AT_REMOVEDIR) < 0)
		return ss_fail_sys(err, "cannot remove '%s'", name);
	return 0;
}

int io_folder_fresh(int dir, const char *name, int *ret_fd, struct ss_err *err)
{
	if (io_folder_remove(dir, name, err) < 0)
		return -1;
	if (mkdirat(dir, name, 0700) < 0)
		return ss_fail_sys(err, "cannot make '%s'", name);
	*ret_fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd < 0)
		return ss_fail_sys(err, "cannot open '%s'", name);
	return 0;
}

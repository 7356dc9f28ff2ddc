/* SPDX-License-Identifier: Apache-2.0 */
#include "io/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* The order in which things are removed is seen by nobody. */
#undef readdir

#define TOP "/sys/fs/cgroup"
#define DEPTH_MAX 16u /* groups in groups */
#define TRIES 50
#define NAP_US 20000

static bool is_group(const struct dirent *e)
{
	return e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int open_dir(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Looks for the groups `name` below `dir` (taken over); with name NULL all are meant. False if one
 * of them is still in use. */
static bool remove_below(int dir, const char *name, unsigned depth)
{
	DIR *d = dir >= 0 ? fdopendir(dir) : NULL;
	bool gone = true;

	if (d == NULL) {
		if (dir >= 0)
			(void)close(dir);
		return true;
	}
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		const bool ours = is_group(e) && (name == NULL || strcmp(e->d_name, name) == 0);

		if (!is_group(e) || depth == 0)
			continue;
		if (!remove_below(open_dir(dir, e->d_name), ours ? NULL : name, depth - 1))
			gone = false;
		/* The files in it do not count: they are the kernel's. */
		if (ours && unlinkat(dir, e->d_name, AT_REMOVEDIR) < 0 && errno == EBUSY)
			gone = false;
	}
	(void)closedir(d);
	return gone;
}

void io_cgroup_remove(const char *name)
{
	for (int i = 0; i < TRIES && !remove_below(open_dir(AT_FDCWD, TOP), name, DEPTH_MAX); i++)
		(void)usleep(NAP_US);
}

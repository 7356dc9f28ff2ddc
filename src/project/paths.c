/* SPDX-License-Identifier: Apache-2.0 */
#include "project/paths.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *project_path_join(const char *dir, const char *name)
{
	const size_t n = strlen(dir) + strlen(name) + 2;
	char *p;

	if (name[0] == '/' || strcmp(dir, ".") == 0)
		return ss_copy(name);
	p = ss_calloc(n, 1);
	(void)snprintf(p, n, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name);
	return p;
}

char *project_path_dir(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *p;

	if (slash == NULL)
		return ss_copy(".");
	if (slash == file)
		return ss_copy("/");
	p = ss_copy(file);
	p[slash - file] = '\0';
	return p;
}

char *project_path_real(const char *file)
{
	const char *slash = strrchr(file, '/');
	AUTO_FREE char *dir = project_path_dir(file);
	AUTO_FREE char *real = realpath(dir, NULL);

	return real != NULL ? project_path_join(real, slash != NULL ? slash + 1 : file) : NULL;
}

bool project_path_same(const char *a, const char *b)
{
	AUTO_FREE char *x = NULL;
	AUTO_FREE char *y = NULL;
	struct stat st = { 0 }, su = { 0 };

	if (stat(a, &st) == 0 && stat(b, &su) == 0)
		return st.st_dev == su.st_dev && st.st_ino == su.st_ino;
	x = project_path_real(a);
	y = project_path_real(b);
	return x != NULL && y != NULL && strcmp(x, y) == 0;
}

bool project_path_is_below(const char *dir, const char *file)
{
	AUTO_FREE char *top = realpath(dir, NULL);
	AUTO_FREE char *real = project_path_real(file);
	size_t n;

	if (top == NULL || real == NULL)
		return false;
	n = strcmp(top, "/") == 0 ? 0 : strlen(top);
	return strncmp(real, top, n) == 0 && real[n] == '/';
}

char *project_path_relative(const char *dir, const char *file)
{
	AUTO_FREE char *from = realpath(dir, NULL);
	AUTO_FREE char *to = project_path_real(file);
	size_t same = 0, room, ups = 0;
	char *p;

	if (from == NULL || to == NULL)
		return NULL;
	for (size_t i = 0;; i++) { /* the last place where a component of both ends */
		const bool ends = (from[i] == '/' || from[i] == '\0') && to[i] == '/';

		if (ends)
			same = i;
		if (from[i] == '\0' || from[i] != to[i])
			break;
	}
	for (size_t i = same; from[i] != '\0'; i++)
		ups += from[i] == '/' && from[i + 1] != '\0';
	room = 3 * ups + strlen(to + same) + 1;
	p = ss_calloc(room, 1);
	for (size_t i = 0; i < ups; i++)
		memcpy(p + 3 * i, "../", 3);
	memcpy(p + 3 * ups, to + same + 1, strlen(to + same));
	return p;
}

char *project_source_below(const char *dir, const char *source)
{
	static const char *const on_disk[] = { "oci:", "oci-archive:", "docker-archive:",
					       "dir:", "rootfs:",      "rootfs-tar:" };

	for (size_t i = 0; i < SS_NELEMS(on_disk); i++) {
		const size_t n = strlen(on_disk[i]);

		if (strncmp(source, on_disk[i], n) == 0) {
			AUTO_FREE char *path = project_path_join(dir, source + n);
			const size_t room = n + strlen(path) + 1;
			char *p = ss_calloc(room, 1);

			(void)snprintf(p, room, "%s%s", on_disk[i], path);
			return p;
		}
	}
	return ss_copy(source);
}

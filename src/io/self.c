/* SPDX-License-Identifier: Apache-2.0 */
#include "io/self.h"

#include "base/mem.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

static int self_dir(char *ret, size_t n, struct ss_err *err)
{
	char *slash;

#ifdef __APPLE__
	uint32_t room = (uint32_t)n;

	if (_NSGetExecutablePath(ret, &room) != 0)
		return ss_fail(err, SS_ESYS, "cannot find the folder of this program");
#else
	const ssize_t got = readlink("/proc/self/exe", ret, n - 1);

	if (got < 0)
		return ss_fail_sys(err, "cannot find the folder of this program");
	ret[got] = '\0';
#endif
	slash = strrchr(ret, '/');
	if (slash == NULL)
		return ss_fail(err, SS_ESYS, "cannot find the folder of this program");
	*slash = '\0';
	return 0;
}

char *io_self_find(const char *name, struct ss_err *err)
{
	static const char *const places[] = { "", "../lib/selfsame/", "../libexec/",
					      "../share/selfsame/", "../" };
	char dir[PATH_MAX];
	char path[PATH_MAX + 256];

	if (self_dir(dir, sizeof(dir), err) < 0)
		return NULL;
	for (size_t i = 0; i < SS_NELEMS(places); i++) {
		char *found;

		(void)snprintf(path, sizeof(path), "%s/%s%s", dir, places[i], name);
		found = realpath(path, NULL);
		if (found != NULL)
			return found;
	}
	ss_err_set(err, SS_ESYS,
		   "'%s' is neither in '%s' nor in lib/selfsame or share/selfsame beside it", name,
		   dir);
	return NULL;
}

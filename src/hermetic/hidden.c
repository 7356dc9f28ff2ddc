/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/hidden.h"

#include "base/mem.h"
#include "io/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

static bool is_below(const char *path, const char *top)
{
	const size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Those of every step. */
static bool is_usual(const char *path)
{
	static const char *const usual[] = { "/proc",
					     "/sys",
					     "/dev",
					     "/etc/hosts",
					     "/etc/hostname",
					     "/etc/resolv.conf",
					     "/run/.containerenv" };

	for (size_t i = 0; i < SS_NELEMS(usual); i++)
		if (is_below(path, usual[i]))
			return true;
	return false;
}

/* buildah's mounts of volumes have this one option, those of --mount others besides. */
static bool is_volume(const json_t *mount)
{
	const json_t *options = json_object_get(mount, "options");
	const char *only = json_string_value(json_array_get(options, 0));

	return json_array_size(options) == 1 && only != NULL && strcmp(only, "bind") == 0;
}

static bool is_there(int root, const char *path)
{
	const struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				      .resolve = RESOLVE_IN_ROOT };
	AUTO_CLOSE int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd >= 0;
}

int hermetic_open_root(const json_t *config, const char *bundle)
{
	const char *path =
		json_string_value(json_object_get(json_object_get(config, "root"), "path"));
	AUTO_FREE char *joined = NULL;
	size_t n;

	if (path == NULL)
		return -1;
	n = strlen(bundle) + strlen(path) + 2;
	joined = ss_calloc(n, 1);
	(void)snprintf(joined, n, "%s%s%s", path[0] == '/' ? "" : bundle, path[0] == '/' ? "" : "/",
		       path);
	return open(joined, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void hermetic_hidden(const json_t *config, const char *bundle, struct ss_buf *ret)
{
	const json_t *mounts = json_object_get(config, "mounts");
	AUTO_CLOSE int root = hermetic_open_root(config, bundle);

	for (size_t i = 0; root >= 0 && i < json_array_size(mounts); i++) {
		const json_t *mount = json_array_get(mounts, i);
		const char *at = json_string_value(json_object_get(mount, "destination"));

		if (at == NULL || strchr(at, '\n') != NULL || is_usual(at) || is_volume(mount) ||
		    !is_there(root, at))
			continue;
		ss_buf_put(ret, (struct ss_span){ (const uint8_t *)at, strlen(at) });
		ss_buf_put(ret, (struct ss_span){ (const uint8_t *)"\n", 1 });
	}
}

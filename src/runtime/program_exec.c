/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "runtime/app.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_ROOM 4096u

static char candidate[PATH_ROOM];

static struct ss_span text_of(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static const char *search_path(char *const *envp)
{
	for (; *envp != NULL; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return DEFAULT_PATH;
}

/* errno says only "not found" or "no permission" for things that have different cures. */
static int explain(const char *path, struct ss_err *err)
{
	const int why = errno;

	if (why == ENOENT && access(path, F_OK) == 0)
		return ss_fail(err, SS_ESYS,
			       "cannot start '%s': the interpreter or loader that it names is not "
			       "in the image",
			       SS_SHOW(text_of(path)));
	if (why == ENOENT)
		return ss_fail(err, SS_ESYS,
			       "cannot start '%s': there is no such file in the image",
			       SS_SHOW(text_of(path)));
	if (why == ENOEXEC)
		return ss_fail(err, SS_ESYS,
			       "cannot start '%s': not a program of this architecture, and no "
			       "script that begins with #!",
			       SS_SHOW(text_of(path)));
	errno = why;
	return ss_fail_sys(err, "cannot start '%s'", SS_SHOW(text_of(path)));
}

/* One folder of PATH; an empty one is the working directory. */
static bool join(const char *dir, size_t n, const char *name)
{
	const size_t name_n = strlen(name);
	size_t at = 0;

	if (n > sizeof(candidate) - 2 || name_n > sizeof(candidate) - 2 - n)
		return false;
	memcpy(candidate, dir, n);
	at = n;
	if (n > 0)
		candidate[at++] = '/';
	memcpy(candidate + at, name, name_n + 1);
	return true;
}

/* The errors after which the search goes on, as execvp() has it. */
static bool is_absent(int why)
{
	return why == ENOENT || why == ENOTDIR || why == EACCES;
}

static int search(char *const *argv, char *const *envp, struct ss_err *err)
{
	const char *path = search_path(envp);
	const char *dir = path;
	bool denied = false;

	for (;;) {
		const char *end = strchr(dir, ':');
		const size_t n = end != NULL ? (size_t)(end - dir) : strlen(dir);

		if (join(dir, n, argv[0])) {
			(void)execve(candidate, argv, envp);
			if (!is_absent(errno) || (errno == ENOENT && access(candidate, F_OK) == 0))
				return explain(candidate, err);
			denied = denied || errno == EACCES;
		}
		if (end == NULL)
			break;
		dir = end + 1;
	}
	return ss_fail(err, SS_ESYS, "cannot start '%s': %s in PATH (%s)",
		       SS_SHOW(text_of(argv[0])), denied ? "nothing it may execute" : "not found",
		       SS_SHOW(text_of(path)));
}

int rt_exec(char *const *argv, char *const *envp, struct ss_err *err)
{
	if (strchr(argv[0], '/') == NULL)
		return search(argv, envp, err);
	(void)execve(argv[0], argv, envp);
	return explain(argv[0], err);
}

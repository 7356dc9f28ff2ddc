/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the place of init, for tests: leaves a process behind that looks at the machine from outside
 * of everybody's namespaces, and becomes the true one, /init.true of ramdisk 0. What it leaves says
 * on the console, once, the rights of dataplane, as soon as that runs under seccomp, and of the
 * keeper.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 1200 /* of 50 ms */

/* The file's text, "" if its process has gone. */
static void read_text(int proc, const char *pid, char *ret, size_t room)
{
	char path[300];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/status", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, ret, room - 1);
	ret[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

static void say_rights(const char *who, char *status)
{
	static const char *const wanted[] = { "Uid:",    "Gid:",     "Groups:",    "CapInh:",
					      "CapPrm:", "CapEff:",  "CapBnd:",    "CapAmb:",
					      "NSpid:",  "Seccomp:", "NoNewPrivs:" };

	for (char *line = strtok_r(status, "\n", &status); line != NULL;
	     line = strtok_r(NULL, "\n", &status))
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				dprintf(2, "watcher: %s %s\n", who, line);
	dprintf(2, "watcher: %s done\n", who);
}

/* True when both have been found and said. */
static bool look(int proc, bool *said_plane, bool *said_keeper)
{
	DIR *d = fdopendir(dup(proc));
	struct dirent *e;

	rewinddir(d);
	while ((e = readdir(d)) != NULL) {
		char status[4096];

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		read_text(proc, e->d_name, status, sizeof(status));
		if (!*said_plane && strstr(status, "Uid:\t1073741568\t") != NULL &&
		    strstr(status, "Seccomp:\t2") != NULL) {
			say_rights("dataplane", status);
			*said_plane = true;
		} else if (!*said_keeper && strstr(status, "Name:\tkeeper\n") != NULL &&
			   strstr(status, "CapEff:\t0000000000000020") != NULL) {
			say_rights("keeper", status);
			*said_keeper = true;
		}
	}
	(void)closedir(d);
	return *said_plane && *said_keeper;
}

static void watch(int proc)
{
	bool plane = false, keeper = false;

	for (int i = 0; i < ROUNDS && !look(proc, &plane, &keeper); i++)
		(void)usleep(50000);
	_exit(0);
}

int main(int argc, char **argv)
{
	static char program[] = "/init.true";
	const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)argc;
	if (proc >= 0 && fork() == 0)
		watch(proc);
	argv[0] = program;
	(void)execv(program, argv);
	dprintf(2, "watcher: cannot become the true init\n");
	return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: plane-host --unix BASE --config FILE --link FD [--tun FD] [--key FD] [--memory BYTES]
 * [--free]
 *
 * dataplane on the host, for tests and the bench: the same sources as in the enclave, over unix
 * sockets (plane_unix.c). --free leaves out the system call filter, which sanitizers would break.
 */
#include "base/mem.h"
#include "plane_unix.h"
#include "runtime/dp.h"
#include "runtime/dp_seccomp.h"
#include "runtime/dp_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dp plane;
static uint8_t config[MC_MAX_SIZE];

static int read_config(const char *path, struct ss_span *ret, struct ss_err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, config, sizeof(config));

	if (n < 0)
		return ss_fail_sys(err, "'%s'", path);
	*ret = (struct ss_span){ config, (size_t)n };
	return 0;
}

static int run(int argc, char **argv, struct ss_err *err)
{
	struct dp_start s = { .link = -1, .tun = -1, .key = -1, .memory = 64u << 20 };
	const char *file = NULL;
	bool filter = true;

#if defined(__SANITIZE_ADDRESS__) || defined(PLANE_FREE)
	filter = false;
#endif
	for (int i = 1; i < argc; i++) {
		const char *v = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--free") == 0) {
			filter = false;
			continue;
		}
		i++;
		if (strcmp(argv[i - 1], "--unix") == 0)
			plane_unix_init(v);
		else if (strcmp(argv[i - 1], "--config") == 0)
			file = v;
		else if (strcmp(argv[i - 1], "--link") == 0)
			s.link = (int)strtoul(v, NULL, 10);
		else if (strcmp(argv[i - 1], "--tun") == 0)
			s.tun = (int)strtoul(v, NULL, 10);
		else if (strcmp(argv[i - 1], "--key") == 0)
			s.key = (int)strtoul(v, NULL, 10);
		else if (strcmp(argv[i - 1], "--memory") == 0)
			s.memory = strtoull(v, NULL, 10);
		else
			return ss_fail(err, SS_EUSAGE, "what is '%s'?", argv[i - 1]);
	}
	if (file == NULL || s.link < 0)
		return ss_fail(err, SS_EUSAGE, "--unix, --config and --link are needed");
	if (read_config(file, &s.config, err) < 0 || dp_start(&plane, &s, err) < 0 ||
	    (filter && dp_seccomp(dp_wire_family, err) < 0))
		return -1;
	return dp_run(&plane, err);
}

int main(int argc, char **argv)
{
	struct ss_err err = { 0 };

	if (run(argc, argv, &err) < 0)
		(void)fprintf(stderr, "dataplane: %s\n", err.msg);
	return 1;
}

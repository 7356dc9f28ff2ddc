/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dataplane as init starts it (plane.h says with what). It carries bytes until the enclave ends; if
 * it cannot start, it says why in one line and ends, and so does the enclave.
 */
#include "base/mem.h"
#include "runtime/dp.h"
#include "runtime/dp_seccomp.h"
#include "runtime/dp_wire.h"
#include "runtime/format.h"
#include "runtime/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { SAY_FD = 2, LINK_FD = 3, CONFIG_FD = 4, TUN_FD = 5, KEY_FD = 6 };

static struct dp plane;
static uint8_t config[MC_MAX_SIZE];

static int read_config(struct ss_span *ret, struct ss_err *err)
{
	size_t have = 0;
	ssize_t n;

	while ((n = pread(CONFIG_FD, config + have, sizeof(config) - have, (off_t)have)) > 0)
		have += (size_t)n;
	if (n < 0)
		return ss_fail_sys(err, "cannot read the measured config");
	(void)close(CONFIG_FD);
	*ret = (struct ss_span){ config, have };
	return 0;
}

static int read_memory(int argc, char **argv, uint64_t *ret, struct ss_err *err)
{
	const char *p = argc == 2 ? argv[1] : "?";

	for (*ret = 0; *p >= '0' && *p <= '9' && *ret < UINT64_MAX / 16; p++)
		*ret = *ret * 10 + (uint64_t)(*p - '0');
	return *p == '\0' ? 0 : ss_fail(err, SS_EUSAGE, "not started by init");
}

static int run(int argc, char **argv, struct ss_err *err)
{
	struct dp_start s = { .link = LINK_FD, .tun = TUN_FD, .key = KEY_FD };

	if (read_memory(argc, argv, &s.memory, err) < 0 || read_config(&s.config, err) < 0)
		return -1;
	if (fcntl(TUN_FD, F_GETFD) < 0)
		s.tun = -1;
	if (fcntl(KEY_FD, F_GETFD) < 0)
		s.key = -1;
	/* Listening below port 1024 was the last thing that took a capability. */
	if (dp_start(&plane, &s, err) < 0 || rt_caps_set(0, err) < 0 ||
	    dp_seccomp(dp_wire_family, err) < 0)
		return -1;
	return dp_run(&plane, err);
}

int main(int argc, char **argv)
{
	struct ss_err err = { 0 };
	char line[SS_ERR_MSG_MAX + 16];
	size_t n;

	if (run(argc, argv, &err) == 0)
		return 0;
	n = rt_format(line, sizeof(line), "dataplane: %s\n", err.msg);
	return write(SAY_FD, line, n) == (ssize_t)n ? 1 : 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/heartbeat.h"

#include "base/mem.h"
#include "runtime/kernel_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

#define PARENT_CID 3u
#define HEARTBEAT_PORT 9000u
#define HEARTBEAT_BYTE 0xb7u
#define TIMEOUT_MS 30000 /* each step; the host's own patience is 90 s and more */

static int wait_for(int fd, short what, struct ss_err *err)
{
	struct pollfd p = { .fd = fd, .events = what };
	const int n = poll(&p, 1, TIMEOUT_MS);

	if (n < 0)
		return ss_fail_sys(err, "cannot wait for the host");
	if (n == 0)
		return ss_fail(err, SS_EREMOTE, "the host does not answer within %d s",
			       TIMEOUT_MS / 1000);
	return 0;
}

static int finish_connect(int fd, struct ss_err *err)
{
	socklen_t n = sizeof(errno);
	int why = 0;

	if (wait_for(fd, POLLOUT, err) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0)
		return ss_fail_sys(err, "cannot reach the host");
	errno = why;
	return why == 0 ? 0 : ss_fail_sys(err, "cannot reach the host");
}

int rt_heartbeat(bool *ret_no_vsock, struct ss_err *err)
{
	const struct rt_sockaddr_vm to = { .family = RT_AF_VSOCK,
					   .port = HEARTBEAT_PORT,
					   .cid = PARENT_CID };
	uint8_t byte = HEARTBEAT_BYTE;
	AUTO_CLOSE int fd = socket(RT_AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*ret_no_vsock = fd < 0;
	if (fd < 0)
		return ss_fail_sys(err, "no vsock");
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		*ret_no_vsock = errno == ENODEV;
		if (errno != EINPROGRESS)
			return ss_fail_sys(err, "cannot reach the host");
		if (finish_connect(fd, err) < 0)
			return -1;
	}
	if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return ss_fail_sys(err, "cannot send to the host");
	if (wait_for(fd, POLLIN, err) < 0)
		return -1;
	if (recv(fd, &byte, 1, 0) != 1)
		return ss_fail(err, SS_EREMOTE, "the host hangs up");
	if (byte != HEARTBEAT_BYTE)
		return ss_fail(err, SS_EREMOTE, "the host answers 0x%02x, not 0x%02x", byte,
			       HEARTBEAT_BYTE);
	return 0;
}

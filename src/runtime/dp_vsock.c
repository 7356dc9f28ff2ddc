/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "runtime/dp_wire.h"
#include "runtime/kernel_abi.h"

#include <errno.h>
#include <sys/socket.h>

#define ANY_CID UINT32_MAX
#define HOST_CID 3u
#define BACKLOG 4096 /* net.core.somaxconn: a burst of callers waits, and is not refused */

const int dp_wire_family = RT_AF_VSOCK;

static int vsock(void)
{
	return socket(RT_AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int dp_wire_listen(uint32_t port, int *ret, struct ss_err *err)
{
	const struct rt_sockaddr_vm at = { .family = RT_AF_VSOCK, .port = port, .cid = ANY_CID };
	AUTO_CLOSE int fd = vsock();

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return ss_fail_sys(err, "vsock port %u", port);
	*ret = ss_take_fd(&fd);
	return 0;
}

int dp_wire_accept(int listener)
{
	struct rt_sockaddr_vm from = { 0 };
	socklen_t n = sizeof(from);
	const int fd =
		accept4(listener, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 && from.cid != HOST_CID) {
		(void)close(fd);
		errno = ECONNABORTED;
		return -1;
	}
	return fd;
}

int dp_wire_dial(uint32_t port)
{
	const struct rt_sockaddr_vm to = { .family = RT_AF_VSOCK, .port = port, .cid = HOST_CID };
	const int fd = vsock();

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) {
		const int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

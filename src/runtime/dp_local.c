/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

int dp_local_call(uint16_t port, bool udp)
{
	static const int on = 1;
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };
	const int fd =
		socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if ((!udp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0) ||
	    (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)) {
		const int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int dp_local_outcome(int fd)
{
	struct sockaddr_in peer;
	socklen_t n = sizeof(errno);
	int why = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0)
		return errno;
	if (why != 0)
		return why;
	n = sizeof(peer);
	if (getpeername(fd, (struct sockaddr *)&peer, &n) == 0)
		return 0;
	return errno == ENOTCONN ? EINPROGRESS : errno;
}

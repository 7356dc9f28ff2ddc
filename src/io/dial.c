/* SPDX-License-Identifier: Apache-2.0 */
#include "io/dial.h"

#include "base/mem.h"
#include "io/clock.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static int wait_for(int fd, short events, uint64_t until_ms, struct ss_err *err)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now;
	int rc;

	do {
		now = io_clock_steady_ms();
		if (now >= until_ms)
			return ss_fail(err, SS_EREMOTE, "timed out");
		rc = poll(&p, 1, until_ms - now < INT_MAX ? (int)(until_ms - now) : INT_MAX);
	} while (rc == 0 || (rc < 0 && errno == EINTR));
	return rc < 0 ? ss_fail_sys(err, "cannot wait for the network") : 0;
}

int io_wait_read(int fd, uint64_t until_ms, struct ss_err *err)
{
	return wait_for(fd, POLLIN, until_ms, err);
}

int io_wait_write(int fd, uint64_t until_ms, struct ss_err *err)
{
	return wait_for(fd, POLLOUT, until_ms, err);
}

static int try_one(const struct addrinfo *a, uint64_t until_ms, int *ret, struct ss_err *err)
{
	AUTO_CLOSE int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int why = 0;
	socklen_t n = sizeof(why);

	if (fd < 0)
		return ss_fail_sys(err, "no socket");
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		if (errno != EINPROGRESS && errno != EINTR)
			return ss_fail(err, SS_EREMOTE, "%s", strerror(errno));
		if (io_wait_write(fd, until_ms, err) < 0)
			return -1;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0)
			return ss_fail_sys(err, "no socket");
		if (why != 0)
			return ss_fail(err, SS_EREMOTE, "%s", strerror(why));
	}
	*ret = ss_take_fd(&fd);
	return 0;
}

int io_dial(const char *host, const char *port, uint64_t until_ms, int *ret_fd, struct ss_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(host, port, &hints, &list);

	if (rc != 0)
		return ss_fail(err, SS_EREMOTE, "%s: %s", host, gai_strerror(rc));
	rc = -1;
	for (const struct addrinfo *a = list; a != NULL && rc < 0; a = a->ai_next) {
		*err = (struct ss_err){ 0 };
		rc = try_one(a, until_ms, ret_fd, err);
	}
	freeaddrinfo(list);
	return rc < 0 ? ss_ctx(err, "%s port %s", host, port) : 0;
}

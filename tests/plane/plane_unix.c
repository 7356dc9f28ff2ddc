/* SPDX-License-Identifier: Apache-2.0 */
/* The host's end of dataplane over unix sockets: port P of the enclave is BASE_in_P, and of the
 * host BASE_out_P. Takes the place of src/runtime/dp_vsock.c in tests and in the bench. */
#include "plane_unix.h"

#include "base/mem.h"
#include "runtime/dp_wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

const int dp_wire_family = AF_UNIX;
static const char *base;

void plane_unix_init(const char *path)
{
	base = path;
}

static int unix_socket(const char *way, uint32_t port, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(ret->sun_path, sizeof(ret->sun_path), "%s_%s_%u", base, way, port) >=
	    (int)sizeof(ret->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int dp_wire_listen(uint32_t port, int *ret, struct ss_err *err)
{
	struct sockaddr_un at;
	AUTO_CLOSE int fd = unix_socket("in", port, &at);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 4096) < 0)
		return ss_fail_sys(err, "'%s'", at.sun_path);
	*ret = ss_take_fd(&fd);
	return 0;
}

int dp_wire_accept(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int dp_wire_dial(uint32_t port)
{
	struct sockaddr_un to;
	const int fd = unix_socket("out", port, &to);

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

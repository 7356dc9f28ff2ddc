/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vhost_socket.h"

#include "base/mem.h"

#include <string.h>
#include <sys/socket.h>

#define BACKLOG 128

int vhost_socket_addr(const char *path, struct sockaddr_un *ret, struct ss_err *err)
{
	const size_t n = strlen(path);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n >= sizeof(ret->sun_path))
		return ss_fail(err, SS_ELIMIT, "'%s' is too long for a socket's name", path);
	memcpy(ret->sun_path, path, n);
	return 0;
}

int vhost_socket_open(const char *path, int epoll_fd, struct epoll_event ev,
		      struct vhost_socket *ret, struct ss_err *err)
{
	struct sockaddr_un addr;
	AUTO_CLOSE int fd = -1;

	*ret = (struct vhost_socket){ .fd = -1 };
	if (vhost_socket_addr(path, &addr, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		return ss_fail_sys(err, "cannot listen at '%s'", path);
	ret->fd = ss_take_fd(&fd); /* the name exists: from here it is removed again */
	ret->path = ss_copy(path);
	if (listen(ret->fd, BACKLOG) != 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ret->fd, &ev) != 0)
		return ss_fail_sys(err, "cannot listen at '%s'", path);
	return 0;
}

void vhost_socket_done(struct vhost_socket *s)
{
	if (s->path != NULL)
		(void)unlink(s->path);
	ss_closep(&s->fd);
	free(TAKE_PTR(s->path));
}

int vhost_socket_accept(const struct vhost_socket *s, const struct vhost_user_device *d,
			int epoll_fd, struct epoll_event ev, uint64_t kick_tag,
			struct vhost_user *session, struct ss_err *err)
{
	const int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return 0; /* it has gone again */
	if (session->fd >= 0) {
		(void)close(fd); /* one guest at a time */
		return 0;
	}
	vhost_user_init(d, fd, epoll_fd, kick_tag, session);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		return ss_fail_sys(err, "cannot wait for QEMU");
	return 0;
}

void vhost_count_up(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

void vhost_count_take(int fd)
{
	uint64_t count;

	if (fd >= 0 && read(fd, &count, sizeof(count)) < 0)
		return; /* it was taken already: every step looks at the rings anyway */
}

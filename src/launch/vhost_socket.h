/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/vhost_user.h"

#include <sys/epoll.h>
#include <sys/un.h>

/* What the back ends (vhost_vsock, vhost_nsm) have in common: a socket with a name that QEMU calls,
 * one session at a time, and eventfds that count. */

struct vhost_socket {
	int fd;     /* listening, or -1 */
	char *path; /* removed in the end; NULL: there is none */
};

SS_MUST_CHECK SS_NONNULL int vhost_socket_addr(const char *path, struct sockaddr_un *ret,
					       struct ss_err *err);
/* Listens at `path`, which must not exist, and is watched with `ev`. After an error, too, *ret is
 * for vhost_socket_done. */
SS_MUST_CHECK SS_NONNULL int vhost_socket_open(const char *path, int epoll_fd,
					       struct epoll_event ev, struct vhost_socket *ret,
					       struct ss_err *err);
SS_NONNULL void vhost_socket_done(struct vhost_socket *s);

/* Who calls becomes `session`, watched with `ev`, unless there is one (its fd is not -1). */
SS_MUST_CHECK SS_NONNULL int vhost_socket_accept(const struct vhost_socket *s,
						 const struct vhost_user_device *d, int epoll_fd,
						 struct epoll_event ev, uint64_t kick_tag,
						 struct vhost_user *session, struct ss_err *err);

/* An eventfd becomes readable, or is no longer; -1 is none. */
void vhost_count_up(int fd);
void vhost_count_take(int fd);

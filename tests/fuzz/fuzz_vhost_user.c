/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a QEMU that may have been taken over. Each starts with a byte: how many descriptors
 * (of a memory file) come along; then request, size and as many bytes.
 * Holds: no memory fault; an error has a text; no descriptor is left open.
 */
#include "../unit/fake_guest.h"
#include "launch/vhost_user.h"

#include <sys/epoll.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t config[8] = { FG_CID };

/* The lowest descriptor that is free: it rises for good if one is left open below. */
static int lowest_fd(void)
{
	const int fd = dup(0);

	if (fd >= 0)
		(void)close(fd);
	return fd;
}

static void send_one(const struct fake_guest *g, const uint8_t **data, size_t *size)
{
	int fds[10];
	const size_t n_fds = (*data)[0] % 11;
	const uint32_t request = (*data)[1] % 32;
	const size_t want = (*data)[2];
	const size_t n = want < *size - 3 ? want : *size - 3;

	for (size_t i = 0; i < 10; i++)
		fds[i] = i % 2 == 0 ? g->memfd : g->kick[0];
	fg_send(g->sock, request, *data + 3, (uint32_t)n, fds, n_fds);
	*data += 3 + n;
	*size -= 3 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake_guest g;
	const struct vhost_user_device device = { .config = { config, sizeof(config) },
						  .n_queues = 2 };
	struct vhost_user u;
	struct ss_err err = { 0 };
	bool ended = false;
	int fds[2], epoll_fd, before, rc = 0;

	if (g.mem == NULL)
		fg_init(&g);
	before = lowest_fd();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	g.sock = fds[0];
	vhost_user_init(&device, fds[1], epoll_fd, 100, &u);
	while (size >= 3 && rc == 0) {
		char sink[600];

		send_one(&g, &data, &size);
		rc = vhost_user_message(&u, &ended, &err);
		while (recv(g.sock, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			continue;
	}
	assert(rc == 0 || err.msg[0] != '\0');
	vhost_user_done(&u);
	(void)close(g.sock);
	(void)close(epoll_fd);
	assert(lowest_fd() == before);
	return 0;
}

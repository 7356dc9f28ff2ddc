/* SPDX-License-Identifier: Apache-2.0 */
#include "mux_guest.h"

#include "base/mem.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static int dial(void *ctx, uint32_t port)
{
	struct fixture *f = ctx;
	int fds[2];

	if (port != PORT)
		return -1;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	if (f->sndbuf > 0)
		assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &f->sndbuf, sizeof(int)),
				 0);
	if (f->peer >= 0)
		f->older[f->n_older++] = f->peer;
	f->peer = fds[1];
	return fds[0];
}

int mux_guest_setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	struct vsock_mux_opts o = { .guest_cid = CID, .max_conns = MAX_CONNS, .dial = dial };

	f->peer = -1;
	f->epoll_fd = epoll_create1(0);
	o.epoll_fd = f->epoll_fd;
	o.ctx = f;
	f->mux = vsock_mux_new(&o);
	*state = f;
	return 0;
}

int mux_guest_teardown(void **state)
{
	struct fixture *f = *state;

	vsock_mux_free(f->mux);
	for (size_t i = 0; i < f->n_older; i++)
		ss_closep(&f->older[i]);
	ss_closep(&f->peer);
	ss_closep(&f->epoll_fd);
	free(f);
	return 0;
}

void events(struct fixture *f)
{
	struct epoll_event ev[16];
	const int n = epoll_wait(f->epoll_fd, ev, 16, 0);

	for (int i = 0; i < n; i++)
		vsock_mux_event(f->mux, ev[i].data.ptr, ev[i].events);
	vsock_mux_sweep(f->mux);
}

struct vsock_header header(enum vsock_op op, uint32_t guest_port)
{
	return (struct vsock_header){ .src_cid = CID,
				      .dst_cid = VSOCK_HOST_CID,
				      .src_port = guest_port,
				      .dst_port = PORT,
				      .type = VSOCK_TYPE_STREAM,
				      .op = (uint16_t)op,
				      .buf_alloc = CREDIT };
}

void say_header(struct fixture *f, const struct vsock_header *h)
{
	struct iovec none = { 0 };

	vsock_mux_packet(f->mux, h, &none, 0);
}

void say(struct fixture *f, enum vsock_op op, uint32_t guest_port)
{
	const struct vsock_header h = header(op, guest_port);

	say_header(f, &h);
}

void say_data(struct fixture *f, uint32_t guest_port, const void *data, uint32_t n)
{
	struct vsock_header h = header(VSOCK_RW, guest_port);
	char *copy = ss_calloc(n, 1);
	struct iovec iov = { copy, n };

	memcpy(copy, data, n);
	h.len = n;
	vsock_mux_packet(f->mux, &h, &iov, 1);
	free(copy);
}

bool heard(struct fixture *f, size_t room)
{
	const struct iovec iov[2] = { { f->packet, 10 }, { f->packet + 10, room - 10 } };
	size_t n;

	events(f);
	if (!vsock_mux_is_pending(f->mux))
		return false;
	n = vsock_mux_fill(f->mux, iov, 2);
	if (n == 0)
		return false;
	vsock_header_read(f->packet, &f->h);
	assert_int_equal(n, VSOCK_HEADER_SIZE + f->h.len);
	assert_int_equal(f->h.src_cid, VSOCK_HOST_CID);
	assert_int_equal(f->h.dst_cid, CID);
	return true;
}

void expect_packet(struct fixture *f, enum vsock_op op, uint32_t guest_port)
{
	assert_true(heard(f, sizeof(f->packet)));
	assert_int_equal(f->h.op, op);
	assert_int_equal(f->h.dst_port, guest_port);
}

void expect_silence(struct fixture *f)
{
	assert_false(heard(f, sizeof(f->packet)));
}

void open_stream(struct fixture *f, uint32_t guest_port)
{
	say(f, VSOCK_REQUEST, guest_port);
	expect_packet(f, VSOCK_RESPONSE, guest_port);
	assert_int_equal(f->h.buf_alloc, VSOCK_CONN_BUF);
	assert_int_equal(f->h.src_port, PORT);
	expect_silence(f);
}

size_t drain(int fd, size_t at_most)
{
	static char sink[1 << 16];
	size_t n = 0;
	ssize_t r = 1;

	while (n < at_most && r > 0) {
		r = read(fd, sink, at_most - n < sizeof(sink) ? at_most - n : sizeof(sink));
		n += r > 0 ? (size_t)r : 0;
	}
	return n;
}

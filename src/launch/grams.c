/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/grams.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PREFIX 2u
#define BLOCK ((size_t)GRAM_MAX + PREFIX)

static void want(struct grams *g)
{
	const bool writes = g->connecting || g->n_out > 0;

	loop_want(g->loop, &g->io, EPOLLIN | (writes ? EPOLLOUT : 0u));
}

/* Bytes taken; -1: the stream is broken. */
static ssize_t push(const struct grams *g, struct iovec *iov, size_t n_iov)
{
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n_iov };
	ssize_t n;

	do
		n = sendmsg(g->io.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 && errno == EAGAIN ? 0 : n;
}

/* Keeps what is left of the iovecs behind `done` bytes. */
static void keep(struct grams *g, const struct iovec *iov, size_t n_iov, size_t done)
{
	size_t all = 0;

	for (size_t i = 0; i < n_iov; i++)
		all += iov[i].iov_len;
	g->n_out = all - done;
	if (g->n_out == 0)
		return;
	g->out = ss_calloc(g->n_out, 1);
	g->at_out = 0;
	for (size_t i = 0, at = 0; i < n_iov; i++) {
		const size_t skip = done < iov[i].iov_len ? done : iov[i].iov_len;

		if (skip < iov[i].iov_len)
			memcpy(g->out + at, (const uint8_t *)iov[i].iov_base + skip,
			       iov[i].iov_len - skip);
		at += iov[i].iov_len - skip;
		done -= skip;
	}
}

static int flush(struct grams *g)
{
	struct iovec iov = { g->out + g->at_out, g->n_out };
	ssize_t n;

	if (g->n_out == 0)
		return 0;
	n = push(g, &iov, 1);
	if (n < 0)
		return -1;
	g->at_out += (size_t)n;
	g->n_out -= (size_t)n;
	if (g->n_out == 0)
		free(TAKE_PTR(g->out));
	return 0;
}

void grams_send(struct grams *g, struct ss_span s)
{
	uint8_t prefix[PREFIX] = { (uint8_t)(s.n >> 8), (uint8_t)s.n };
	union {
		const uint8_t *in;
		uint8_t *out; /* sendmsg() does not write there */
	} bytes = { .in = s.p };
	struct iovec iov[2] = { { prefix, PREFIX }, { bytes.out, s.n } };
	ssize_t n;

	assert(s.n <= GRAM_MAX);
	if (g->connecting || g->n_out > 0) {
		g->dropped++;
		return;
	}
	n = push(g, iov, s.n > 0 ? 2 : 1);
	if (n <= 0)
		g->dropped++; /* a broken stream is found by its next event */
	else
		keep(g, iov, 2, (size_t)n);
	want(g);
}

/* Hands on the whole datagrams of `s`; returns what is left of it. */
static struct ss_span hand_on(struct grams *g, struct ss_span s)
{
	while (s.n >= PREFIX) {
		const size_t n = (size_t)s.p[0] << 8 | s.p[1];

		if (s.n - PREFIX < n)
			break;
		g->datagram(g, (struct ss_span){ s.p + PREFIX, n });
		s.p += PREFIX + n;
		s.n -= PREFIX + n;
	}
	return s;
}

/* False when the stream has ended. */
static bool take(struct grams *g)
{
	AUTO_FREE uint8_t *block = ss_calloc(BLOCK, 1);
	struct ss_span rest;
	ssize_t n;

	if (g->n_in > 0)
		memcpy(block, g->in, g->n_in);
	free(TAKE_PTR(g->in));
	/* What is held is less than one datagram, so there is room. */
	n = recv(g->io.fd, block + g->n_in, BLOCK - g->n_in, MSG_DONTWAIT);
	if (n <= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR)))
		return false;
	rest = hand_on(g, (struct ss_span){ block, g->n_in + (n > 0 ? (size_t)n : 0) });
	g->n_in = rest.n;
	if (rest.n > 0) {
		g->in = ss_calloc(rest.n, 1);
		memcpy(g->in, rest.p, rest.n);
	}
	return true;
}

static bool is_connected(struct grams *g)
{
	int error = 0;
	socklen_t n = sizeof(error);

	g->connecting = false;
	return getsockopt(g->io.fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0;
}

static void on_io(struct loop_fd *f, uint32_t events)
{
	struct grams *g = LOOP_OWNER(f, struct grams, io);

	if (g->connecting && (events & (EPOLLOUT | EPOLLERR)) == 0)
		return;
	if ((g->connecting && !is_connected(g)) || flush(g) < 0 ||
	    ((events & ~(uint32_t)EPOLLOUT) != 0 && !take(g))) {
		g->ended(g);
		return;
	}
	want(g);
}

int grams_start(struct grams *g, struct loop *l, int fd, struct ss_span first, struct ss_err *err)
{
	g->loop = l;
	g->io = (struct loop_fd){ .fd = fd, .on = on_io };
	g->connecting = true;
	if (first.n > 0) {
		g->out = ss_calloc(first.n, 1);
		memcpy(g->out, first.p, first.n);
		g->n_out = first.n;
	}
	if (loop_add(l, &g->io, EPOLLIN | EPOLLOUT, err) == 0)
		return 0;
	grams_done(g);
	return -1;
}

void grams_done(struct grams *g)
{
	if (g->loop == NULL)
		return;
	loop_remove(g->loop, &g->io);
	(void)close(g->io.fd);
	free(TAKE_PTR(g->in));
	free(TAKE_PTR(g->out));
	g->loop = NULL;
}

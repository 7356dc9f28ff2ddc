/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vsock_conn.h"

#include "base/mem.h"
#include "launch/vring.h"
#include "launch/vsock_mux.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Counters run modulo 2^32 on both sides, so differences are what counts. */
uint32_t vsock_conn_credit(const struct vsock_conn *c)
{
	const uint32_t under_way = c->tx_cnt - c->peer_fwd;

	return under_way < c->peer_alloc ? c->peer_alloc - under_way : 0;
}

uint32_t vsock_conn_room(const struct vsock_conn *c)
{
	return VSOCK_CONN_BUF - (c->rx_cnt - c->fwd_cnt);
}

/* Bytes taken: 0 when the socket is full, -1 when it is broken. */
static ssize_t send_some(int fd, struct iovec *iov, size_t n_iov)
{
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n_iov };
	ssize_t n;

	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n;
}

static void hold(struct vsock_conn *c, const struct iovec *data, size_t n_data)
{
	if (c->held == NULL)
		c->held = ss_calloc(VSOCK_CONN_BUF, 1);
	for (size_t i = 0; i < n_data; i++) {
		const uint8_t *from = data[i].iov_base;
		size_t left = data[i].iov_len;

		while (left > 0) {
			const size_t at = (c->held_at + c->held_n) % VSOCK_CONN_BUF;
			const size_t part = left < VSOCK_CONN_BUF - at ? left : VSOCK_CONN_BUF - at;

			memcpy(c->held + at, from, part);
			from += part;
			left -= part;
			c->held_n += part;
		}
	}
}

int vsock_conn_send(struct vsock_conn *c, struct iovec *data, size_t n_data, uint32_t len)
{
	ssize_t n = 0;

	c->rx_cnt += len;
	if (len == 0)
		return 0;
	if (c->held_n == 0)
		n = send_some(c->fd, data, n_data);
	if (n < 0)
		return -1;
	c->fwd_cnt += (uint32_t)n;
	/* The caller saw that there is room for all of it. */
	if ((uint32_t)n < len && vring_iov_skip(&data, &n_data, (size_t)n))
		hold(c, data, n_data);
	return 0;
}

int vsock_conn_flush(struct vsock_conn *c)
{
	while (c->held_n > 0) {
		const size_t first = VSOCK_CONN_BUF - c->held_at;
		struct iovec iov[2] = {
			{ c->held + c->held_at, c->held_n < first ? c->held_n : first },
			{ c->held, c->held_n < first ? 0 : c->held_n - first },
		};
		const ssize_t n = send_some(c->fd, iov, 2);

		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		c->fwd_cnt += (uint32_t)n;
		c->held_at = (c->held_at + (size_t)n) % VSOCK_CONN_BUF;
		c->held_n -= (size_t)n;
	}
	free(c->held);
	c->held = NULL;
	c->held_at = 0;
	return 0;
}

void vsock_conn_settle(struct vsock_conn *c)
{
	uint32_t tell = 0;

	if (c->state != VSOCK_OPEN)
		return;
	if (c->fwd_cnt - c->fwd_told >= VSOCK_CONN_BUF / 2)
		c->want |= VSOCK_WANT_CREDIT;
	if (c->guest_deaf && !c->host_done) {
		(void)shutdown(c->fd, SHUT_RD);
		c->host_done = true; /* whatever it still sends goes nowhere */
		c->want &= ~VSOCK_WANT_DATA;
	}
	if (c->guest_done && c->held_n == 0 && !c->write_done) {
		(void)shutdown(c->fd, SHUT_WR);
		c->write_done = true;
	}
	if (c->host_done)
		tell |= VSOCK_SHUT_SEND | (c->write_done ? VSOCK_SHUT_RCV : 0);
	if (c->guest_done && c->guest_deaf && c->write_done) {
		/* The guest has closed, and all of it has arrived: a reset is the good-bye. */
		vsock_conn_close(c);
		c->want = VSOCK_WANT_RST;
	} else if ((tell & ~c->shutdown_told) != 0) {
		c->want |= VSOCK_WANT_SHUTDOWN;
	}
}

int vsock_conn_hello(struct vsock_conn *c, uint32_t *ret)
{
	static const char word[] = "CONNECT ";
	uint64_t port = 0;

	/* Byte by byte: what follows the line is the stream's. */
	while (c->line_n == 0 || c->line[c->line_n - 1] != '\n') {
		ssize_t n;

		if (c->line_n == sizeof(c->line))
			return -1;
		n = read(c->fd, c->line + c->line_n, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -1;
		c->line_n++;
	}
	if (c->line_n < sizeof(word) + 1 || memcmp(c->line, word, sizeof(word) - 1) != 0)
		return -1;
	for (size_t i = sizeof(word) - 1; i < c->line_n - 1; i++) {
		if (c->line[i] < '0' || c->line[i] > '9')
			return -1;
		port = port * 10 + (uint64_t)(c->line[i] - '0');
	}
	if (port > UINT32_MAX)
		return -1;
	*ret = (uint32_t)port;
	return 1;
}

void vsock_conn_close(struct vsock_conn *c)
{
	ss_closep(&c->fd);
	c->fd = -1;
	free(c->held);
	c->held = NULL;
	c->held_at = c->held_n = 0;
	c->state = VSOCK_CLOSING;
	c->want = 0;
}

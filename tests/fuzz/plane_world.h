/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * dataplane in one process with its fuzzer: the host's streams are socket pairs whose other ends
 * are kept here, the TUN device is one that keeps packets apart, and init is silent or garbage. The
 * network below egress is missing: nobody can take a connection that is offered.
 */
#include "base/mem.h"
#include "runtime/dp.h"
#include "runtime/dp_wire.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PW_STREAMS 64u
#define PW_HEAD 8u

const int dp_wire_family = AF_UNIX;

static struct {
	struct dp dp;
	struct ss_buf config;
	int link;               /* init's end */
	int tun;                /* the application's end */
	int called[PW_STREAMS]; /* the host's ends of streams that dataplane opened */
	size_t n_called;
	int waiting[PW_STREAMS]; /* ends that a listener hands out next, by its number */
	uint32_t waiting_at[PW_STREAMS];
	size_t n_waiting;
	uint32_t listeners[16][2]; /* descriptor, port */
	size_t n_listeners;
} pw;

struct pw_input {
	const uint8_t *p;
	size_t n;
};

static inline uint64_t pw_number(struct pw_input *in, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n && in->n > 0; i++, in->p++, in->n--)
		v = v << 8 | *in->p;
	return v;
}

static inline struct ss_span pw_bytes(struct pw_input *in, size_t n)
{
	const struct ss_span s = { in->p, n < in->n ? n : in->n };

	in->p += s.n;
	in->n -= s.n;
	return s;
}

static inline void pw_pair(int type, int fds[2])
{
	assert(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
}

/* A listener is ready while somebody waits at its port: a byte lies in its pair. */
int dp_wire_listen(uint32_t port, int *ret, struct ss_err *err)
{
	int fds[2];

	(void)err;
	pw_pair(SOCK_STREAM, fds);
	assert(pw.n_listeners < SS_NELEMS(pw.listeners));
	pw.listeners[pw.n_listeners][0] = (uint32_t)fds[1];
	pw.listeners[pw.n_listeners++][1] = port;
	*ret = fds[0];
	return 0;
}

int dp_wire_accept(int listener)
{
	char byte;

	if (recv(listener, &byte, 1, MSG_DONTWAIT) != 1)
		return -1;
	for (size_t i = 0; i < pw.n_waiting; i++) {
		const int fd = pw.waiting[i];

		if (pw.waiting_at[i] != (uint32_t)(uint8_t)byte)
			continue;
		pw.n_waiting--;
		pw.waiting[i] = pw.waiting[pw.n_waiting];
		pw.waiting_at[i] = pw.waiting_at[pw.n_waiting];
		return fd;
	}
	errno = ECONNABORTED;
	return -1;
}

int dp_wire_dial(uint32_t port)
{
	int fds[2];

	(void)port;
	if (pw.n_called == PW_STREAMS) {
		errno = ECONNREFUSED;
		return -1;
	}
	pw_pair(SOCK_STREAM, fds);
	pw.called[pw.n_called++] = fds[1];
	return fds[0];
}

/* The host calls the n-th listener: its end of the stream, or -1. */
static inline int pw_call(size_t n)
{
	const char byte = (char)n;
	int fds[2];

	if (pw.n_waiting == PW_STREAMS)
		return -1;
	pw_pair(SOCK_STREAM, fds);
	pw.waiting[pw.n_waiting] = fds[0];
	pw.waiting_at[pw.n_waiting++] = (uint32_t)n;
	if (send((int)pw.listeners[n][0], &byte, 1, MSG_NOSIGNAL) != 1)
		abort();
	return fds[1];
}

static inline void pw_config(const struct mc_config *c)
{
	pw.config = (struct ss_buf)SS_BUF_INIT(65536);
	mc_write(c, &pw.config);
	assert(!pw.config.bad);
}

static inline void pw_start(void)
{
	struct dp_start s = { .tun = -1, .key = -1, .memory = 1 };
	struct ss_err err = { 0 };
	int link[2];

	pw_pair(SOCK_SEQPACKET, link);
	pw.link = link[0];
	s.link = link[1];
	s.config = ss_buf_span(&pw.config);
	if (dp_start(&pw.dp, &s, &err) < 0)
		abort();
}

/* As dp_start() does where there is a device, but for the listener of TCP. */
static inline void pw_start_egress(void)
{
	struct ss_err err = { 0 };
	int tun[2];

	pw_pair(SOCK_SEQPACKET, tun);
	pw.tun = tun[0];
	dp_names_init(&pw.dp.names, 1);
	dp_resolver_init(&pw.dp);
	dp_udp_init(&pw.dp, DP_MAX_UDP, 2);
	dp_tcp_init(&pw.dp, DP_MAX_TCP, 3);
	if (dp_policy_read(pw.dp.config.egress, &pw.dp.policy, &err) < 0 ||
	    dp_tun_init(&pw.dp, tun[1], &err) < 0)
		abort();
}

/* Rounds until nothing is ready, so many at most. */
static inline void pw_settle(unsigned rounds)
{
	struct pollfd p = { .fd = pw.dp.loop.epoll_fd, .events = POLLIN };
	struct ss_err err = { 0 };

	for (unsigned i = 0; i < rounds && poll(&p, 1, 0) > 0; i++)
		assert(dp_loop_round(&pw.dp.loop, &err) == 0);
}

static inline void pw_hang_up(int *fds, size_t *n)
{
	while (*n > 0)
		(void)close(fds[--*n]);
}

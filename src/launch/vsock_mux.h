/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/vsock_packet.h"

#include <sys/uio.h>

/*
 * The host's side of all vsock streams of one guest: packets in, packets out, and each stream tied
 * to a local stream socket.
 *
 * The guest is not trusted. It can have at most `max_conns` streams, VSOCK_CONN_BUF bytes in flight
 * on each, and VSOCK_ALL_BUFS of them held here when local readers are slow; a stream that breaks
 * the protocol or these limits is reset, and only that one. Towards the guest nothing is held at
 * all: bytes go from the socket into the buffer that it gave, as far as its credit goes.
 *
 * Single-threaded. The owner calls vsock_mux_event() for what its epoll says of a stream,
 * vsock_mux_packet() for what the guest sent, vsock_mux_fill() while vsock_mux_is_pending() and the
 * guest has a buffer, and vsock_mux_sweep() at the end of each round.
 */
#define VSOCK_CONN_BUF 0x20000u /* 128 KiB */
#define VSOCK_ALL_BUFS 256u     /* 32 MiB */
#define VSOCK_MAX_RSTS 64u      /* answers to packets of no stream, waiting for a guest buffer */
#define VSOCK_MAX_CONNS 16384u  /* upper bound for max_conns */
#define VSOCK_CALL_TICKS 2u
#define VSOCK_FIRST_PORT (1u << 30) /* host ports of streams that start here */

struct vsock_mux_opts {
	uint64_t guest_cid;
	size_t max_conns;
	int epoll_fd; /* borrowed; streams are registered with ev.data.ptr = the stream */
	/* A connected non-blocking stream socket for a call to `port`, or -1: refused. */
	int (*dial)(void *ctx, uint32_t port);
	void *ctx;
};

struct vsock_mux;
struct vsock_conn;

struct vsock_mux *vsock_mux_new(const struct vsock_mux_opts *o);
void vsock_mux_free(struct vsock_mux *m); /* accepts NULL */

/* One packet from the guest; `data` holds exactly h->len bytes, and may change under us. */
SS_NONNULL void vsock_mux_packet(struct vsock_mux *m, const struct vsock_header *h,
				 struct iovec *data, size_t n_data);
SS_NONNULL bool vsock_mux_is_pending(const struct vsock_mux *m);
/* Writes the next packet into a guest buffer of more than VSOCK_HEADER_SIZE bytes. Returns the
 * packet's size; 0 = there was nothing to say after all. */
SS_NONNULL size_t vsock_mux_fill(struct vsock_mux *m, const struct iovec *room, size_t n_room);
SS_NONNULL void vsock_mux_event(struct vsock_mux *m, struct vsock_conn *c, uint32_t events);
/* A local program called: takes `fd` (non-blocking), waits on it for "CONNECT PORT\n", calls that
 * port of the guest, and answers "OK HOST-PORT\n" when the guest accepts; closes it otherwise. */
SS_NONNULL void vsock_mux_accept(struct vsock_mux *m, int fd);
/* Calls `port` of the guest for whoever has the other end of `fd` (non-blocking): no line is said,
 * the bytes flow when the guest accepts; the end of the stream tells that it did not. */
SS_NONNULL void vsock_mux_call(struct vsock_mux *m, int fd, uint32_t port);
/* Some seconds have passed: a call that has not been answered in VSOCK_CALL_TICKS of them is reset.
 */
SS_NONNULL void vsock_mux_tick(struct vsock_mux *m);
/* Ends all streams without a word: the guest is gone. */
SS_NONNULL void vsock_mux_reset(struct vsock_mux *m);
SS_NONNULL void vsock_mux_sweep(struct vsock_mux *m);
SS_NONNULL size_t vsock_mux_count(const struct vsock_mux *m);

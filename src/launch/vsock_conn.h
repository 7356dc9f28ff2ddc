/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/vsock_packet.h"

#include <sys/queue.h>
#include <sys/uio.h>

/*
 * One stream: its local socket, its credit both ways, and what it still has to tell the guest.
 * Internal to vsock_mux.c, which owns the struct and acts on what these functions report.
 */
enum vsock_state {
	VSOCK_HELLO,   /* a local caller has not said which port yet */
	VSOCK_CALLING, /* the guest has not answered a call from here yet */
	VSOCK_OPEN,
	VSOCK_CLOSING, /* no socket any more; a last packet is to be sent or awaited */
	VSOCK_DEAD,    /* freed at the end of the round */
};

/* What there is to say, most urgent first. */
#define VSOCK_WANT_RST 1u
#define VSOCK_WANT_REQUEST 2u
#define VSOCK_WANT_RESPONSE 4u
#define VSOCK_WANT_CREDIT 8u
#define VSOCK_WANT_ASK 16u /* for credit */
#define VSOCK_WANT_DATA 32u
#define VSOCK_WANT_SHUTDOWN 64u

#define VSOCK_LINE_MAX 20u /* "CONNECT 4294967295\n" */

struct vsock_conn {
	LIST_ENTRY(vsock_conn) all;
	LIST_ENTRY(vsock_conn) bucket; /* while state is CALLING, OPEN or CLOSING */
	TAILQ_ENTRY(vsock_conn) ready;
	bool queued; /* in the list of those that want something */
	unsigned want;
	enum vsock_state state;
	int fd;
	uint32_t guest_port;
	uint32_t host_port;
	char line[VSOCK_LINE_MAX];
	size_t line_n;
	bool is_plain; /* no line before the bytes: the caller is this program */
	uint32_t born; /* the mux's tick */

	/* guest to host */
	uint32_t rx_cnt;   /* bytes the guest has sent */
	uint32_t fwd_cnt;  /* of those, bytes the socket has taken */
	uint32_t fwd_told; /* fwd_cnt as the guest last heard it */
	uint8_t *held;     /* a ring of VSOCK_CONN_BUF bytes while the socket takes no more */
	size_t held_at, held_n;

	/* host to guest */
	uint32_t tx_cnt;
	uint32_t peer_alloc;
	uint32_t peer_fwd;
	bool asked; /* for credit, and no answer yet */

	bool host_done;         /* the socket's peer will send no more */
	bool guest_done;        /* the guest will send no more */
	bool guest_deaf;        /* the guest will read no more */
	bool write_done;        /* … and the socket knows */
	uint32_t shutdown_told; /* VSOCK_SHUT_* the guest has heard */
};

/* How many bytes the guest can take. */
SS_NONNULL uint32_t vsock_conn_credit(const struct vsock_conn *c);
/* How many bytes the guest may still send. */
SS_NONNULL uint32_t vsock_conn_room(const struct vsock_conn *c);

/* Hands bytes to the socket; what it does not take is held. -1: the socket is broken. */
SS_MUST_CHECK SS_NONNULL int vsock_conn_send(struct vsock_conn *c, struct iovec *data,
					     size_t n_data, uint32_t len);
/* Tries again with what is held. -1: the socket is broken. */
SS_MUST_CHECK SS_NONNULL int vsock_conn_flush(struct vsock_conn *c);
/* After every change: passes an end of stream on, and wants what has to be told. */
SS_NONNULL void vsock_conn_settle(struct vsock_conn *c);
/* Reads what the caller says. 1: *ret is the port; 0: not all of it is there; -1: nonsense. */
SS_MUST_CHECK SS_NONNULL int vsock_conn_hello(struct vsock_conn *c, uint32_t *ret);
/* Closes the socket and drops what is held. */
SS_NONNULL void vsock_conn_close(struct vsock_conn *c);

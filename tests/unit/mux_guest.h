/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "expect.h"
#include "launch/vsock_mux.h"

/*
 * A guest in front of a vsock_mux, for its tests: packets are said and heard one by one, and
 * whoever listens at PORT on the host's side is one end of a socket pair, `peer`.
 */
#define CID 16u
#define PORT 9000u     /* somebody listens there */
#define CREDIT 262144u /* what the guest says it can take */
#define MAX_CONNS 8u

struct fixture {
	struct vsock_mux *mux;
	int epoll_fd;
	int peer;      /* the local program's end of the stream that was dialled last */
	int older[64]; /* the ends of streams dialled before: they stay open */
	size_t n_older;
	int sndbuf;
	struct vsock_header h; /* of the packet that said() took */
	uint8_t packet[VSOCK_HEADER_SIZE + VSOCK_MAX_DATA];
};

int mux_guest_setup(void **state);
int mux_guest_teardown(void **state);
/* What the owner does in a round. */
void events(struct fixture *f);
struct vsock_header header(enum vsock_op op, uint32_t guest_port);
void say_header(struct fixture *f, const struct vsock_header *h);
void say(struct fixture *f, enum vsock_op op, uint32_t guest_port);
void say_data(struct fixture *f, uint32_t guest_port, const void *data, uint32_t n);
/* The next packet to the guest, in f->h and f->packet; false if there is none. */
bool heard(struct fixture *f, size_t room);
void expect_packet(struct fixture *f, enum vsock_op op, uint32_t guest_port);
void expect_silence(struct fixture *f);
void open_stream(struct fixture *f, uint32_t guest_port);
size_t drain(int fd, size_t at_most);

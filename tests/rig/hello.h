/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>
#include <stdint.h>

/*
 * The least that a host says to an enclave (docs/formats/vsock.md): it calls the control port until
 * somebody listens, says HELLO with its time, and reads whatever comes, until EXIT.
 */
struct hello {
	const char *base; /* the vsock backend's socket */
	enum { HELLO_WAITS, HELLO_ASKS, HELLO_SAID, HELLO_OVER } state;
	int fd;
	char answer[32];
	uint8_t head[8]; /* of a frame */
	unsigned n;      /* bytes of one of them */
	uint32_t body;   /* bytes of the frame's body that are still to come */
	double due;      /* seconds, as boot.c counts them */
};

/* The entry for poll(); *due becomes sooner if something is to be done sooner. */
struct pollfd hello_poll(const struct hello *h, double *due);
void hello_step(struct hello *h, const struct pollfd *p, double now);
void hello_done(struct hello *h);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "launch/loop.h"

/*
 * Datagrams on a stream to the enclave, each behind its length (u16): docs/formats/vsock.md. What
 * the stream does not take at once is dropped whole, as a network would; a datagram that has begun
 * is finished. Nothing is held for a stream at rest.
 */
#define GRAM_MAX 65535u

struct grams {
	struct loop_fd io; /* its fd is owned */
	struct loop *loop; /* borrowed */
	uint8_t *in;       /* a datagram that has begun to arrive */
	size_t n_in;
	uint8_t *out; /* the rest of one that has begun to leave */
	size_t at_out, n_out;
	uint64_t dropped;
	bool connecting; /* nothing is sent before it is writable */
	/* One datagram; must not end `g`. */
	void (*datagram)(struct grams *g, struct ss_span s);
	/* The stream has ended, in order or not: the owner calls grams_done(). */
	void (*ended)(struct grams *g);
};

/* g->datagram and g->ended are set. Takes `fd`, also after -1. `first` leaves before anything else.
 */
SS_MUST_CHECK SS_NONNULL int grams_start(struct grams *g, struct loop *l, int fd,
					 struct ss_span first, struct ss_err *err);
void grams_done(struct grams *g); /* accepts one that was never started, zeroed */
/* At most GRAM_MAX bytes. */
SS_NONNULL void grams_send(struct grams *g, struct ss_span s);

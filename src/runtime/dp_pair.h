/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "runtime/dp_loop.h"
#include "runtime/dp_pipe.h"

#include <sys/uio.h>

/*
 * Two streams, and the bytes that go from each to the other.
 *
 * Few bytes are copied through one buffer that all share; where more come at once, they are
 * spliced. A sink that takes nothing stops its source (nothing more is read), so at most one
 * borrowed pipe's worth is held for a direction; when no pipe is left, bytes are only looked at
 * until they were sent, and nothing is held at all. The end of one direction is passed on as that
 * and leaves the other open. A stream that breaks is passed on as a reset.
 */
enum { DP_HOST = 0, DP_APP = 1 };

struct dp_end {
	struct dp_watch w;
	bool readable; /* a read may give something */
	bool blocked;  /* a write would give nothing: EPOLLOUT will tell */
	bool hung_up;  /* its peer writes no more: what is there is read to the end */
};

/* From end i to the other. */
struct dp_way {
	uint64_t bytes; /* passed on */
	uint32_t held;  /* in the pipe */
	uint16_t pipe;
	bool bulk;
	bool ended;  /* the source has no more */
	bool closed; /* and the sink was told; or the sink takes nothing any more */
};

struct dp_pair {
	struct dp_timer timer;
	struct dp_end end[2];
	struct dp_way way[2];
	bool held_up[2]; /* the owner does not let this direction begin yet */
	bool broken;     /* to be closed by resets */
};

/* For sending: nothing is written through it. */
static inline struct iovec dp_iov(struct ss_span s)
{
	const union {
		const uint8_t *given;
		void *wanted;
	} p = { .given = s.p };

	return (struct iovec){ p.wanted, s.n };
}

enum dp_pair_state {
	DP_PAIR_QUIET, /* until an event comes */
	DP_PAIR_AGAIN, /* there is more to do, but others have their turn */
	DP_PAIR_OVER,
};

/* Both ends without descriptors. */
SS_NONNULL void dp_pair_init(struct dp_pair *p, enum dp_kind kind);
/* The pair that w is an end's watch of. */
SS_NONNULL struct dp_pair *dp_pair_of(struct dp_watch *w);
/* Waits for what an end needs. False: the kernel has no memory. */
SS_NONNULL bool dp_pair_watch(struct dp *d, struct dp_pair *p, unsigned side);
SS_NONNULL void dp_pair_note(struct dp *d, struct dp_pair *p, unsigned side, uint32_t events);
SS_NONNULL enum dp_pair_state dp_pair_move(struct dp *d, struct dp_pair *p);
/* For ends that are no streams, of direction i alone: passes on what is held; and holds (at most
 * DP_PIPE_SIZE bytes; a pipe is free) what the sink did not take. False: the sink is broken. */
SS_NONNULL bool dp_pair_flush(struct dp *d, struct dp_pair *p, unsigned i);
SS_NONNULL bool dp_pair_hold(struct dp *d, struct dp_pair *p, unsigned i, const struct iovec *v,
			     int n_v, size_t n);
/* Closes what is open and gives pipes back. */
SS_NONNULL void dp_pair_done(struct dp *d, struct dp_pair *p);
/* One side has said its last, the other not. */
SS_NONNULL bool dp_pair_is_half(const struct dp_pair *p);

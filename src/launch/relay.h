/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "launch/loop.h"

#include <sys/queue.h>

/*
 * Pairs of stream sockets, each end's bytes handed to the other: the plain part of ingress and
 * egress. Half-close is kept, a reset becomes a reset, and what one end does not take is held,
 * RELAY_BUF bytes at most; until it is gone the other end is not read. A pair without bytes under
 * way has no buffer.
 *
 * One set serves one enclave: its limit is what a flood of callers, from either side, may cost.
 */
#define RELAY_BUF ((size_t)64 * 1024)
#define RELAY_CONNECT_MS 10000u

struct relay;
LIST_HEAD(relay_list, relay);

struct relay_set {
	struct loop *loop; /* borrowed */
	uint8_t *scratch;
	struct relay_list all;
	size_t n, max;
	uint64_t to_enclave, from_enclave; /* bytes */
	uint64_t started;
};

SS_NONNULL void relay_set_init(struct relay_set *s, struct loop *l, size_t max);
/* Ends every pair. */
SS_NONNULL void relay_set_done(struct relay_set *s);
SS_NONNULL static inline bool relay_set_is_full(const struct relay_set *s)
{
	return s->n >= s->max;
}

struct relay_pair {
	int outside, enclave; /* non-blocking stream sockets; the relay owns them from here on */
	bool connecting;      /* the enclave's is not connected yet: RELAY_CONNECT_MS */
	struct ss_span
		first; /* at most RELAY_BUF bytes for the enclave, before any other; copied */
	struct ss_span first_out; /* the same for the other side */
};

/* 0, or -1 with both sockets closed: the set is full. It runs until both ends are done. */
SS_MUST_CHECK SS_NONNULL int relay_start(struct relay_set *s, const struct relay_pair *p,
					 struct ss_err *err);

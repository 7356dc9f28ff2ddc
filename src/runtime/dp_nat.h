/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/dp_limits.h"
#include "runtime/dp_loop.h"
#include "runtime/dp_packet.h"

/*
 * TCP connections that are turned round. What the application sends to any place comes out of the
 * TUN; written back with other ends, it reaches dataplane's own listener, in the same kernel:
 *
 *   application                 out of the TUN            into the TUN            listener
 *   own:a → place       ──▶     own:a → place      ──▶    peer → own:PORT   ──▶   accept()
 *   place → own:a       ◀──     own:PORT → peer    ◀──    ...
 *
 * A peer is an address of the flows' range, which says the slot, and a port, which says how often
 * the slot was used: no late packet of an old connection gets into a new one. A slot whose
 * connection is over is kept for late packets until it is needed. Pure.
 */
enum dp_flow_state {
	DP_F_FREE,
	DP_F_HELD, /* its SYN waits for the host: nothing is turned yet */
	DP_F_LIVE,
	DP_F_LINGER, /* our side is over; the kernel may still deliver and repeat */
};

struct dp_flow {
	struct dp_timer timer; /* while lingering, else in no list */
	struct dp_place app, remote;
	uint32_t chain; /* the next with the same hash */
	uint32_t owner; /* the connection's number, the caller's */
	uint16_t use;   /* the peer's port */
	uint8_t state;
};

struct dp_nat {
	struct dp_place own[2];  /* the listener: IPv4, IPv6 */
	struct dp_addr peers[2]; /* where the flows' ranges begin */
	uint64_t seed;
	struct dp_slots slots;
	struct dp_timers linger;
	uint32_t next[DP_MAX_FLOWS];
	uint32_t heads[DP_MAX_FLOWS]; /* of the chains */
	struct dp_flow flows[DP_MAX_FLOWS];
};

/* `seed` is random: an application that knew it could make one chain of all. */
SS_NONNULL void dp_nat_init(struct dp_loop *l, struct dp_nat *n, uint64_t seed,
			    void (*linger_expired)(struct dp *d, struct dp_timer *t));
/* By the application's packet; by what comes back to a peer; by who was accepted. NULL: none. */
SS_NONNULL struct dp_flow *dp_nat_find(struct dp_nat *n, const struct dp_place *app,
				       const struct dp_place *remote);
SS_NONNULL struct dp_flow *dp_nat_by_peer(struct dp_nat *n, const struct dp_place *peer);
/* A flow in state HELD; the one that lingers longest gives way. NULL: all are in use. There must be
 * none for the same ends. */
SS_NONNULL struct dp_flow *dp_nat_new(struct dp_nat *n, const struct dp_place *app,
				      const struct dp_place *remote);
SS_NONNULL void dp_nat_forget(struct dp_nat *n, struct dp_flow *f);
/* The connection is over; late packets keep it. */
SS_NONNULL void dp_nat_linger(struct dp_loop *l, struct dp_nat *n, struct dp_flow *f);

SS_NONNULL struct dp_place dp_nat_peer(const struct dp_nat *n, const struct dp_flow *f);
/* Is it an address that could stand for a flow? */
SS_NONNULL bool dp_nat_is_peer(const struct dp_nat *n, const struct dp_addr *a);
/* Turns a packet of the application to the listener, and one of the listener to the application. */
SS_NONNULL void dp_nat_inwards(const struct dp_nat *n, const struct dp_flow *f,
			       struct dp_packet *k);
SS_NONNULL void dp_nat_outwards(const struct dp_flow *f, struct dp_packet *k);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/key_link.h"
#include "fmt/measured.h"
#include "runtime/dp_limits.h"
#include "runtime/dp_pair.h"

/*
 * Ingress: a stream that the host opens to the vsock port of a measured [[ingress]] becomes a
 * connection to 127.0.0.1, or, for datagrams, a UDP socket of its own. Where the config says so,
 * the host begins with a PROXY header; it is read strictly and written anew, for UDP before each
 * datagram.
 *
 * While the application starts, it may not listen yet: then it is asked again until DP_CONNECT_MS.
 */
enum dp_stage {
	DP_S_HEADER,  /* the host's PROXY header is to come */
	DP_S_CONNECT, /* the application is to take it */
	DP_S_RETRY,
	DP_S_STREAM,
	DP_S_DATAGRAMS,
	DP_S_KEY, /* keyplane has what there is of it */
};

struct dp_conn {
	struct dp_pair pair;
	uint64_t until_ms;   /* the application has to take it by then */
	uint32_t generation; /* of the slot: the upper half of what keyplane knows it by */
	uint8_t listener;
	uint8_t stage; /* enum dp_stage */
	bool with_key; /* keyplane was given it, and has not said that it is over */
	uint8_t n_header;
	uint8_t header[52]; /* PROXY_HEADER_MAX */
};

struct dp_listener {
	struct dp_watch w;
	struct mc_ingress in;
	uint32_t open;
	uint64_t taken;
	uint64_t over_limit, bad_header, not_taken; /* refused for these reasons */
	uint64_t idle;                              /* ended by a time-out */
	uint64_t bytes[2];                          /* from the host, from the application */
	uint64_t lost;                              /* datagrams */
	uint64_t unshaken, cut; /* attested: no handshake; ended without a word */
};

struct dp_ingress {
	struct dp_listener listeners[MC_MAX_INGRESS];
	size_t n;
	uint32_t per_listener;
	struct dp_slots slots;
	struct dp_timers header, connect, retry, idle, half, udp_idle, again, rest;
	struct dp_timer resting; /* no descriptors in the system: nobody is accepted for a moment */
	uint32_t next[DP_MAX_CONNS];
	struct dp_conn conns[DP_MAX_CONNS];
};

/*
 * Opens a listener for each. A stream of attested TLS goes to keyplane as it came; nobody is taken
 * before keyplane is ready, and without one the port stays closed.
 */
SS_MUST_CHECK SS_NONNULL int dp_ingress_init(struct dp *d, uint32_t max, struct ss_err *err);
SS_NONNULL void dp_ingress_call_event(struct dp *d, struct dp_watch *w, uint32_t events);
SS_NONNULL void dp_ingress_event(struct dp *d, struct dp_watch *w, uint32_t events);
/* No new connections. */
SS_NONNULL void dp_ingress_drain(struct dp *d);
/* What keyplane says: it is ready; a connection is for the application; one is over. */
SS_NONNULL void dp_ingress_open_attested(struct dp *d);
SS_NONNULL void dp_ingress_want(struct dp *d, uint64_t id);
SS_NONNULL void dp_ingress_over(struct dp *d, const struct kp_link_head *h);

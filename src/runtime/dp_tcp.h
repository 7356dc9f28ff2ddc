/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/dp_dial.h"
#include "runtime/dp_limits.h"
#include "runtime/dp_nat.h"

/*
 * Egress of TCP. A SYN of the application is judged and kept; the host is asked to open the stream;
 * only then is the SYN turned round to our own listener (dp_nat.h), so the application is connected
 * when the far side is, and refused when that is refused.
 *
 * A connection to a name, whose first bytes are a TLS ClientHello, has to ask for that name
 * (dp_tcp_tls.c). Until that is known nothing goes out; what comes in is not held up, so protocols
 * in which the server speaks first work.
 */
enum dp_tcp_stage {
	DP_T_HOST,  /* no host said HELLO yet */
	DP_T_DIAL,  /* the host is asked */
	DP_T_OFFER, /* the application may connect */
	DP_T_LOOK,  /* its first bytes are looked at */
	DP_T_STREAM,
	DP_T_DNS, /* it calls the resolver, which is here */
};
#define DP_SYN_MAX 120u /* IPv6 and TCP with all options: 100 */

struct dp_stream {
	struct dp_pair pair;
	struct dp_dial dial;
	struct dp_target target;
	struct dp_flow *flow;
	uint32_t serial; /* another for each connection */
	uint8_t stage;   /* enum dp_tcp_stage */
	bool partial;    /* LOOK: there is a part of a ClientHello */
	uint8_t n_syn;
	uint8_t syn[DP_SYN_MAX];
};

struct dp_tcp {
	struct dp_watch call[2]; /* the listeners: IPv4, IPv6 */
	struct dp_nat nat;
	uint64_t opened, bytes[2]; /* from the host, from the application */
	uint32_t serial;
	struct dp_slots slots;
	struct dp_timers host, dial, offer, look, idle, half, again, rest;
	struct dp_timer resting; /* as in dp_ingress.h */
	uint32_t next[DP_MAX_TCP];
	struct dp_stream v[DP_MAX_TCP];
};

SS_NONNULL void dp_tcp_init(struct dp *d, uint32_t max, uint64_t seed);
/* On both own addresses, which the device has by then. */
SS_MUST_CHECK SS_NONNULL int dp_tcp_listen(struct dp *d, struct ss_err *err);
SS_NONNULL void dp_tcp_packet(struct dp *d, struct dp_packet *k);
SS_NONNULL void dp_tcp_call_event(struct dp *d, struct dp_watch *w, uint32_t events);
SS_NONNULL void dp_tcp_event(struct dp *d, struct dp_watch *w, uint32_t events);
SS_NONNULL void dp_tcp_host_came(struct dp *d);
SS_NONNULL void dp_tcp_end(struct dp *d, struct dp_stream *s);
/* Both sides are reset, and a line says why. */
SS_NONNULL void dp_tcp_cut(struct dp *d, struct dp_stream *s, enum dp_why why);
/* The application, not yet connected, is refused. */
SS_NONNULL void dp_tcp_refuse(struct dp *d, struct dp_stream *s, enum dp_why why);
SS_NONNULL void dp_tcp_serve(struct dp *d, struct dp_stream *s);

enum dp_look { DP_LOOK_NOTHING, DP_LOOK_MORE, DP_LOOK_WELL, DP_LOOK_REFUSED };
/* What the first bytes of the application say, without taking them. */
SS_NONNULL enum dp_look dp_tcp_look(struct dp *d, const struct dp_stream *s, enum dp_why *ret_why);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/dp_dial.h"
#include "runtime/dp_limits.h"
#include "runtime/dp_packet.h"

/*
 * Egress of UDP: what the application sends from one port to one place is a flow, with a stream of
 * datagrams to the host of its own, until nothing goes over it for DP_UDP_IDLE_MS. What is sent
 * before the host has answered waits in a pipe, as far as it fits. When few slots
 * are left, the flow that was idle for longest gives way to a new one.
 */
enum dp_udp_stage { DP_U_HOST_CAME_NOT, DP_U_DIAL, DP_U_OPEN };

struct dp_udp_flow {
	struct dp_pair pair; /* DP_HOST: the stream; DP_APP: none */
	struct dp_dial dial;
	struct dp_target target; /* its place is where the application sends to */
	struct dp_place app;
	uint32_t chain;
	uint8_t stage; /* enum dp_udp_stage */
};

struct dp_udp {
	uint64_t opened, lost, bytes[2];
	uint64_t seed;
	struct dp_slots slots;
	struct dp_timers dialling, idle, again;
	uint32_t next[DP_MAX_UDP];
	uint32_t heads[DP_MAX_UDP];
	struct dp_udp_flow v[DP_MAX_UDP];
};

SS_NONNULL void dp_udp_init(struct dp *d, uint32_t max, uint64_t seed);
SS_NONNULL void dp_udp_packet(struct dp *d, const struct dp_packet *k);
SS_NONNULL void dp_udp_event(struct dp *d, struct dp_watch *w, uint32_t events);
SS_NONNULL void dp_udp_host_came(struct dp *d);

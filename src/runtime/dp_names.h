/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/dns.h"
#include "runtime/dp_limits.h"
#include "runtime/dp_loop.h"
#include "runtime/dp_packet.h"

/*
 * Names that the application asked for, and the addresses that stand for them: one IPv4 and one
 * IPv6 address each. An address says its slot and how often the slot was given to a name; it is
 * not given to another name while a connection uses it, or for DP_NAME_HOLD_MS after it was last
 * told, and then only after all other slots. Pure.
 */
struct dp_name {
	struct dp_timer timer; /* in the list of all, by the time until which it is held */
	uint32_t chain;
	uint32_t uses; /* connections */
	uint32_t turn; /* how often the slot was given away: a part of the address */
	uint8_t n;
	char name[DNS_MAX_NAME + 1];
};

struct dp_names {
	struct dp_addr base[2];
	uint64_t seed;
	struct dp_timers held;
	uint32_t n; /* slots ever used: from the front */
	uint32_t heads[DP_MAX_NAMES];
	struct dp_name v[DP_MAX_NAMES];
};

SS_NONNULL void dp_names_init(struct dp_names *t, uint64_t seed);
/* The slot of a name (lower case, at most DNS_MAX_NAME bytes), new if need be; held from now on.
 * NULL: all are. */
SS_NONNULL struct dp_name *dp_names_give(struct dp_names *t, struct ss_span name, uint64_t now_ms);
/* v4 or the other. */
SS_NONNULL struct dp_addr dp_names_addr(const struct dp_names *t, const struct dp_name *name,
					bool v4);
/* Which name an address stands for; NULL: none, or none any more. */
SS_NONNULL struct dp_name *dp_names_find(struct dp_names *t, const struct dp_addr *a);
/* Is it an address that could stand for a name? */
SS_NONNULL bool dp_names_has(const struct dp_names *t, const struct dp_addr *a);

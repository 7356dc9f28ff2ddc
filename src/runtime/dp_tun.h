/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/dp_loop.h"
#include "runtime/dp_packet.h"

#include <sys/uio.h>

/*
 * The TUN device: packets of the application, one a read, are handed to TCP, UDP or refused; and
 * packets to it. Only from the application's own addresses, and from the listener.
 */
struct dp_tun {
	struct dp_watch w;
	struct dp_addr own[2], resolver[2];
	uint64_t packets, bad; /* out of the device; of these no packets */
	uint64_t lost;         /* that it did not take */
	uint8_t packet[DP_PACKET_MAX + 1];
};

SS_MUST_CHECK SS_NONNULL int dp_tun_init(struct dp *d, int fd, struct ss_err *err);
SS_NONNULL void dp_tun_event(struct dp *d, struct dp_watch *w, uint32_t events);
SS_NONNULL void dp_tun_write(struct dp *d, const uint8_t *p, size_t n);
/* A datagram to the application. */
SS_NONNULL void dp_tun_datagram(struct dp *d, const struct dp_place *src,
				const struct dp_place *dst, struct ss_span body);
/* Says no to a packet: TCP by a reset, anything else by ICMP. */
SS_NONNULL void dp_tun_refuse(struct dp *d, const struct dp_packet *k, enum dp_packet_kind kind,
			      enum dp_unreachable why);
/* Is it the resolver's address? */
SS_NONNULL bool dp_tun_is_resolver(const struct dp_tun *t, const struct dp_place *p);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * IP packets as they come out of the TUN device and go back into it: what is read of them, how
 * they are turned round, and the few that are made here. IPv4 (RFC 791) without options and
 * fragments, IPv6 (RFC 8200) without extension headers: the kernel writes no others here, unless
 * an application asks for them. Pure; packets are changed in place.
 */
#define DP_PACKET_MAX 65535u

struct dp_addr {
	uint8_t n; /* 4 or 16 */
	uint8_t a[16];
};
struct dp_place {
	struct dp_addr addr;
	uint16_t port;
};

enum dp_packet_kind {
	DP_P_TCP,
	DP_P_UDP,
	DP_P_OTHER, /* another protocol, a fragment, options: nothing that is carried */
	DP_P_BAD,   /* no packet */
};

#define DP_TCP_FIN 0x01u
#define DP_TCP_SYN 0x02u
#define DP_TCP_RST 0x04u
#define DP_TCP_ACK 0x10u

struct dp_packet {
	uint8_t *p;
	size_t n;                 /* as its own header says */
	size_t at;                /* of the TCP or UDP header */
	struct dp_place src, dst; /* ports: of TCP and UDP only */
	uint8_t tcp_flags;
	struct ss_span body; /* of UDP */
};

/* `p` has n bytes. Addresses are read of all but DP_P_BAD. */
SS_NONNULL enum dp_packet_kind dp_packet_read(uint8_t *p, size_t n, struct dp_packet *ret);

/* Gives a TCP packet other ends of the same family; the checksums stay as right or wrong as they
 * were (RFC 1624). */
SS_NONNULL void dp_packet_turn(struct dp_packet *k, const struct dp_place *src,
			       const struct dp_place *dst);

/* What answers: each returns the size of the packet in `ret`. */
#define DP_PACKET_RESET 60u
#define DP_PACKET_ICMP 1280u
#define DP_PACKET_UDP_HEAD 48u
/* Connection refused (RFC 9293 §3.10.7.1), for a TCP packet that is no reset itself. */
SS_NONNULL size_t dp_packet_reset(const struct dp_packet *k, uint8_t ret[DP_PACKET_RESET]);
enum dp_unreachable { DP_U_PROHIBITED, DP_U_PORT, DP_U_HOST };
/* ICMP destination unreachable (RFC 792, 1812, 4443), from the place that was not reached. */
SS_NONNULL size_t dp_packet_unreachable(const struct dp_packet *k, enum dp_unreachable why,
					uint8_t ret[DP_PACKET_ICMP]);
/* What goes before a UDP datagram; 0 if it does not fit into a packet. */
SS_NONNULL size_t dp_packet_udp(const struct dp_place *src, const struct dp_place *dst,
				struct ss_span body, uint8_t ret[DP_PACKET_UDP_HEAD]);

SS_NONNULL bool dp_addr_is(const struct dp_addr *a, const struct dp_addr *b);
SS_NONNULL bool dp_place_is(const struct dp_place *a, const struct dp_place *b);
/* Hashes on: who does not know where it began cannot aim. For tables in memory only. */
SS_NONNULL uint64_t dp_place_hash(uint64_t h, const struct dp_place *p);
/* From text that is an address of one of the two families: what plane_net.h has. */
SS_NONNULL struct dp_addr dp_addr_text(const char *text);
/* Are the first `bits` the same? */
SS_NONNULL bool dp_addr_in(const struct dp_addr *a, const struct dp_addr *net, unsigned bits);
/* "192.0.2.1", "2001:db8:0:0:0:0:0:1". */
#define DP_ADDR_TEXT 40u
SS_NONNULL const char *dp_addr_show(const struct dp_addr *a, char ret[DP_ADDR_TEXT]);

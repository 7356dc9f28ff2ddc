/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_packet.h"

#include <string.h>

#define HEAD4 20u
#define HEAD6 40u
#define TCP_HEAD 20u
#define UDP_HEAD 8u
#define ICMP_HEAD 8u
#define TCP 6u
#define UDP 17u
#define ICMP 1u
#define ICMP6 58u
#define HOPS 64u

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

/* --- what is read */

static void take_addr(struct dp_addr *ret, const uint8_t *p, uint8_t n)
{
	*ret = (struct dp_addr){ .n = n };
	memcpy(ret->a, p, n);
}

/* The transport header at k->at: its ports, and that it is whole. */
static enum dp_packet_kind read_transport(struct dp_packet *k, uint8_t protocol)
{
	const uint8_t *t = k->p + k->at;
	const size_t n = k->n - k->at;

	if (protocol != TCP && protocol != UDP)
		return DP_P_OTHER;
	if (n < (protocol == TCP ? TCP_HEAD : UDP_HEAD))
		return DP_P_BAD;
	k->src.port = get16(t);
	k->dst.port = get16(t + 2);
	if (protocol == UDP) {
		if (get16(t + 4) != n)
			return DP_P_BAD;
		k->body = (struct ss_span){ t + UDP_HEAD, n - UDP_HEAD };
		return DP_P_UDP;
	}
	k->tcp_flags = t[13];
	if ((size_t)(t[12] >> 4) * 4 < TCP_HEAD || (size_t)(t[12] >> 4) * 4 > n)
		return DP_P_BAD;
	return DP_P_TCP;
}

static enum dp_packet_kind read4(struct dp_packet *k, size_t n)
{
	const uint8_t *p = k->p;

	if (n < HEAD4 || get16(p + 2) > n || get16(p + 2) < HEAD4)
		return DP_P_BAD;
	k->n = get16(p + 2);
	k->at = HEAD4;
	take_addr(&k->src.addr, p + 12, 4);
	take_addr(&k->dst.addr, p + 16, 4);
	/* Options could ask for another route; a fragment has no ports. */
	if (p[0] != 0x45 || (get16(p + 6) & 0x3fffu) != 0)
		return DP_P_OTHER;
	return read_transport(k, p[9]);
}

static enum dp_packet_kind read6(struct dp_packet *k, size_t n)
{
	const uint8_t *p = k->p;

	if (n < HEAD6 || get16(p + 4) > n - HEAD6)
		return DP_P_BAD;
	k->n = HEAD6 + get16(p + 4);
	k->at = HEAD6;
	take_addr(&k->src.addr, p + 8, 16);
	take_addr(&k->dst.addr, p + 24, 16);
	return read_transport(k, p[6]);
}

enum dp_packet_kind dp_packet_read(uint8_t *p, size_t n, struct dp_packet *ret)
{
	*ret = (struct dp_packet){ .n = 0 };
	ret->p = p;
	if (n > 0 && p[0] >> 4 == 4)
		return read4(ret, n);
	if (n > 0 && p[0] >> 4 == 6)
		return read6(ret, n);
	return DP_P_BAD;
}

/* --- checksums (RFC 1071) */

/* Adds the bytes as 16-bit words; an odd one at the end counts as if a zero followed. */
static uint64_t sum(const uint8_t *p, size_t n, uint64_t s)
{
	uint64_t wide = 0;
	uint32_t v;

	/* Words of 32 bits in the machine's order: the sum is the same but for its byte order
	 * (RFC 1071 §2 (B)). 2^32 of them cannot overflow. */
	for (; n >= 4; p += 4, n -= 4) {
		memcpy(&v, p, 4);
		wide += v;
	}
	while (wide >> 16 != 0)
		wide = (wide & 0xffff) + (wide >> 16);
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		wide = (wide & 0xff) << 8 | wide >> 8;
	s += wide;
	if (n >= 2)
		s += get16(p);
	if ((n & 1) != 0)
		s += (uint64_t)p[n - 1] << 8;
	return s;
}

static uint16_t fold(uint64_t s)
{
	while (s >> 16 != 0)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/* What the checksums of TCP, UDP and ICMPv6 cover of the addresses. */
static uint64_t sum_pseudo(const struct dp_addr *src, const struct dp_addr *dst, uint8_t protocol,
			   size_t n)
{
	return sum(dst->a, dst->n, sum(src->a, src->n, protocol + (uint64_t)n));
}

/* RFC 1624, eqn. 3: HC' = ~(~HC + ~m + m'). */
static void mend(uint8_t *check, uint64_t before, uint64_t after)
{
	const uint64_t gone = (uint16_t)~fold(before);

	put16(check, (uint16_t)~fold((uint16_t)~get16(check) + gone + fold(after)));
}

/* --- turning round */

void dp_packet_turn(struct dp_packet *k, const struct dp_place *src, const struct dp_place *dst)
{
	const uint8_t n = src->addr.n;
	uint8_t *addrs = k->p + (n == 4 ? 12u : 8u), *t = k->p + k->at;
	const uint64_t addrs_before = sum(addrs, (size_t)2 * n, 0);
	const uint64_t ports_before = sum(t, 4, 0);
	uint64_t addrs_after;

	memcpy(addrs, src->addr.a, n);
	memcpy(addrs + n, dst->addr.a, n);
	put16(t, src->port);
	put16(t + 2, dst->port);
	addrs_after = sum(addrs, (size_t)2 * n, 0);
	if (n == 4)
		mend(k->p + 10, addrs_before, addrs_after);
	mend(t + 16, addrs_before + ports_before, addrs_after + sum(t, 4, 0));
	k->src = *src;
	k->dst = *dst;
}

/* --- what is made here */

/* The IP header of a packet of n bytes; returns its size. */
static size_t put_head(uint8_t *p, const struct dp_addr *src, const struct dp_addr *dst,
		       uint8_t protocol, size_t n)
{
	const size_t head = src->n == 4 ? HEAD4 : HEAD6;

	memset(p, 0, head);
	if (src->n == 4) {
		p[0] = 0x45;
		put16(p + 2, (uint16_t)n);
		p[6] = 0x40; /* don't fragment: then the identification may be zero (RFC 6864) */
		p[8] = HOPS;
		p[9] = protocol;
		memcpy(p + 12, src->a, 4);
		memcpy(p + 16, dst->a, 4);
		put16(p + 10, (uint16_t)~fold(sum(p, HEAD4, 0)));
	} else {
		p[0] = 0x60;
		put16(p + 4, (uint16_t)(n - HEAD6));
		p[6] = protocol;
		p[7] = HOPS;
		memcpy(p + 8, src->a, 16);
		memcpy(p + 24, dst->a, 16);
	}
	return head;
}

/* How far the sender got: the sequence number after all of the packet. */
static uint32_t sequence_after(const struct dp_packet *k)
{
	const uint8_t *t = k->p + k->at;
	const uint32_t n = (uint32_t)(k->n - k->at) - (uint32_t)(t[12] >> 4) * 4;
	const uint32_t syn = (k->tcp_flags & DP_TCP_SYN) != 0, fin = (k->tcp_flags & DP_TCP_FIN);

	return get32(t + 4) + n + syn + fin;
}

size_t dp_packet_reset(const struct dp_packet *k, uint8_t ret[DP_PACKET_RESET])
{
	const bool acked = (k->tcp_flags & DP_TCP_ACK) != 0;
	const size_t n = (k->src.addr.n == 4 ? HEAD4 : HEAD6) + TCP_HEAD;
	uint8_t *t = ret + put_head(ret, &k->dst.addr, &k->src.addr, TCP, n);

	memset(t, 0, TCP_HEAD);
	put16(t, k->dst.port);
	put16(t + 2, k->src.port);
	if (acked)
		memcpy(t + 4, k->p + k->at + 8, 4);
	else
		put32(t + 8, sequence_after(k));
	t[12] = TCP_HEAD / 4 << 4;
	t[13] = acked ? DP_TCP_RST : DP_TCP_RST | DP_TCP_ACK;
	put16(t + 16, (uint16_t)~fold(sum(t, TCP_HEAD,
					  sum_pseudo(&k->dst.addr, &k->src.addr, TCP, TCP_HEAD))));
	return n;
}

size_t dp_packet_unreachable(const struct dp_packet *k, enum dp_unreachable why,
			     uint8_t ret[DP_PACKET_ICMP])
{
	static const uint8_t code4[] = { [DP_U_PROHIBITED] = 13, [DP_U_PORT] = 3, [DP_U_HOST] = 1 };
	static const uint8_t code6[] = { [DP_U_PROHIBITED] = 1, [DP_U_PORT] = 4, [DP_U_HOST] = 3 };
	const bool v4 = k->src.addr.n == 4;
	const size_t head = v4 ? HEAD4 : HEAD6;
	/* 576 bytes for IPv4 (RFC 1812 §4.3.2.3), 1280 for IPv6 (RFC 4443 §2.4). */
	const size_t room = (v4 ? 576u : DP_PACKET_ICMP) - head - ICMP_HEAD;
	const size_t quoted = k->n < room ? k->n : room;
	const size_t n = head + ICMP_HEAD + quoted;
	uint8_t *t = ret + put_head(ret, &k->dst.addr, &k->src.addr, v4 ? ICMP : ICMP6, n);

	memset(t, 0, ICMP_HEAD);
	t[0] = v4 ? 3 : 1;
	t[1] = v4 ? code4[why] : code6[why];
	memcpy(t + ICMP_HEAD, k->p, quoted);
	put16(t + 2,
	      (uint16_t)~fold(sum(
		      t, ICMP_HEAD + quoted,
		      v4 ? 0 : sum_pseudo(&k->dst.addr, &k->src.addr, ICMP6, ICMP_HEAD + quoted))));
	return n;
}

size_t dp_packet_udp(const struct dp_place *src, const struct dp_place *dst, struct ss_span body,
		     uint8_t ret[DP_PACKET_UDP_HEAD])
{
	const size_t head = src->addr.n == 4 ? HEAD4 : HEAD6;
	const size_t n = UDP_HEAD + body.n;
	uint16_t check;
	uint8_t *t;

	if (body.n > DP_PACKET_MAX - head - UDP_HEAD)
		return 0;
	t = ret + put_head(ret, &src->addr, &dst->addr, UDP, head + n);
	put16(t, src->port);
	put16(t + 2, dst->port);
	put16(t + 4, (uint16_t)n);
	put16(t + 6, 0);
	check = (uint16_t)~fold(
		sum(body.p, body.n, sum(t, UDP_HEAD, sum_pseudo(&src->addr, &dst->addr, UDP, n))));
	put16(t + 6, check == 0 ? 0xffff : check); /* 0 would say that there is none (RFC 768) */
	return head + UDP_HEAD;
}

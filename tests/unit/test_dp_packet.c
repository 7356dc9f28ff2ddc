/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "runtime/dp_packet.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

/* The oracle: RFC 1071 word by word, over what the C library's headers say is where. */
static uint32_t words(const void *bytes, size_t n, uint32_t s)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		s += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
	return s;
}

static uint16_t folded(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/* The sum over all that the transport's checksum covers, itself included: 0xffff if it is right. */
static uint16_t transport_sum(const uint8_t *p, size_t n)
{
	struct ip6_hdr six;
	struct ip four;
	uint32_t s = 0;

	if (p[0] >> 4 == 4) {
		memcpy(&four, p, sizeof(four));
		if (four.ip_p != IPPROTO_ICMP) {
			s = words(&four.ip_src, 4, words(&four.ip_dst, 4, four.ip_p));
			s += (uint32_t)(n - sizeof(four));
		}
		return folded(words(p + sizeof(four), n - sizeof(four), s));
	}
	memcpy(&six, p, sizeof(six));
	s = words(&six.ip6_src, 16, words(&six.ip6_dst, 16, six.ip6_nxt));
	s += (uint32_t)(n - sizeof(six));
	return folded(words(p + sizeof(six), n - sizeof(six), s));
}

static void expect_right(const uint8_t *p, size_t n)
{
	struct ip6_hdr six;
	struct ip four;

	if (p[0] >> 4 == 4) {
		memcpy(&four, p, sizeof(four));
		assert_int_equal(ntohs(four.ip_len), n);
		assert_int_equal(folded(words(p, sizeof(four), 0)), 0xffff);
	} else {
		memcpy(&six, p, sizeof(six));
		assert_int_equal(ntohs(six.ip6_plen) + sizeof(six), n);
	}
	assert_int_equal(transport_sum(p, n), 0xffff);
}

static struct dp_place place(const char *addr, uint16_t port)
{
	return (struct dp_place){ dp_addr_text(addr), port };
}

#define ROOM 2048u

/* A TCP packet of the C library's making, with `body` bytes. Returns its size. */
static size_t make_tcp(uint8_t *p, const struct dp_place *src, const struct dp_place *dst,
		       uint8_t flags, size_t body)
{
	const size_t head = src->addr.n == 4 ? sizeof(struct ip) : sizeof(struct ip6_hdr);
	const size_t n = head + sizeof(struct tcphdr) + body;
	struct tcphdr tcp = { .th_sport = htons(src->port),
			      .th_dport = htons(dst->port),
			      .th_seq = htonl(0xfffffffeu),
			      .th_ack = htonl(77),
			      .th_off = 5,
			      .th_flags = flags,
			      .th_win = htons(1000) };

	memset(p, 0, head);
	if (src->addr.n == 4) {
		struct ip ip = { .ip_v = 4, .ip_hl = 5, .ip_ttl = 64, .ip_p = IPPROTO_TCP };

		ip.ip_len = htons((uint16_t)n);
		memcpy(&ip.ip_src, src->addr.a, 4);
		memcpy(&ip.ip_dst, dst->addr.a, 4);
		ip.ip_sum = htons((uint16_t)~folded(words(&ip, sizeof(ip), 0)));
		memcpy(p, &ip, sizeof(ip));
	} else {
		struct ip6_hdr ip = { .ip6_nxt = IPPROTO_TCP, .ip6_hlim = 64 };

		ip.ip6_vfc = 0x60;
		ip.ip6_plen = htons((uint16_t)(n - head));
		memcpy(&ip.ip6_src, src->addr.a, 16);
		memcpy(&ip.ip6_dst, dst->addr.a, 16);
		memcpy(p, &ip, sizeof(ip));
	}
	for (size_t i = 0; i < body; i++)
		p[n - body + i] = (uint8_t)(i * 7 + 1);
	memcpy(p + head, &tcp, sizeof(tcp));
	tcp.th_sum = htons((uint16_t)~transport_sum(p, n));
	memcpy(p + head, &tcp, sizeof(tcp));
	expect_right(p, n);
	return n;
}

static size_t make_udp(uint8_t *p, const struct dp_place *src, const struct dp_place *dst,
		       size_t body)
{
	static const uint8_t zeros[ROOM];
	const struct ss_span b = { zeros, body };
	const size_t head = dp_packet_udp(src, dst, b, p);

	memset(p + head, 0, body);
	return head + body;
}

static const char *const ends[][4] = {
	/* src, dst, and what they become */
	{ "198.18.0.1", "192.0.2.7", "198.19.0.5", "198.18.0.1" },
	{ "0.0.0.0", "255.255.255.255", "255.255.255.255", "0.0.0.0" },
	{ "fd53:656c:6673::1", "2001:db8::7", "fd53:656c:6673:2::5", "fd53:656c:6673::1" },
	{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1", "::" },
};

static void a_turned_packet_has_right_checksums(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(ends); i++) {
		for (unsigned round = 0; round < 500; round++) {
			const struct dp_place src = place(ends[i][0], (uint16_t)(seed >> 16));
			const struct dp_place dst = place(ends[i][1], (uint16_t)(seed >> 8));
			const struct dp_place src2 = place(ends[i][2], (uint16_t)(seed >> 4));
			const struct dp_place dst2 = place(ends[i][3], (uint16_t)seed);
			uint8_t p[ROOM], before[ROOM];
			struct dp_packet k;
			size_t n, t;

			seed = seed * 1664525u + 1013904223u;
			n = make_tcp(p, &src, &dst, TH_ACK, round);
			memcpy(before, p, n);
			assert_int_equal(dp_packet_read(p, n, &k), DP_P_TCP);
			assert_true(dp_place_is(&k.src, &src) && dp_place_is(&k.dst, &dst));
			dp_packet_turn(&k, &src2, &dst2);
			expect_right(p, n);
			t = k.at;
			assert_int_equal(dp_packet_read(p, n, &k), DP_P_TCP);
			assert_true(dp_place_is(&k.src, &src2) && dp_place_is(&k.dst, &dst2));
			/* nothing but ends and checksums has changed */
			assert_memory_equal(p + t + 4, before + t + 4, 12);
			assert_memory_equal(p + t + 18, before + t + 18, n - t - 18);
			dp_packet_turn(&k, &src, &dst);
			expect_right(p, n);
		}
	}
}

static void a_wrong_checksum_stays_wrong(void **state)
{
	const struct dp_place a = place("10.0.0.1", 1), b = place("10.0.0.2", 2),
			      c = place("10.9.0.3", 3);
	uint8_t p[ROOM];
	struct dp_packet k;
	const size_t n = make_tcp(p, &a, &b, TH_ACK, 10);

	(void)state;
	p[n - 1] ^= 1;
	assert_int_equal(dp_packet_read(p, n, &k), DP_P_TCP);
	dp_packet_turn(&k, &c, &a);
	assert_int_not_equal(transport_sum(p, n), 0xffff);
}

static void what_is_no_packet_is_refused_at_every_length(void **state)
{
	const struct dp_place v4[2] = { place("10.0.0.1", 1), place("10.0.0.2", 2) };
	const struct dp_place v6[2] = { place("fd00::1", 1), place("fd00::2", 2) };
	const struct dp_place *const both[2] = { v4, v6 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (unsigned udp = 0; udp < 2; udp++) {
			uint8_t whole[ROOM];
			const struct dp_place *e = both[i];
			const size_t n = udp != 0 ? make_udp(whole, &e[0], &e[1], 30)
						  : make_tcp(whole, &e[0], &e[1], TH_SYN, 30);

			for (size_t cut = 0; cut < n; cut++) {
				AUTO_FREE uint8_t *p = ss_calloc(cut + (cut == 0), 1);
				struct dp_packet k;

				memcpy(p, whole, cut);
				assert_int_equal(dp_packet_read(p, cut, &k), DP_P_BAD);
			}
		}
	}
}

/* What stands at `at`, and what the packet then is. */
static void odd_packets_are_told_apart(void **state)
{
	static const struct {
		bool v6;
		size_t at;
		uint8_t byte;
		enum dp_packet_kind kind;
	} rows[] = {
		{ false, 0, 0x46, DP_P_OTHER }, /* options */
		{ false, 0, 0x44, DP_P_OTHER }, /* a header too short for itself */
		{ false, 0, 0x55, DP_P_BAD },   /* IPv5 */
		{ false, 6, 0x20, DP_P_OTHER }, /* more fragments */
		{ false, 7, 0x01, DP_P_OTHER }, /* not the first fragment */
		{ false, 6, 0x40, DP_P_TCP },   /* don't fragment */
		{ false, 3, 19, DP_P_BAD },     /* shorter than its own header */
		{ false, 3, 39, DP_P_BAD },     /* than the TCP header */
		{ false, 3, 40, DP_P_TCP },     /* longer than it says: the rest is not looked at */
		{ false, 9, 1, DP_P_OTHER },    /* ICMP */
		{ false, 9, 132, DP_P_OTHER },  /* SCTP */
		{ false, 9, 17, DP_P_BAD },     /* UDP, whose length is wrong */
		{ false, 20 + 12, 0x40, DP_P_BAD }, /* the TCP header too short */
		{ false, 20 + 12, 0xf0, DP_P_BAD }, /* longer than the packet */
		{ true, 6, 0, DP_P_OTHER },         /* hop by hop */
		{ true, 6, 44, DP_P_OTHER },        /* a fragment */
		{ true, 6, 58, DP_P_OTHER },        /* ICMPv6 */
		{ true, 4, 1, DP_P_BAD },           /* longer than what is there */
		{ true, 5, 19, DP_P_BAD },          { true, 40 + 12, 0xf0, DP_P_BAD },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		const char *const *e = ends[rows[i].v6 ? 2 : 0];
		const struct dp_place src = place(e[0], 80), dst = place(e[1], 443);
		uint8_t p[ROOM];
		const size_t n = make_tcp(p, &src, &dst, TH_SYN, 5);
		struct dp_packet k;

		p[rows[i].at] = rows[i].byte;
		if (dp_packet_read(p, n, &k) != rows[i].kind)
			fail_msg("row %zu", i);
	}
}

static void a_syn_is_answered_by_a_reset_that_acknowledges_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < SS_NELEMS(ends); i += 2) {
		const struct dp_place src = place(ends[i][0], 1234), dst = place(ends[i][1], 443);
		uint8_t p[ROOM], r[DP_PACKET_RESET];
		struct dp_packet k, a;
		struct tcphdr tcp;
		size_t n = make_tcp(p, &src, &dst, TH_SYN, 3);

		assert_int_equal(dp_packet_read(p, n, &k), DP_P_TCP);
		n = dp_packet_reset(&k, r);
		expect_right(r, n);
		assert_int_equal(dp_packet_read(r, n, &a), DP_P_TCP);
		assert_true(dp_place_is(&a.src, &dst) && dp_place_is(&a.dst, &src));
		memcpy(&tcp, r + a.at, sizeof(tcp));
		assert_int_equal(tcp.th_flags, TH_RST | TH_ACK);
		assert_int_equal(ntohl(tcp.th_seq), 0);
		assert_int_equal(ntohl(tcp.th_ack), 0xfffffffeu + 1 + 3); /* wraps */

		n = make_tcp(p, &src, &dst, TH_ACK, 3);
		assert_int_equal(dp_packet_read(p, n, &k), DP_P_TCP);
		n = dp_packet_reset(&k, r);
		expect_right(r, n);
		memcpy(&tcp, r + a.at, sizeof(tcp));
		assert_int_equal(tcp.th_flags, TH_RST);
		assert_int_equal(ntohl(tcp.th_seq), 77);
	}
}

static void unreachable_quotes_the_packet(void **state)
{
	static const struct {
		enum dp_unreachable why;
		uint8_t v4, v6;
	} rows[] = {
		{ DP_U_PROHIBITED, ICMP_PKT_FILTERED, ICMP6_DST_UNREACH_ADMIN },
		{ DP_U_PORT, ICMP_UNREACH_PORT, ICMP6_DST_UNREACH_NOPORT },
		{ DP_U_HOST, ICMP_UNREACH_HOST, ICMP6_DST_UNREACH_ADDR },
	};
	static const size_t sizes[] = { 0, 1, 500, 1200, 1900 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(ends); i += 2) {
		for (size_t s = 0; s < SS_NELEMS(sizes) * SS_NELEMS(rows); s++) {
			const size_t row = s % SS_NELEMS(rows);
			const struct dp_place src = place(ends[i][0], 1234),
					      dst = place(ends[i][1], 53);
			const bool v4 = src.addr.n == 4;
			const size_t head = v4 ? sizeof(struct ip) : sizeof(struct ip6_hdr);
			uint8_t p[ROOM], r[DP_PACKET_ICMP];
			struct dp_packet k;
			const size_t n = make_udp(p, &src, &dst, sizes[s / SS_NELEMS(rows)]);
			size_t m;

			assert_int_equal(dp_packet_read(p, n, &k), DP_P_UDP);
			m = dp_packet_unreachable(&k, rows[row].why, r);
			expect_right(r, m);
			assert_true(m <= (v4 ? 576u : 1280u));
			assert_int_equal(r[head], v4 ? ICMP_UNREACH : ICMP6_DST_UNREACH);
			assert_int_equal(r[head + 1], v4 ? rows[row].v4 : rows[row].v6);
			assert_memory_equal(r + head + 8, p, m - head - 8);
			assert_true(m - head - 8 == n || m > 570);
		}
	}
}

static void datagrams_are_written_as_they_are_read(void **state)
{
	static uint8_t body[70000], p[70000];

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 31 + (i >> 8));
	for (size_t i = 0; i < SS_NELEMS(ends); i++) {
		const struct dp_place src = place(ends[i][0], 53), dst = place(ends[i][1], 4321);
		const size_t head = src.addr.n == 4 ? 28 : 48;
		static const size_t sizes[] = { 0, 1, 2, 3, 511, 512, 1471, 65487, 65488, 65507 };

		for (size_t s = 0; s < SS_NELEMS(sizes); s++) {
			const struct ss_span b = { body, sizes[s] };
			struct dp_packet k;

			if (head + sizes[s] > DP_PACKET_MAX) {
				assert_int_equal(dp_packet_udp(&src, &dst, b, p), 0);
				continue;
			}
			assert_int_equal(dp_packet_udp(&src, &dst, b, p), head);
			memcpy(p + head, body, b.n);
			expect_right(p, head + b.n);
			assert_int_equal(dp_packet_read(p, head + b.n, &k), DP_P_UDP);
			assert_true(dp_place_is(&k.src, &src) && dp_place_is(&k.dst, &dst));
			assert_int_equal(k.body.n, b.n);
			assert_memory_equal(k.body.p, body, b.n);
		}
	}
}

static void a_checksum_of_zero_is_written_as_all_ones(void **state)
{
	const struct dp_place src = place("0.0.0.0", 0), dst = place("0.0.0.0", 0);
	uint8_t p[ROOM];
	uint16_t v;
	size_t n;

	(void)state;
	/* protocol 17 and twice the length 10: the body makes the sum 0xffff */
	v = htons((uint16_t)(0xffff - 17 - 10 - 10));
	n = dp_packet_udp(&src, &dst, (struct ss_span){ (const uint8_t *)&v, 2 }, p);
	assert_int_equal(n, 28);
	assert_int_equal(p[26] << 8 | p[27], 0xffff);
}

static void addresses_are_read_shown_and_compared(void **state)
{
	static const struct {
		const char *a, *net;
		unsigned bits;
		bool in;
	} rows[] = {
		{ "198.19.255.255", "198.19.0.0", 16, true },
		{ "198.20.0.0", "198.19.0.0", 16, false },
		{ "198.19.255.255", "198.18.0.0", 15, true },
		{ "10.0.0.1", "10.0.0.1", 32, true },
		{ "10.0.0.1", "10.0.0.0", 31, true },
		{ "10.0.0.2", "10.0.0.0", 31, false },
		{ "1.2.3.4", "9.9.9.9", 0, true },
		{ "fd53:656c:6673:2::9", "fd53:656c:6673:2::", 64, true },
		{ "fd53:656c:6673:3::9", "fd53:656c:6673:2::", 64, false },
		{ "::1", "0.0.0.0", 0, false },
	};
	char text[DP_ADDR_TEXT];
	struct dp_addr a = dp_addr_text("2001:db8::a:1");

	(void)state;
	assert_string_equal(dp_addr_show(&a, text), "2001:db8:0:0:0:0:a:1");
	a = dp_addr_text("192.0.2.255");
	assert_string_equal(dp_addr_show(&a, text), "192.0.2.255");
	a = dp_addr_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_string_equal(dp_addr_show(&a, text), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		const struct dp_addr x = dp_addr_text(rows[i].a), net = dp_addr_text(rows[i].net);

		if (dp_addr_in(&x, &net, rows[i].bits) != rows[i].in)
			fail_msg("%s in %s/%u", rows[i].a, rows[i].net, rows[i].bits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turned_packet_has_right_checksums),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
		cmocka_unit_test(what_is_no_packet_is_refused_at_every_length),
		cmocka_unit_test(odd_packets_are_told_apart),
		cmocka_unit_test(a_syn_is_answered_by_a_reset_that_acknowledges_it),
		cmocka_unit_test(unreachable_quotes_the_packet),
		cmocka_unit_test(datagrams_are_written_as_they_are_read),
		cmocka_unit_test(a_checksum_of_zero_is_written_as_all_ones),
		cmocka_unit_test(addresses_are_read_shown_and_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

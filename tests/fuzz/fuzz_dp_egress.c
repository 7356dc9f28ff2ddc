/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application that writes whatever it likes into the TUN device, and a host that answers its
 * streams as the input says.
 * Holds: no memory fault; what comes out of the device again is a packet whose checksums are right,
 * to the application or to the listener; when the host hangs up, nothing is left open.
 */
#include "plane_world.h"
#include "runtime/plane_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const rules[] = { "10.0.0.0/8:*", "[2001:db8::/32]:*", "a.example:443",
				     "*.b.example:*" };
static const char *const places[][2] = {
	{ "10.0.0.1", "2001:db8::1" },
	{ PLANE_NET_RESOLVER4, PLANE_NET_RESOLVER6 },
	{ "198.18.16.0", PLANE_NET_NAMES6 },
	{ "198.19.0.0", PLANE_NET_FLOWS6 },
	{ "192.0.2.1", "2001:dead::1" },
	{ PLANE_NET_OWN4, PLANE_NET_OWN6 },
	{ "198.18.16.1", "fd53:656c:6673:1::1" },
	{ "224.0.0.1", "ff02::1" },
};

static void prepare(void)
{
	static bool ready;
	AUTO_BUF struct ss_buf argv = SS_BUF_INIT(64);
	static struct ss_buf egress = SS_BUF_INIT(1024);
	struct mc_config c = { .version = MC_VERSION,
			       .entries = 1,
			       .cwd = { (const uint8_t *)"/", 1 },
			       .stop_signal = 15,
			       .logs = true };

	if (ready)
		return;
	mc_put_string(&argv, (struct ss_span){ (const uint8_t *)"/x", 2 });
	for (size_t i = 0; i < SS_NELEMS(rules); i++)
		mc_put_string(&egress,
			      (struct ss_span){ (const uint8_t *)rules[i], strlen(rules[i]) });
	c.argv = (struct mc_list){ ss_buf_span(&argv), 1 };
	c.egress = (struct mc_list){ ss_buf_span(&egress), SS_NELEMS(rules) };
	pw_config(&c);
	pw_start();
	pw_start_egress();
	ready = true;
}

/* --- what comes out */

static uint32_t words(const uint8_t *p, size_t n, uint32_t s)
{
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

/* The checksums of a turned packet are right if the input's were: `made` here they are. */
static void expect_packet(uint8_t *p, size_t n, bool made)
{
	const struct dp_addr own[2] = { dp_addr_text(PLANE_NET_OWN4),
					dp_addr_text(PLANE_NET_OWN6) };
	struct dp_packet k;
	const enum dp_packet_kind kind = dp_packet_read(p, n, &k);
	const size_t head = n > 0 && p[0] >> 4 == 4 ? 20 : 40;
	const uint8_t protocol = head == 20 ? p[9] : p[6];
	uint32_t s = 0;

	assert(kind != DP_P_BAD && k.n == n);
	assert(dp_addr_is(&k.dst.addr, &own[0]) || dp_addr_is(&k.dst.addr, &own[1]));
	if (!made)
		return;
	if (head == 20)
		assert(folded(words(p, 20, 0)) == 0xffff);
	if (protocol != 1) {
		s = words(k.src.addr.a, k.src.addr.n, words(k.dst.addr.a, k.dst.addr.n, protocol));
		s += (uint32_t)(n - head);
	}
	s = words(p + head, (n - head) & ~(size_t)1, s);
	if (((n - head) & 1) != 0)
		s += (uint32_t)p[n - 1] << 8;
	while (s >> 16 != 0)
		s = (s & 0xffff) + (s >> 16);
	assert(s == 0xffff);
}

static void drain(bool made)
{
	static uint8_t packet[DP_PACKET_MAX + 1];
	ssize_t n;

	while ((n = recv(pw.tun, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
		expect_packet(packet, (size_t)n, made);
}

/* --- what goes in */

/* A packet with right checksums, made of parts. */
static void say_udp(struct pw_input *in)
{
	const bool v6 = (pw_number(in, 1) & 1) != 0;
	struct dp_place from = { dp_addr_text(v6 ? PLANE_NET_OWN6 : PLANE_NET_OWN4), 0 };
	struct dp_place to = { dp_addr_text(places[pw_number(in, 1) % SS_NELEMS(places)][v6]), 0 };
	static uint8_t packet[DP_PACKET_UDP_HEAD + 256];
	struct ss_span body;
	size_t n;

	from.port = (uint16_t)(pw_number(in, 1) & 3);
	to.port = (pw_number(in, 1) & 1) != 0 ? 53 : 443;
	body = pw_bytes(in, (size_t)pw_number(in, 1));
	n = dp_packet_udp(&from, &to, body, packet);
	if (body.n > 0)
		memcpy(packet + n, body.p, body.n);
	(void)send(pw.tun, packet, n + body.n, MSG_NOSIGNAL);
}

static void say_question(struct pw_input *in)
{
	static const char *const names[] = { "\1a\7example", "\1x\1b\7example", "\1z\7example",
					     "\1A\7EXAMPLE", "" };
	static const uint8_t types[] = { 1, 28, 16, 65, 15, 12 };
	const char *name = names[pw_number(in, 1) % SS_NELEMS(names)];
	const struct dp_place from = { dp_addr_text(PLANE_NET_OWN4), 9 };
	const struct dp_place to = { dp_addr_text(PLANE_NET_RESOLVER4), 53 };
	uint8_t q[64] = { 0x12, (uint8_t)pw_number(in, 1), 1, 0, 0, 1 };
	uint8_t packet[DP_PACKET_UDP_HEAD + sizeof(q)];
	const size_t n_name = strlen(name) + 1;
	struct ss_span body = { q, 12 + n_name + 4 };
	size_t n;

	memcpy(q + 12, name, n_name);
	q[12 + n_name + 1] = types[pw_number(in, 1) % sizeof(types)];
	q[12 + n_name + 3] = 1;
	n = dp_packet_udp(&from, &to, body, packet);
	memcpy(packet + n, q, body.n);
	(void)send(pw.tun, packet, n + body.n, MSG_NOSIGNAL);
}

static void say_tcp(struct pw_input *in)
{
	const bool v6 = (pw_number(in, 1) & 1) != 0;
	const struct dp_addr from = dp_addr_text(v6 ? PLANE_NET_OWN6 : PLANE_NET_OWN4);
	const struct dp_addr to = dp_addr_text(places[pw_number(in, 1) % SS_NELEMS(places)][v6]);
	const size_t head = v6 ? 40 : 20;
	uint8_t p[256] = { v6 ? 0x60 : 0x45 };
	struct ss_span rest;

	memcpy(p + (v6 ? 8 : 12), from.a, from.n);
	memcpy(p + (v6 ? 24 : 16), to.a, to.n);
	p[v6 ? 6 : 9] = 6;
	p[head] = (pw_number(in, 1) & 1) != 0 ? PLANE_NET_PORT >> 8 : 4;
	p[head + 1] =
		p[head] == 4 ? (uint8_t)(pw_number(in, 1) & 3) : (uint8_t)(PLANE_NET_PORT & 0xff);
	p[head + 2] = (uint8_t)pw_number(in, 1);
	p[head + 3] = (uint8_t)pw_number(in, 1);
	p[head + 12] = (uint8_t)(0x50 + (pw_number(in, 1) & 0x30));
	p[head + 13] = (uint8_t)pw_number(in, 1);
	rest = pw_bytes(in, (size_t)pw_number(in, 1) & 0x7f);
	if (rest.n > 0)
		memcpy(p + head + 20, rest.p, rest.n);
	p[v6 ? 5 : 3] = (uint8_t)(20 + rest.n + (v6 ? 0 : head));
	(void)send(pw.tun, p, head + 20 + rest.n, MSG_NOSIGNAL);
}

/* The host's side of one of its streams. */
static void host_says(struct pw_input *in)
{
	static const uint8_t opened[12] = { 33, 0, 0, 0, 0, 0, 0, 4 };
	const uint64_t what = pw_number(in, 1);
	struct ss_span s;
	size_t i;

	if (pw.n_called == 0)
		return;
	i = (size_t)pw_number(in, 1) % pw.n_called;
	if ((what & 3) == 0) {
		(void)send(pw.called[i], opened, sizeof(opened), MSG_NOSIGNAL);
	} else if ((what & 3) == 1) {
		(void)close(pw.called[i]);
		pw.called[i] = pw.called[--pw.n_called];
	} else {
		s = pw_bytes(in, (size_t)pw_number(in, 1));
		(void)send(pw.called[i], s.p, s.n, MSG_NOSIGNAL);
	}
}

/* The answer that a host which means well gives to what it is asked, with the input's bytes. */
static void host_answers(struct pw_input *in)
{
	uint8_t room[600];
	struct ss_span extra;
	ssize_t n;

	if (pw.n_called == 0)
		return;
	n = recv(pw.called[0], room, 512, MSG_DONTWAIT);
	if (n < 24 || room[0] != 32)
		return;
	n -= 8 + room[7]; /* behind OPEN, a question with its length */
	if (n < 14)
		return;
	memmove(room, room + 8 + room[7], (size_t)n);
	room[4] |= 0x80;
	extra = pw_bytes(in, (size_t)pw_number(in, 1) & 0x3f);
	if (extra.n > 0)
		memcpy(room + n, extra.p, extra.n);
	room[1] = (uint8_t)(room[1] + extra.n);
	(void)send(pw.called[0], room, (size_t)n + extra.n, MSG_NOSIGNAL);
}

static void play(struct pw_input *in)
{
	const uint64_t what = pw_number(in, 1) % 7;
	struct ss_span raw;

	switch (what) {
	case 0:
		raw = pw_bytes(in, (size_t)pw_number(in, 2) & 0x3ff);
		if (raw.n > 0)
			(void)send(pw.tun, raw.p, raw.n, MSG_NOSIGNAL);
		break;
	case 1:
		say_udp(in);
		break;
	case 2:
		say_question(in);
		break;
	case 3:
	case 4:
		say_tcp(in);
		break;
	case 5:
		host_says(in);
		break;
	case 6:
		host_answers(in);
		break;
	}
	pw_settle(20);
	/* Only TCP is turned: anything else that comes back was made by us. */
	drain(what == 1 || what == 2);
}

static void forget_flows(void)
{
	struct dp_nat *n = &pw.dp.tcp.nat;
	struct dp_timer *t;

	while ((t = dp_timers_first(&pw.dp.tcp.offer)) != NULL)
		dp_tcp_end(&pw.dp, DP_OWNER(t, struct dp_stream, pair.timer));
	while ((t = dp_timers_first(&pw.dp.udp.dialling)) != NULL ||
	       (t = dp_timers_first(&pw.dp.udp.idle)) != NULL)
		pw.dp.udp.idle.expired(&pw.dp, t);
	while ((t = dp_timers_first(&n->linger)) != NULL)
		dp_nat_forget(n, DP_OWNER(t, struct dp_flow, timer));
	while ((t = dp_timers_first(&pw.dp.resolver.waiting)) != NULL)
		pw.dp.resolver.waiting.expired(&pw.dp, t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pw_input in = { data, size };

	prepare();
	pw.dp.control.host_known = true;
	pw.dp.control.egress_port = 1;
	pw.dp.resolver.quiet_until_ms = 0;
	while (in.n > 0)
		play(&in);
	pw_hang_up(pw.called, &pw.n_called);
	pw_settle(100);
	forget_flows();
	drain(false);
	assert(pw.dp.tcp.slots.used == 0 && pw.dp.udp.slots.used == 0);
	assert(pw.dp.tcp.nat.slots.used == 0 && pw.dp.resolver.slots.used == 0);
	assert(pw.dp.pipes.n_free == pw.dp.pipes.n);
	for (uint32_t i = 0; i < pw.dp.names.n; i++)
		assert(pw.dp.names.v[i].uses == 0);
	return 0;
}

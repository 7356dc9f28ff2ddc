/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that says whatever it likes on the control port and on ingress ports, and an init that is
 * no better.
 * Holds: no memory fault; until HELLO nothing is said; what is said are frames of an enclave; a
 * stream that broke the form is over; when the host hangs up, nothing is left open.
 */
#include "plane_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INGRESS 3u

static struct {
	int streams[16]; /* the host's ends, and which listener they called */
	unsigned listener[16];
	size_t n;
} host;

static void prepare(void)
{
	static bool ready;
	AUTO_BUF struct ss_buf argv = SS_BUF_INIT(64);
	static struct ss_buf ingress = SS_BUF_INIT(1024);
	struct mc_config c = { .version = MC_VERSION,
			       .entries = 1,
			       .cwd = { (const uint8_t *)"/", 1 },
			       .stop_signal = 15,
			       .logs = true };
	/* Nobody listens there: a header is judged, then the application is not. */
	const struct mc_ingress rows[INGRESS] = {
		{ .port = 1, .to = 1 },
		{ .port = 2, .to = 1, .proxy = true },
		{ .port = 3, .to = 1, .udp = true, .proxy = true },
	};

	if (ready)
		return;
	mc_put_string(&argv, (struct ss_span){ (const uint8_t *)"/x", 2 });
	for (size_t i = 0; i < INGRESS; i++)
		mc_put_ingress(&ingress, &rows[i]);
	c.argv = (struct mc_list){ ss_buf_span(&argv), 1 };
	c.ingress = (struct mc_list){ ss_buf_span(&ingress), INGRESS };
	pw_config(&c);
	pw_start();
	assert(pw.n_listeners == 1 + INGRESS);
	ready = true;
}

static void init_says(struct pw_input *in)
{
	struct {
		struct rt_plane_head head;
		uint8_t text[64];
	} m = { .head = { .type = (uint8_t)pw_number(in, 1) } };
	struct ss_span s;

	/* Its end would be the end of every input after this one. */
	if (m.head.type == RT_PLANE_EXIT || m.head.type == RT_PLANE_DRAIN)
		m.head.type = RT_PLANE_LOG;
	m.head.a = (uint8_t)(pw_number(in, 1) & 7);
	m.head.b = (uint8_t)pw_number(in, 1);
	m.head.count = (uint32_t)pw_number(in, 1);
	s = pw_bytes(in, (size_t)pw_number(in, 1) & 0x3f);
	if (s.n > 0)
		memcpy(m.text, s.p, s.n);
	(void)send(pw.link, &m, sizeof(m.head) + s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void hang_up(size_t i)
{
	(void)close(host.streams[i]);
	host.n--;
	host.streams[i] = host.streams[host.n];
	host.listener[i] = host.listener[host.n];
}

/* Reads frames off a control stream: all must be of an enclave. */
static void hear(size_t i)
{
	static uint8_t room[1 << 18];
	struct ss_err err = { 0 };
	struct frame f;
	size_t at = 0, size = 0;
	const ssize_t n = recv(host.streams[i], room, sizeof(room), MSG_PEEK | MSG_DONTWAIT);

	if (n <= 0 || host.listener[i] != 0)
		return;
	while (frame_read((struct ss_span){ room + at, (size_t)n - at }, &f, &size, &err) == 1) {
		assert(f.type >= FRAME_WELCOME && f.type <= FRAME_EXIT);
		at += size;
	}
	assert(err.code == SS_OK);
	(void)recv(host.streams[i], room, at, MSG_DONTWAIT);
}

static void play(struct pw_input *in)
{
	static const uint8_t hello[24] = { 1, 0, 0, 0, 0, 0, 0, 16, 0, 1, 0, 0, 0, 0, 19, 136 };
	const uint64_t what = pw_number(in, 1);
	struct ss_span s;
	size_t i;

	if (what % 6 == 0 && host.n < SS_NELEMS(host.streams)) {
		host.listener[host.n] = (unsigned)(what >> 4) % (1 + INGRESS);
		host.streams[host.n] = pw_call(host.listener[host.n]);
		assert(host.streams[host.n] >= 0);
		host.n++;
	} else if (what % 6 == 1) {
		init_says(in);
	} else if (host.n > 0) {
		i = (size_t)(what >> 4) % host.n;
		s = pw_bytes(in, what % 6 == 2 ? (size_t)pw_number(in, 1) : 0);
		if (what % 6 == 2)
			(void)send(host.streams[i], s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		else if (what % 6 == 3)
			(void)send(host.streams[i], hello, sizeof(hello),
				   MSG_NOSIGNAL | MSG_DONTWAIT);
		else if (what % 6 == 4)
			hear(i);
		else
			hang_up(i);
	}
	pw_settle(20);
}

static void read_init(void)
{
	struct rt_plane_head h;

	while (recv(pw.link, &h, sizeof(h), MSG_DONTWAIT) > 0)
		assert(h.type >= RT_PLANE_READY && h.type <= RT_PLANE_FLUSHED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pw_input in = { data, size };

	prepare();
	while (in.n > 0)
		play(&in);
	while (host.n > 0) {
		hear(host.n - 1);
		hang_up(host.n - 1);
	}
	pw_settle(100);
	read_init();
	/* What asks the application again has no event. */
	for (struct dp_timer *t; (t = dp_timers_first(&pw.dp.ingress.retry)) != NULL;)
		pw.dp.ingress.idle.expired(&pw.dp, t);
	assert(pw.dp.ingress.slots.used == 0 && pw.dp.control.w.fd < 0);
	for (size_t i = 0; i < pw.dp.ingress.n; i++)
		assert(pw.dp.ingress.listeners[i].open == 0);
	dp_slots_settle(&pw.dp.ingress.slots);
	return 0;
}

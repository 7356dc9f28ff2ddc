/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An enclave that says anything at all to its host: on the control stream, on egress streams, as a
 * heartbeat. The input is pieces of `where u8, n u8, n bytes`; where % 8 is 0 … 2 the control
 * stream, 3 a new egress stream, 4 and 5 the last one, 6 the end of the last one, 7 a heartbeat.
 *
 * Whatever comes, the host says nothing but whole frames that a host may say, HELLO first; what it
 * hands on is within its limits, and nothing after EXIT; and no egress stream is opened that the
 * list has not. The list has 127.0.0.1:1, where nobody listens.
 */
#include "base/mem.h"
#include "launch/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_CALLS 16u
#define SAID_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stream {
	int fd;
	struct ss_buf sent, said; /* to the host, by the host */
};

struct world {
	struct machine m;
	struct loop *loop;
	struct host *host;
	struct facts facts;
	struct sockaddr_un heart, egress;
	struct stream control; /* of the last call; fd -1 = none */
	struct stream calls[MAX_CALLS];
	size_t n_calls;
	bool exited;
};

static void must(bool good)
{
	if (!good)
		abort();
}

static struct world *of(struct machine *m)
{
	return (struct world *)(void *)m;
}

/* --- the machine ----------------------------------------------------------------------------- */

static void stream_open(struct stream *s, int fd)
{
	*s = (struct stream){ fd, SS_BUF_INIT(SAID_MAX), SS_BUF_INIT(SAID_MAX) };
}

static void stream_done(struct stream *s)
{
	ss_closep(&s->fd);
	s->fd = -1;
	ss_buf_done(&s->sent);
	ss_buf_done(&s->said);
}

static void hear(struct stream *s)
{
	uint8_t block[4096];
	ssize_t n;

	while (s->fd >= 0 && (n = recv(s->fd, block, sizeof(block), MSG_DONTWAIT)) > 0)
		ss_buf_put(&s->said, (struct ss_span){ block, (size_t)n });
}

static void check_control(const struct stream *s);

static int dial(struct machine *m, uint32_t port, struct ss_err *err)
{
	struct world *w = of(m);
	int fds[2];

	(void)err;
	must(port == FRAME_PORT_CONTROL && !w->exited);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	hear(&w->control);
	check_control(&w->control);
	stream_done(&w->control);
	stream_open(&w->control, fds[1]);
	return fds[0];
}

/* At a name that the system gives. */
static int listen_at(struct machine *m, uint32_t *port, struct ss_err *err)
{
	struct world *w = of(m);
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un *to = *port == FRAME_PORT_HEARTBEAT ? &w->heart : &w->egress;
	socklen_t n = sizeof(*to);
	const struct sockaddr_un any = { .sun_family = AF_UNIX };

	(void)err;
	must(bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) == 0);
	must(listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr *)to, &n) == 0);
	if (*port == 0)
		*port = 20000;
	return fd;
}

static int call_to(const struct sockaddr_un *to)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* autobind: a NUL and five hex digits */
	const socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 6);

	must(fd >= 0 && connect(fd, (const struct sockaddr *)to, n) == 0);
	return fd;
}

static bool is_ours(const struct machine *m, int fd)
{
	(void)m;
	return fd >= 0;
}

static const struct machine_ops ops = {
	.name = "fuzz", .dial = dial, .listen = listen_at, .is_ours = is_ours
};

/* --- what the host hands on ------------------------------------------------------------------ */

static void on_beat(void *ctx)
{
	must(!((struct world *)ctx)->exited);
}

static void on_welcome(void *ctx, uint64_t memory)
{
	(void)memory;
	must(!((struct world *)ctx)->exited);
}

static void on_state(void *ctx, enum frame_state s, struct ss_span reason)
{
	must(!((struct world *)ctx)->exited);
	must(s <= FRAME_STATE_LAST && reason.n <= FRAME_MAX_TEXT);
}

static void on_line(void *ctx, const struct frame *f)
{
	must(!((struct world *)ctx)->exited);
	must(f->type == FRAME_LOG && f->log.text.n <= FRAME_MAX_LINE);
	must(f->log.source >= FRAME_STDOUT && f->log.source <= FRAME_DATAPLANE);
}

static void on_lost(void *ctx, uint64_t lines, uint64_t bytes)
{
	(void)lines;
	(void)bytes;
	must(!((struct world *)ctx)->exited);
}

static void on_exit_frame(void *ctx, const struct frame *f)
{
	struct world *w = ctx;

	must(!w->exited && f->type == FRAME_EXIT && f->exit.kind <= FRAME_STOPPED);
	w->exited = true;
}

static void on_note(void *ctx, const char *text)
{
	(void)ctx;
	for (; *text != '\0'; text++)
		must(*text == '\t' || (unsigned char)*text >= ' ');
}

static void on_metrics(void *ctx, struct ss_span text)
{
	(void)ctx;
	for (size_t i = 0; i < text.n; i++)
		must(text.p[i] == '\n' || text.p[i] >= ' ');
}

/* --- what the host says ---------------------------------------------------------------------- */

static void check_control(const struct stream *s)
{
	struct ss_span in = ss_buf_span(&s->said);

	for (size_t i = 0;; i++) {
		struct frame f;
		struct ss_err err = { 0 };
		size_t size;
		const int rc = frame_read(in, &f, &size, &err);

		must(rc >= 0);
		if (rc == 0)
			break;
		must((f.type == FRAME_HELLO) == (i == 0));
		must(f.type == FRAME_HELLO || f.type == FRAME_TIME || f.type == FRAME_STOP ||
		     f.type == FRAME_SCRAPE);
		in = (struct ss_span){ in.p + size, in.n - size };
	}
	must(in.n == 0); /* it writes whole frames */
}

/* May this stream have been opened? Only datagrams to the one address, and questions. */
static bool may_be_open(const struct stream *s)
{
	static const uint8_t listed[] = { 127, 0, 0, 1 };
	struct frame f;
	struct ss_err err = { 0 };
	size_t size;

	if (frame_read(ss_buf_span(&s->sent), &f, &size, &err) != 1 || f.type != FRAME_OPEN)
		return false;
	if (f.open.transport == FRAME_DNS)
		return true;
	return f.open.transport == FRAME_UDP && f.open.port == 1 && f.open.address.n >= 4 &&
	       memcmp(f.open.address.p + f.open.address.n - 4, listed, 4) == 0;
}

static void check_call(const struct stream *s)
{
	struct frame f;
	struct ss_err err = { 0 };
	size_t size;

	if (s->said.n == 0)
		return;
	must(frame_read(ss_buf_span(&s->said), &f, &size, &err) == 1 && f.type == FRAME_OPENED);
	must(f.opened != FRAME_OPEN_OK || may_be_open(s));
	must(f.opened == FRAME_OPEN_OK || s->said.n == size);
}

/* --- one input ------------------------------------------------------------------------------- */

static void turn(struct world *w)
{
	struct ss_err err = { 0 };

	for (int i = 0; i < 4; i++)
		must(loop_turn(w->loop, 0, &err) == 0);
	hear(&w->control);
	for (size_t i = 0; i < w->n_calls; i++)
		hear(&w->calls[i]);
}

static void put(struct stream *s, struct ss_span bytes)
{
	ssize_t n;

	if (s->fd < 0)
		return;
	n = send(s->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		ss_buf_put(&s->sent, (struct ss_span){ bytes.p, (size_t)n });
}

static void beat(struct world *w, struct ss_span bytes)
{
	int fd = call_to(&w->heart);

	(void)!send(fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	turn(w);
	ss_closep(&fd);
}

static void piece(struct world *w, unsigned where, struct ss_span bytes)
{
	struct stream *last = w->n_calls > 0 ? &w->calls[w->n_calls - 1] : NULL;

	if (where < 3) {
		put(&w->control, bytes);
	} else if (where == 3 && w->n_calls < MAX_CALLS) {
		last = &w->calls[w->n_calls++];
		stream_open(last, call_to(&w->egress));
		put(last, bytes);
	} else if (where == 6 && last != NULL) {
		hear(last);
		ss_closep(&last->fd);
		last->fd = -1;
	} else if (where == 7) {
		beat(w, bytes);
	} else if (last != NULL) {
		put(last, bytes);
	}
	turn(w);
}

static void start(struct world *w)
{
	static const char rule[] = "127.0.0.1/32:1";
	struct ss_err err = { 0 };
	struct host_opts o = { .machine = &w->m,
			       .facts = &w->facts,
			       .has_dns = true,
			       .metrics_fd = -1,
			       .on = { on_beat, on_welcome, on_state, on_line, on_lost,
				       on_exit_frame, on_note, w } };

	w->m.ops = &ops;
	stream_open(&w->control, -1);
	w->facts = (struct facts)FACTS_NONE;
	w->facts.rules = ss_calloc(1, sizeof(*w->facts.rules));
	w->facts.n_rules = 1;
	must(egress_rule_read((struct ss_span){ (const uint8_t *)rule, sizeof(rule) - 1 },
			      w->facts.rules, &err) == 0);
	must(loop_new(&w->loop, &err) == 0);
	o.loop = w->loop;
	o.dns.v4.sin_family = AF_INET;
	o.dns.v4.sin_port = htons(1);
	o.dns.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(host_new(&o, &w->host, &err) == 0);
	beat(w, (struct ss_span){ (const uint8_t *)"\xb7", 1 });
	must(w->control.fd >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE struct world *w = ss_calloc(1, sizeof(*w));
	size_t at = 0;

	start(w);
	while (at + 2 <= size) {
		const size_t n = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;

		piece(w, data[at] % 8u, (struct ss_span){ data + at + 2, n });
		if (data[at] == 8)
			host_scrape(w->host, on_metrics, w);
		if (data[at] == 16)
			must(!host_stop_guest(w->host, 1000) || host_is_connected(w->host));
		if (data[at] == 24 || data[at] == 32)
			host_pause(w->host, data[at] == 24);
		at += 2 + n;
	}
	turn(w);
	check_control(&w->control);
	for (size_t i = 0; i < w->n_calls; i++) {
		check_call(&w->calls[i]);
		stream_done(&w->calls[i]);
	}
	host_free(w->host);
	stream_done(&w->control);
	loop_free(w->loop);
	facts_done(&w->facts);
	return 0;
}

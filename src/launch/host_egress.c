/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "launch/host_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CALLS_A_TURN 64
#define READS_A_TURN 64

/* A stream that the enclave has opened to us, until a relay takes it over. */
struct host_call {
	LIST_ENTRY(host_call) list;
	struct host *host;
	struct loop_fd io; /* the enclave's end, while there is no `grams` */
	struct loop_timer limit;
	uint8_t raw[FRAME_HEAD + 4 + FRAME_MAX_NAME];
	size_t n_raw;
	enum frame_transport transport;
	struct connection *connection;
	struct loop_fd out; /* the socket of datagrams; fd -1 = none */
	struct grams grams; /* … and the enclave's end of them */
};

static void end_call(struct host_call *c)
{
	struct host *h = c->host;

	loop_cancel(h->o.loop, &c->limit);
	connect_cancel(TAKE_PTR(c->connection));
	if (c->io.fd >= 0) {
		loop_remove(h->o.loop, &c->io);
		(void)close(c->io.fd);
	}
	if (c->out.fd >= 0) {
		loop_remove(h->o.loop, &c->out);
		(void)close(c->out.fd);
		h->n_calls--;
	} else {
		h->n_opening--;
	}
	grams_done(&c->grams);
	LIST_REMOVE(c, list);
	free(c);
}

/* --- what may leave -------------------------------------------------------------------------- */

/* "example.com:443 (tcp)", for people. */
static void describe(const struct frame *f, char *ret, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "";
	const int family = f->open.kind == FRAME_IPV6 ? AF_INET6 : AF_INET;

	if (f->open.kind == FRAME_NAME)
		(void)snprintf(ret, size, "%s:%u", SS_SHOW(f->open.address), f->open.port);
	else if (f->open.kind == FRAME_NO_ADDRESS ||
		 inet_ntop(family, f->open.address.p, text, sizeof(text)) == NULL)
		(void)snprintf(ret, size, "port %u", f->open.port);
	else
		(void)snprintf(ret, size, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text,
			       f->open.port);
}

static void set_addr(const struct frame *f, union resolve_addr *ret)
{
	*ret = (union resolve_addr){ 0 };
	if (f->open.kind == FRAME_IPV6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(f->open.port);
		memcpy(&ret->v6.sin6_addr, f->open.address.p, 16);
	} else {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(f->open.port);
		memcpy(&ret->v4.sin_addr, f->open.address.p, 4);
	}
}

bool host_egress_allows(const struct host *h, const struct frame *open, struct connect_to *ret)
{
	const struct facts *facts = h->o.facts;
	bool good = false;

	*ret = (struct connect_to){ .port = open->open.port,
				    .udp = open->open.transport != FRAME_TCP };
	if (open->open.transport == FRAME_DNS)
		return facts->n_rules > 0 && host_dns_server(h, &ret->addr);
	if (open->open.port == 0 || open->open.kind == FRAME_NO_ADDRESS)
		return false;
	for (size_t i = 0; i < facts->n_rules && !good; i++)
		good = open->open.kind == FRAME_NAME
			       ? egress_allows_name(&facts->rules[i], open->open.address,
						    open->open.port)
			       : egress_allows_addr(&facts->rules[i], open->open.address.p,
						    open->open.address.n, open->open.port);
	if (open->open.kind == FRAME_NAME)
		ret->name = open->open.address;
	else
		set_addr(open, &ret->addr);
	return good;
}

/* The answer to OPEN; false: the stream is of no use. It fits into what a new stream takes. */
static bool say_opened(int fd, enum frame_opened status)
{
	const struct frame f = { .type = FRAME_OPENED, .opened = status };
	uint8_t raw[FRAME_HEAD + 8];
	struct ss_buf b = SS_BUF_OVER(raw);

	frame_write(&f, &b);
	return !b.bad && send(fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)b.n;
}

static void refuse(struct host_call *c, enum frame_opened status)
{
	c->host->n.open_refused[status]++;
	(void)say_opened(c->io.fd, status);
	end_call(c);
}

/* --- datagrams ------------------------------------------------------------------------------- */

static void on_out(struct loop_fd *f, uint32_t events)
{
	struct host_call *c = LOOP_OWNER(f, struct host_call, out);
	struct host *h = c->host;

	(void)events;
	for (int i = 0; i < READS_A_TURN; i++) {
		const ssize_t n = recv(f->fd, h->datagram, GRAM_MAX, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* also "connection refused": the enclave asks again, or gives up */
		h->n.datagrams_in++;
		grams_send(&c->grams, (struct ss_span){ h->datagram, (size_t)n });
	}
	loop_after(h->o.loop, &c->limit, HOST_FLOW_IDLE_MS);
}

static void on_datagram(struct grams *g, struct ss_span s)
{
	struct host_call *c = LOOP_OWNER(g, struct host_call, grams);
	struct host *h = c->host;
	AUTO_BUF struct ss_buf answer = SS_BUF_INIT(GRAM_MAX);

	loop_after(h->o.loop, &c->limit, HOST_FLOW_IDLE_MS);
	if (c->transport == FRAME_DNS) {
		h->n.questions++;
		if (!host_dns_allows(h, s, &answer)) {
			h->n.questions_refused++;
			if (answer.n > 0)
				grams_send(g, ss_buf_span(&answer));
			return;
		}
	}
	if (send(c->out.fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		h->n.datagrams_out++;
}

static void on_grams_ended(struct grams *g)
{
	end_call(LOOP_OWNER(g, struct host_call, grams));
}

static void on_limit(struct loop_timer *t)
{
	end_call(LOOP_OWNER(t, struct host_call, limit));
}

static void carry_datagrams(struct host_call *c, int fd)
{
	struct host *h = c->host;
	struct ss_err err = { 0 };
	const int stream = ss_take_fd(&c->io.fd);

	c->out = (struct loop_fd){ .fd = fd, .on = on_out };
	h->n_opening--;
	h->n_calls++;
	c->grams.datagram = on_datagram;
	c->grams.ended = on_grams_ended;
	if (grams_start(&c->grams, h->o.loop, stream, (struct ss_span){ NULL, 0 }, &err) < 0 ||
	    loop_add(h->o.loop, &c->out, EPOLLIN, &err) < 0)
		end_call(c);
	else
		loop_after(h->o.loop, &c->limit, HOST_FLOW_IDLE_MS);
}

/* --- opening --------------------------------------------------------------------------------- */

static void on_connected(void *ctx, enum frame_opened status, int fd)
{
	struct host_call *c = ctx;
	struct host *h = c->host;
	struct relay_pair pair = { .outside = fd };
	struct ss_err err = { 0 };

	c->connection = NULL;
	if (fd < 0) {
		refuse(c, status);
		return;
	}
	loop_remove(h->o.loop, &c->io);
	if (!say_opened(c->io.fd, FRAME_OPEN_OK)) {
		(void)close(fd);
		end_call(c);
		return;
	}
	h->n.opened++;
	if (c->transport != FRAME_TCP) {
		carry_datagrams(c, fd);
		return;
	}
	pair.enclave = ss_take_fd(&c->io.fd);
	end_call(c);
	/* The set was not full when the connection began; if it is now, both ends are closed. */
	if (relay_start(&h->relays, &pair, &err) < 0)
		h->n.open_refused[FRAME_OPEN_BUSY]++;
}

static void open_it(struct host_call *c, const struct frame *f)
{
	struct host *h = c->host;
	struct connect_to to;
	char text[SS_SHOWN_MAX + 16];

	c->transport = f->open.transport;
	if (!host_egress_allows(h, f, &to)) {
		describe(f, text, sizeof(text));
		host_note(h, "egress to %s is not on the image's list: refused", text);
		refuse(c, FRAME_OPEN_NOT_ALLOWED);
		return;
	}
	if (c->transport == FRAME_TCP ? relay_set_is_full(&h->relays)
				      : h->n_calls >= HOST_MAX_DATAGRAM_OUT) {
		refuse(c, FRAME_OPEN_BUSY);
		return;
	}
	/* From here only an end of the stream is of interest; what else comes is the relay's. */
	loop_want(h->o.loop, &c->io, 0);
	loop_cancel(h->o.loop, &c->limit);
	c->connection = connect_start(h->o.loop, h->resolver, &to, on_connected, c);
}

/* Exactly the bytes of OPEN: what follows is the connection's. 1: all there; 0: not yet. */
static int read_open(struct host_call *c, struct frame *ret, struct ss_err *err)
{
	for (;;) {
		size_t need = FRAME_HEAD, size;
		ssize_t n;

		if (c->n_raw >= FRAME_HEAD) {
			const int rc =
				frame_read((struct ss_span){ c->raw, c->n_raw }, ret, &size, err);

			if (rc != 0)
				return rc;
			need += (size_t)c->raw[6] << 8 | c->raw[7];
		}
		if (c->n_raw >= FRAME_HEAD && c->raw[0] != FRAME_OPEN)
			return ss_fail(err, SS_EINPUT, "not an OPEN");
		if (need > sizeof(c->raw))
			return ss_fail(err, SS_EINPUT, "an OPEN of %zu bytes", need);
		n = recv(c->io.fd, c->raw + c->n_raw, need - c->n_raw, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return ss_fail(err, SS_EINPUT, "it ended before its OPEN did");
		c->n_raw += (size_t)n;
	}
}

static void on_io(struct loop_fd *f, uint32_t events)
{
	struct host_call *c = LOOP_OWNER(f, struct host_call, io);
	struct ss_err err = { 0 };
	struct frame open;
	int rc;

	if (c->connection != NULL) {
		if ((events & (EPOLLHUP | EPOLLERR)) != 0)
			end_call(c); /* the enclave waits no longer */
		return;
	}
	rc = read_open(c, &open, &err);
	if (rc > 0 && open.type == FRAME_OPEN)
		open_it(c, &open);
	else if (rc != 0)
		end_call(c);
}

static void on_egress(struct loop_fd *f, uint32_t events)
{
	struct host *h = LOOP_OWNER(f, struct host, egress);

	(void)events;
	for (int i = 0; i < CALLS_A_TURN; i++) {
		const int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct ss_err err = { 0 };
		struct host_call *c;

		if (fd < 0)
			return;
		if (h->n_opening >= HOST_MAX_OPENING ||
		    !h->o.machine->ops->is_ours(h->o.machine, fd)) {
			(void)say_opened(fd, FRAME_OPEN_BUSY);
			(void)close(fd);
			h->n.open_refused[FRAME_OPEN_BUSY]++;
			continue;
		}
		c = ss_calloc(1, sizeof(*c));
		*c = (struct host_call){ .host = h,
					 .io = { .fd = fd, .on = on_io },
					 .limit.on = on_limit,
					 .out.fd = -1 };
		LIST_INSERT_HEAD(&h->calls, c, list);
		h->n_opening++;
		loop_after(h->o.loop, &c->limit, HOST_OPEN_MS);
		if (loop_add(h->o.loop, &c->io, EPOLLIN, &err) < 0)
			end_call(c);
	}
}

int host_egress_start(struct host *h, struct ss_err *err)
{
	int fd;

	if (h->o.facts->n_rules == 0)
		return 0; /* then nobody listens: HELLO says port 0 */
	fd = h->o.machine->ops->listen(h->o.machine, &h->egress_port, err);
	if (fd < 0)
		return ss_ctx(err, "egress");
	h->egress = (struct loop_fd){ .fd = fd, .on = on_egress };
	return loop_add(h->o.loop, &h->egress, EPOLLIN, err);
}

void host_egress_done(struct host *h)
{
	struct host_call *c;

	while ((c = LIST_FIRST(&h->calls)) != NULL)
		end_call(c);
	if (h->egress.fd < 0)
		return;
	loop_remove(h->o.loop, &h->egress);
	(void)close(h->egress.fd);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/connect.h"

#include "base/mem.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct attempt {
	struct loop_fd io;
	struct connection *of;
	bool open;
};

struct connection {
	struct loop *loop;
	struct resolve_job *job;
	struct loop_timer limit, stagger;
	bool udp, busy;
	struct resolve_answer addrs; /* in the order in which they are tried */
	size_t next;
	struct attempt attempts[RESOLVE_MAX_ADDRS];
	size_t under_way;
	enum frame_opened status; /* of the last that failed */
	void (*done)(void *ctx, enum frame_opened status, int fd);
	void *ctx;
};

static enum frame_opened status_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return FRAME_OPEN_REFUSED;
	case ETIMEDOUT:
		return FRAME_OPEN_TIMED_OUT;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EAGAIN:
	case EADDRNOTAVAIL:
		return FRAME_OPEN_BUSY;
	default:
		return FRAME_OPEN_UNREACHABLE;
	}
}

static void close_attempt(struct attempt *a)
{
	if (!a->open)
		return;
	loop_remove(a->of->loop, &a->io);
	(void)close(a->io.fd);
	a->open = false;
	a->of->under_way--;
}

void connect_cancel(struct connection *c)
{
	if (c == NULL)
		return;
	resolver_cancel(c->job);
	loop_cancel(c->loop, &c->limit);
	loop_cancel(c->loop, &c->stagger);
	for (size_t i = 0; i < c->next; i++)
		close_attempt(&c->attempts[i]);
	free(c);
}

static void finish(struct connection *c, enum frame_opened status, int fd)
{
	void (*done)(void *ctx, enum frame_opened status, int fd) = c->done;
	void *ctx = c->ctx;

	connect_cancel(c);
	done(ctx, status, fd);
}

/* The socket of an attempt that has succeeded leaves the attempt. */
static void succeed(struct connection *c, struct attempt *a)
{
	const int fd = a->io.fd, on = 1;

	loop_remove(c->loop, &a->io);
	a->open = false;
	c->under_way--;
	if (!c->udp) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	finish(c, FRAME_OPEN_OK, fd);
}

static void try_next(struct connection *c);

static void on_attempt(struct loop_fd *f, uint32_t events)
{
	struct attempt *a = LOOP_OWNER(f, struct attempt, io);
	struct connection *c = a->of;
	int error = 0;
	socklen_t n = sizeof(error);

	(void)events;
	if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0) {
		succeed(c, a);
		return;
	}
	c->status = status_of(error);
	close_attempt(a);
	try_next(c);
}

/* False: this address is of no use. True: under way. */
static bool begin(struct connection *c, struct attempt *a, const union resolve_addr *to)
{
	const int type = (c->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct ss_err err = { 0 };

	a->of = c;
	a->io = (struct loop_fd){ .fd = socket(to->sa.sa_family, type, 0), .on = on_attempt };
	if (a->io.fd < 0) {
		c->status = status_of(errno);
		return false;
	}
	if ((connect(a->io.fd, &to->sa, resolve_addr_size(to)) != 0 && errno != EINPROGRESS) ||
	    loop_add(c->loop, &a->io, EPOLLOUT, &err) < 0) {
		c->status = status_of(errno);
		(void)close(a->io.fd);
		return false;
	}
	a->open = true;
	c->under_way++;
	return true;
}

static void try_next(struct connection *c)
{
	loop_cancel(c->loop, &c->stagger);
	while (c->next < c->addrs.n) {
		const size_t i = c->next++;

		if (!begin(c, &c->attempts[i], &c->addrs.addrs[i]))
			continue;
		if (c->next < c->addrs.n)
			loop_after(c->loop, &c->stagger, CONNECT_STAGGER_MS);
		return;
	}
	if (c->under_way == 0)
		finish(c, c->status, -1);
}

static void on_stagger(struct loop_timer *t)
{
	try_next(LOOP_OWNER(t, struct connection, stagger));
}

/* Also the first turn of one whose address is known, or that cannot be resolved. */
static void on_limit(struct loop_timer *t)
{
	struct connection *c = LOOP_OWNER(t, struct connection, limit);

	if (c->busy) {
		finish(c, FRAME_OPEN_BUSY, -1);
	} else if (c->next == 0 && c->job == NULL) {
		loop_after(c->loop, &c->limit, CONNECT_MS);
		try_next(c);
	} else {
		finish(c, FRAME_OPEN_TIMED_OUT, -1);
	}
}

/* The two families in turn, the resolver's favourite first. */
static void interleave(const struct resolve_answer *a, struct resolve_answer *ret)
{
	const sa_family_t first = a->n > 0 ? a->addrs[0].sa.sa_family : AF_INET;
	size_t at[2] = { 0, 0 };

	ret->n = 0;
	for (size_t turn = 0; ret->n < a->n; turn ^= 1) {
		size_t *i = &at[turn];

		while (*i < a->n && (a->addrs[*i].sa.sa_family == first) != (turn == 0))
			(*i)++;
		if (*i < a->n)
			ret->addrs[ret->n++] = a->addrs[(*i)++];
	}
}

static void on_answer(void *ctx, const struct resolve_answer *a)
{
	struct connection *c = ctx;

	c->job = NULL;
	if (a->n == 0) {
		finish(c, FRAME_OPEN_NO_NAME, -1);
		return;
	}
	interleave(a, &c->addrs);
	try_next(c);
}

struct connection *connect_start(struct loop *l, struct resolver *r, const struct connect_to *to,
				 void (*done)(void *ctx, enum frame_opened status, int fd),
				 void *ctx)
{
	struct connection *c = ss_calloc(1, sizeof(*c));

	c->loop = l;
	c->udp = to->udp;
	c->done = done;
	c->ctx = ctx;
	c->status = FRAME_OPEN_UNREACHABLE;
	c->limit.on = on_limit;
	c->stagger.on = on_stagger;
	if (to->name.n > 0) {
		c->job = resolver_ask(r, to->name, to->port, on_answer, c);
		c->busy = c->job == NULL;
	} else {
		c->addrs.addrs[0] = to->addr;
		c->addrs.n = 1;
	}
	loop_after(l, &c->limit, c->job != NULL ? CONNECT_MS : 0);
	return c;
}

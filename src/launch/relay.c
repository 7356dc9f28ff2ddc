/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/relay.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define READS_A_TURN 4 /* then the others have their turn */

enum { OUTSIDE, ENCLAVE };

/* One socket, and the bytes that it has not taken yet. */
struct relay_end {
	struct loop_fd io;
	uint8_t *held;
	size_t at, n;
	bool read_done;  /* it will give no more */
	bool write_done; /* it will take no more, or has been told that there is no more */
	bool hung_up;    /* out of the loop: what is left in it is read when there is room */
};

struct relay {
	LIST_ENTRY(relay) all;
	struct relay_set *set;
	struct relay_end end[2];
	struct loop_timer limit; /* of connecting */
	bool connecting;
};

static struct relay_end *other(struct relay *r, const struct relay_end *e)
{
	return &r->end[e == &r->end[OUTSIDE] ? ENCLAVE : OUTSIDE];
}

static void hold(struct relay_end *e, struct ss_span s)
{
	assert(e->n == 0 && s.n <= RELAY_BUF);
	if (s.n == 0)
		return;
	e->held = ss_calloc(s.n, 1);
	memcpy(e->held, s.p, s.n);
	e->n = s.n;
}

static void drop(struct relay_end *e)
{
	free(TAKE_PTR(e->held));
	e->at = e->n = 0;
}

static void end_relay(struct relay *r, bool reset)
{
	const struct linger hard = { .l_onoff = 1 };

	loop_cancel(r->set->loop, &r->limit);
	for (size_t i = 0; i < 2; i++) {
		struct relay_end *e = &r->end[i];

		loop_remove(r->set->loop, &e->io);
		if (reset) /* a TCP peer learns that this was no orderly end */
			(void)setsockopt(e->io.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		(void)close(e->io.fd);
		drop(e);
	}
	LIST_REMOVE(r, all);
	r->set->n--;
	free(r);
}

/* The socket takes no more: its peer is not asked for more either. */
static void stop_writing(struct relay *r, struct relay_end *e)
{
	drop(e);
	e->write_done = true;
	other(r, e)->read_done = true;
}

/* Bytes written, at most `s.n`; -1: the relay has to end. */
static ssize_t push(struct relay *r, struct relay_end *e, struct ss_span s)
{
	ssize_t n;

	if (e->write_done)
		return (ssize_t)s.n;
	do
		n = send(e->io.fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN && !e->hung_up)
		return 0;
	if (n < 0 && (errno == EPIPE || errno == EAGAIN)) {
		stop_writing(r, e);
		return (ssize_t)s.n;
	}
	return n;
}

static int flush(struct relay *r, struct relay_end *e)
{
	ssize_t n;

	if (e->n == 0)
		return 0;
	n = push(r, e, (struct ss_span){ e->held + e->at, e->n });
	if (n < 0)
		return -1;
	e->at += (size_t)n;
	e->n = e->n > (size_t)n ? e->n - (size_t)n : 0;
	if (e->n == 0)
		drop(e);
	return 0;
}

static void count(struct relay *r, const struct relay_end *from, size_t n)
{
	if (from == &r->end[OUTSIDE])
		r->set->to_enclave += n;
	else
		r->set->from_enclave += n;
}

/* One read from `from`, and what comes of it. 1: there may be more; 0: not now; -1: it has to end.
 */
static int pull(struct relay *r, struct relay_end *from)
{
	struct relay_end *to = other(r, from);
	const ssize_t n = recv(from->io.fd, r->set->scratch, RELAY_BUF, MSG_DONTWAIT);
	ssize_t done;

	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0 && errno == EAGAIN && !from->hung_up)
		return 0;
	if (n < 0 && errno != EAGAIN)
		return -1;
	if (n <= 0) {
		from->read_done = true;
		return 0;
	}
	count(r, from, (size_t)n);
	done = push(r, to, (struct ss_span){ r->set->scratch, (size_t)n });
	if (done < 0)
		return -1;
	hold(to, (struct ss_span){ r->set->scratch + done, (size_t)(n - done) });
	return (size_t)n == RELAY_BUF || from->hung_up; /* else there is most likely no more now */
}

/* From one end to the other while there are bytes and room. -1: the relay has to end. */
static int pump(struct relay *r, struct relay_end *from)
{
	const struct relay_end *to = other(r, from);

	for (int i = 0; (i < READS_A_TURN || from->hung_up) && to->n == 0 && !from->read_done;
	     i++) {
		const int rc = pull(r, from);

		if (rc <= 0)
			return rc;
	}
	return 0;
}

/* Passes ends of streams on, and waits for what can happen next. False: it was the last. */
static bool settle(struct relay *r)
{
	for (size_t i = 0; i < 2; i++) {
		struct relay_end *e = &r->end[i];

		if (!e->write_done && e->n == 0 && other(r, e)->read_done) {
			(void)shutdown(e->io.fd, SHUT_WR);
			e->write_done = true;
		}
	}
	if (r->end[0].write_done && r->end[1].write_done) {
		end_relay(r, false);
		return false;
	}
	for (size_t i = 0; i < 2; i++) {
		struct relay_end *e = &r->end[i];
		const bool reads = !e->read_done && other(r, e)->n == 0;

		if (e->read_done && e->write_done)
			loop_remove(r->set->loop, &e->io); /* it could only tell that it is gone */
		loop_want(r->set->loop, &e->io,
			  (reads ? EPOLLIN : 0u) | (e->n > 0 ? EPOLLOUT : 0u));
	}
	return true;
}

/* What can be done without waiting. A hung-up end is in nobody's loop, so it has its turn here. */
static bool go(struct relay *r, struct relay_end *e)
{
	struct relay_end *peer = other(r, e);

	if (flush(r, e) < 0 || pump(r, e) < 0 || (peer->hung_up && pump(r, peer) < 0)) {
		end_relay(r, true);
		return false;
	}
	return settle(r);
}

/* True once the enclave has accepted. */
static bool is_connected(struct relay *r, uint32_t events)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(r->end[ENCLAVE].io.fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 ||
	    error != 0) {
		end_relay(r, true);
		return false;
	}
	if ((events & EPOLLOUT) == 0)
		return false;
	r->connecting = false;
	loop_cancel(r->set->loop, &r->limit);
	return true;
}

static void on_io(struct relay *r, struct relay_end *e, uint32_t events)
{
	if (r->connecting) {
		if (e == &r->end[ENCLAVE] && is_connected(r, events))
			(void)go(r, e);
		else if (e == &r->end[OUTSIDE])
			end_relay(r, true); /* whoever called has gone */
		return;
	}
	if ((events & EPOLLHUP) != 0) {
		/* Nothing more will come: read what there is without being told again and again. */
		loop_remove(r->set->loop, &e->io);
		e->hung_up = true;
	}
	(void)go(r, e);
}

static void on_outside(struct loop_fd *f, uint32_t events)
{
	on_io(LOOP_OWNER(f, struct relay, end[OUTSIDE].io),
	      &LOOP_OWNER(f, struct relay, end[OUTSIDE].io)->end[OUTSIDE], events);
}

static void on_enclave(struct loop_fd *f, uint32_t events)
{
	on_io(LOOP_OWNER(f, struct relay, end[ENCLAVE].io),
	      &LOOP_OWNER(f, struct relay, end[ENCLAVE].io)->end[ENCLAVE], events);
}

static void on_limit(struct loop_timer *t)
{
	end_relay(LOOP_OWNER(t, struct relay, limit), true);
}

void relay_set_init(struct relay_set *s, struct loop *l, size_t max)
{
	*s = (struct relay_set){ .loop = l, .max = max };
	s->scratch = ss_calloc(RELAY_BUF, 1);
	LIST_INIT(&s->all);
}

void relay_set_done(struct relay_set *s)
{
	struct relay *r;

	while ((r = LIST_FIRST(&s->all)) != NULL)
		end_relay(r, true);
	free(TAKE_PTR(s->scratch));
}

int relay_start(struct relay_set *s, const struct relay_pair *p, struct ss_err *err)
{
	struct relay *r;

	if (relay_set_is_full(s)) {
		(void)close(p->outside);
		(void)close(p->enclave);
		return ss_fail(err, SS_ELIMIT, "%zu connections already", s->n);
	}
	r = ss_calloc(1, sizeof(*r));
	r->set = s;
	r->connecting = p->connecting;
	r->limit.on = on_limit;
	r->end[OUTSIDE].io = (struct loop_fd){ .fd = p->outside, .on = on_outside };
	r->end[ENCLAVE].io = (struct loop_fd){ .fd = p->enclave, .on = on_enclave };
	hold(&r->end[ENCLAVE], p->first);
	hold(&r->end[OUTSIDE], p->first_out);
	LIST_INSERT_HEAD(&s->all, r, all);
	s->n++;
	s->started++;
	if (loop_add(s->loop, &r->end[OUTSIDE].io, 0, err) < 0 ||
	    loop_add(s->loop, &r->end[ENCLAVE].io, EPOLLOUT, err) < 0) {
		end_relay(r, true);
		return -1;
	}
	if (r->connecting)
		loop_after(s->loop, &r->limit, RELAY_CONNECT_MS);
	else
		(void)settle(r);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_relay.h"

#include "base/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static void be_prompt(int fd)
{
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

struct ep_relay *ep_relay_new(int local, uint64_t id, const struct ep_pin *p, uint64_t now_ms)
{
	struct ep_relay *r = ss_calloc(1, sizeof(*r));

	r->id = id;
	r->local = local;
	r->until_ms = now_ms + EP_CONNECT_MS;
	r->want_remote = POLLOUT;
	be_prompt(local);
	r->remote = socket(p->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->remote < 0)
		return r;
	be_prompt(r->remote);
	if (connect(r->remote, (const struct sockaddr *)&p->address, p->n_address) != 0 &&
	    errno != EINPROGRESS && errno != EINTR) {
		(void)close(r->remote);
		r->remote = -1;
	}
	return r;
}

static void close_end(int fd, bool hard)
{
	const struct linger reset = { .l_onoff = 1 };

	if (fd < 0)
		return;
	if (hard)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)close(fd);
}

static void drop(struct ep_way *w)
{
	if (w->bytes != NULL)
		explicit_bzero(w->bytes, EP_RECORD);
	free(w->bytes);
}

void ep_relay_free(struct ep_relay *r, bool hard)
{
	ep_stream_free(r->tls);
	close_end(r->local, hard);
	close_end(r->remote, hard);
	drop(&r->out);
	drop(&r->in);
	free(r);
}

void ep_relay_poll(const struct ep_relay *r, struct pollfd ret[2])
{
	const bool deaf = r->local_hung_up && r->want_local == 0;
	const bool gone = r->peer_is_gone && r->want_remote == 0;

	ret[0] = (struct pollfd){ .fd = deaf ? -1 : r->local, .events = r->want_local };
	ret[1] = (struct pollfd){ .fd = gone ? -1 : r->remote, .events = r->want_remote };
}

/* --- from the socket to the key -------------------------------------------------------------- */

static enum ep_over begin_tls(struct ep_relay *r, struct ep_tls *t, const struct ep_url *u,
			      uint64_t now_ms)
{
	struct ss_err err = { 0 };
	int why = 0;
	socklen_t n = sizeof(why);

	if (getsockopt(r->remote, SOL_SOCKET, SO_ERROR, &why, &n) != 0 || why != 0)
		return EP_OVER_UNREACHABLE;
	if (ep_stream_new(t, u, r->remote, &r->tls, &err) < 0)
		return EP_OVER_HANDSHAKE;
	r->state = EP_SHAKES;
	r->until_ms = now_ms + EP_HANDSHAKE_MS;
	return EP_RUNS;
}

static enum ep_over shake(struct ep_relay *r, const struct ep_pin *p, uint64_t now_ms)
{
	switch (ep_stream_shake(r->tls)) {
	case EP_STEP_READ:
		r->want_remote = POLLIN;
		return EP_RUNS;
	case EP_STEP_WRITE:
		r->want_remote = POLLOUT;
		return EP_RUNS;
	case EP_STEP_END:
	case EP_STEP_CUT:
		return EP_OVER_HANDSHAKE;
	case EP_STEP_DONE:
		break;
	}
	if (!ep_stream_has_key(r->tls, p))
		return EP_OVER_KEY;
	r->out.bytes = ss_calloc(EP_RECORD, 1);
	r->in.bytes = ss_calloc(EP_RECORD, 1);
	r->state = EP_OPEN;
	r->until_ms = now_ms + EP_IDLE_MS;
	return EP_RUNS;
}

/* --- bytes ----------------------------------------------------------------------------------- */

/* What a step of the stream means for its turn. True: it was made. */
static bool go_on(struct ep_relay *r, enum ep_step s, enum ep_over *over)
{
	switch (s) {
	case EP_STEP_DONE:
		return true;
	case EP_STEP_READ:
		r->want_remote |= POLLIN;
		return false;
	case EP_STEP_WRITE:
		r->want_remote |= POLLOUT;
		return false;
	case EP_STEP_END:
	case EP_STEP_CUT:
		break;
	}
	*over = EP_OVER_CUT;
	return false;
}

static size_t fill_from_local(struct ep_relay *r, enum ep_over *over)
{
	const ssize_t n = recv(r->local, r->out.bytes, EP_RECORD, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		r->want_local |= POLLIN;
		return 0;
	}
	if (n < 0)
		*over = EP_OVER_CLIENT;
	r->out.ended = n == 0;
	r->out.at = 0;
	r->out.n = n > 0 ? (size_t)n : 0;
	return n > 0 ? (size_t)n : n == 0;
}

/* From the program to the enclave, one record. How much was done; 0: nothing can be now. */
static size_t pump_out(struct ep_relay *r, enum ep_over *over)
{
	struct ep_way *w = &r->out;
	size_t moved = 0, n = 0;

	if (w->n == 0 && !w->ended)
		moved = fill_from_local(r, over);
	if (*over == EP_RUNS && w->n > 0 &&
	    go_on(r, ep_stream_write(r->tls, (struct ss_span){ w->bytes + w->at, w->n }, &n),
		  over)) {
		w->at += n;
		w->n -= n;
		w->total += n;
		moved += n;
	}
	if (*over == EP_RUNS && w->n == 0 && w->ended && !w->told &&
	    go_on(r, ep_stream_end(r->tls), over)) {
		w->told = true;
		moved++;
	}
	return moved;
}

static size_t fill_from_enclave(struct ep_relay *r, enum ep_over *over)
{
	size_t n = 0;
	const enum ep_step s = ep_stream_read(r->tls, r->in.bytes, EP_RECORD, &n);

	r->in.at = 0;
	if (s == EP_STEP_END) {
		r->in.ended = true;
		return 1;
	}
	if (!go_on(r, s, over))
		return 0;
	r->in.n = n;
	return n;
}

/* The same the other way. */
static size_t pump_in(struct ep_relay *r, enum ep_over *over)
{
	struct ep_way *w = &r->in;
	size_t moved = 0;
	ssize_t n;

	if (w->n == 0 && !w->ended)
		moved = fill_from_enclave(r, over);
	if (*over == EP_RUNS && w->n > 0) {
		n = send(r->local, w->bytes + w->at, w->n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			r->want_local |= POLLOUT;
		else if (n < 0)
			*over = EP_OVER_CLIENT;
		else {
			w->at += (size_t)n;
			w->n -= (size_t)n;
			w->total += (size_t)n;
			moved += (size_t)n;
		}
	}
	if (*over == EP_RUNS && w->n == 0 && w->ended && !w->told) {
		(void)shutdown(r->local, SHUT_WR);
		w->told = true;
		moved++;
	}
	return moved;
}

/*
 * The enclave's side takes no more. What it said goes to the program as far as it is there, and an
 * end that it announced is an end: a server may answer a request before it has read all of it.
 * Without one, the next reading finds the cut.
 */
static void let_go(struct ep_relay *r)
{
	r->peer_is_gone = true;
	r->out.n = 0;
	r->out.ended = r->out.told = true;
}

static enum ep_over move(struct ep_relay *r, uint64_t now_ms)
{
	enum ep_over over = EP_RUNS;
	size_t all = 0, moved;

	do {
		r->want_local = r->want_remote = 0;
		moved = pump_out(r, &over);
		if (over == EP_OVER_CUT) {
			let_go(r);
			over = EP_RUNS;
		}
		if (over == EP_RUNS)
			moved += pump_in(r, &over);
		all += moved;
	} while (over == EP_RUNS && moved > 0 && all < EP_TURN_BYTES);
	r->is_ready = moved > 0;
	if (all > 0)
		r->until_ms = now_ms + (r->out.ended || r->in.ended ? EP_HALF_MS : EP_IDLE_MS);
	return over == EP_RUNS && r->out.told && r->in.told ? EP_OVER_DONE : over;
}

static enum ep_over on_time(const struct ep_relay *r)
{
	switch (r->state) {
	case EP_DIALS:
		return EP_OVER_UNREACHABLE;
	case EP_SHAKES:
		return EP_OVER_HANDSHAKE;
	case EP_OPEN:
		break;
	}
	return EP_OVER_IDLE;
}

enum ep_over ep_relay_turn(struct ep_relay *r, const struct pollfd got[2], struct ep_tls *t,
			   const struct ep_url *u, const struct ep_pin *p, uint64_t now_ms)
{
	enum ep_over over = EP_RUNS;

	if (r->remote < 0)
		return EP_OVER_UNREACHABLE;
	if ((got[0].revents & POLLERR) != 0)
		return EP_OVER_CLIENT;
	if ((got[0].revents & POLLHUP) != 0)
		r->local_hung_up = true;
	if (r->state == EP_DIALS && got[1].revents != 0)
		over = begin_tls(r, t, u, now_ms);
	else if (r->state == EP_OPEN && (got[1].revents & POLLERR) != 0)
		let_go(r);
	if (over == EP_RUNS && r->state == EP_SHAKES)
		over = shake(r, p, now_ms);
	if (over == EP_RUNS && r->state == EP_OPEN)
		over = move(r, now_ms);
	if (over == EP_RUNS && now_ms >= r->until_ms)
		return on_time(r);
	return over;
}

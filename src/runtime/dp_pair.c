/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_pair.h"

#include "runtime/dp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* What one step of a direction came to. */
enum step { WENT, STOPPED };

void dp_pair_init(struct dp_pair *p, enum dp_kind kind)
{
	*p = (struct dp_pair){ .way = { { .pipe = DP_NO_PIPE }, { .pipe = DP_NO_PIPE } } };
	for (uint8_t i = 0; i < 2; i++)
		p->end[i].w = (struct dp_watch){ .fd = -1, .kind = (uint8_t)kind, .side = i };
}

struct dp_pair *dp_pair_of(struct dp_watch *w)
{
	struct dp_end *e = DP_OWNER(w, struct dp_end, w);

	return DP_OWNER(e - w->side, struct dp_pair, end);
}

static uint32_t wanted(const struct dp_end *e)
{
	return EPOLLIN | EPOLLRDHUP | EPOLLET | (e->blocked ? (uint32_t)EPOLLOUT : 0u);
}

bool dp_pair_watch(struct dp *d, struct dp_pair *p, unsigned side)
{
	return dp_watch_set(&d->loop, &p->end[side].w, wanted(&p->end[side]));
}

void dp_pair_note(struct dp *d, struct dp_pair *p, unsigned side, uint32_t events)
{
	struct dp_end *e = &p->end[side];

	/* Some sockets say so for each read of their peer: no more of it, until it is needed. */
	if ((events & EPOLLOUT) != 0 && !e->blocked)
		(void)dp_pair_watch(d, p, side);
	if ((events & EPOLLOUT) != 0)
		e->blocked = false;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		e->hung_up = true;
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		e->readable = true;
	/* A broken stream never says EPOLLOUT: the next write tells. */
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		e->blocked = false;
}

static void give_pipe(struct dp *d, struct dp_way *w)
{
	if (w->pipe != DP_NO_PIPE)
		dp_pipe_give(&d->pipes, w->pipe, w->held);
	w->pipe = DP_NO_PIPE;
	w->held = 0;
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
}

/* One direction takes and gives nothing any more. */
static void close_way(struct dp *d, struct dp_way *w)
{
	give_pipe(d, w);
	w->closed = true;
}

/* What the source said that is no byte: later, the end, or that it broke. What it gave before still
 * goes to the sink; what the other direction would give to it does not. */
static enum step source_said(struct dp *d, struct dp_pair *p, unsigned i, ssize_t n)
{
	if (n < 0 && would_block()) {
		p->end[i].readable = false;
		return STOPPED;
	}
	if (n < 0) {
		p->broken = true;
		close_way(d, &p->way[1 - i]);
	}
	p->way[i].ended = true;
	return WENT;
}

/* The sink did not take what it was given: it will later, or never. It may still have something to
 * say in the other direction. */
static enum step sink_said(struct dp *d, struct dp_pair *p, unsigned i)
{
	struct dp_end *to = &p->end[1 - i];

	if (would_block()) {
		to->blocked = true;
		if (dp_pair_watch(d, p, 1 - i))
			return STOPPED;
		close_way(d, &p->way[1 - i]);
	}
	p->broken = true;
	close_way(d, &p->way[i]);
	return STOPPED;
}

static enum step empty_pipe(struct dp *d, struct dp_pair *p, unsigned i)
{
	struct dp_way *w = &p->way[i];
	const ssize_t n = splice(d->pipes.fd[w->pipe][0], NULL, p->end[1 - i].w.fd, NULL, w->held,
				 SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (n <= 0)
		return sink_said(d, p, i);
	w->held -= (uint32_t)n;
	w->bytes += (uint64_t)n;
	if (w->held == 0)
		give_pipe(d, w);
	return WENT;
}

static enum step fill_pipe(struct dp *d, struct dp_pair *p, unsigned i)
{
	struct dp_way *w = &p->way[i];
	ssize_t n;

	w->pipe = dp_pipe_take(&d->pipes);
	n = splice(p->end[i].w.fd, NULL, d->pipes.fd[w->pipe][1], NULL, DP_PIPE_SIZE,
		   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n <= 0) {
		const int saved = errno;

		give_pipe(d, w);
		errno = saved;
		return source_said(d, p, i, n);
	}
	w->held = (uint32_t)n;
	w->bulk = (size_t)n >= DP_COPY_BYTES;
	return WENT;
}

/* Without a pipe nothing may be left over: what was not sent stays where it was. */
static enum step copy_looking(struct dp *d, struct dp_pair *p, unsigned i)
{
	const int from = p->end[i].w.fd;
	const ssize_t n = recv(from, d->scratch, DP_COPY_BYTES, MSG_PEEK | MSG_DONTWAIT);
	ssize_t sent;

	if (n <= 0)
		return source_said(d, p, i, n);
	sent = send(p->end[1 - i].w.fd, d->scratch, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return sink_said(d, p, i);
	if (recv(from, d->scratch, (size_t)sent, MSG_DONTWAIT) != sent)
		__builtin_trap(); /* they would go twice */
	p->way[i].bytes += (uint64_t)sent;
	return WENT;
}

bool dp_pair_hold(struct dp *d, struct dp_pair *p, unsigned i, const struct iovec *v, int n_v,
		  size_t n)
{
	struct dp_way *w = &p->way[i];

	w->pipe = dp_pipe_take(&d->pipes); /* the caller saw that there is one */
	if (writev(d->pipes.fd[w->pipe][1], v, n_v) != (ssize_t)n)
		__builtin_trap(); /* it was empty and has room for more */
	w->held = (uint32_t)n;
	errno = EAGAIN;
	(void)sink_said(d, p, i);
	return !w->closed;
}

static enum step copy(struct dp *d, struct dp_pair *p, unsigned i)
{
	struct dp_end *from = &p->end[i];
	struct dp_way *w = &p->way[i];
	const ssize_t n = recv(from->w.fd, d->scratch, DP_COPY_BYTES, MSG_DONTWAIT);
	ssize_t sent;
	size_t rest;

	if (n <= 0)
		return source_said(d, p, i, n);
	w->bulk = (size_t)n == DP_COPY_BYTES;
	/* The edge comes again for what comes later; that of an end has come already. */
	if (!w->bulk && !from->hung_up)
		from->readable = false;
	sent = send(p->end[1 - i].w.fd, d->scratch, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && !would_block())
		return sink_said(d, p, i);
	rest = (size_t)(n - (sent < 0 ? 0 : sent));
	w->bytes += (size_t)n - rest;
	if (rest == 0)
		return WENT;
	(void)dp_pair_hold(d, p, i, &(struct iovec){ d->scratch + ((size_t)n - rest), rest }, 1,
			   rest);
	return STOPPED;
}

static enum step one_step(struct dp *d, struct dp_pair *p, unsigned i)
{
	struct dp_end *to = &p->end[1 - i];
	struct dp_way *w = &p->way[i];

	if (w->held > 0)
		return to->blocked ? STOPPED : empty_pipe(d, p, i);
	if (w->ended) {
		w->closed = true;
		if (!p->broken)
			(void)shutdown(to->w.fd, SHUT_WR);
		return STOPPED;
	}
	if (!p->end[i].readable || to->blocked)
		return STOPPED;
	if (d->pipes.n_free == 0)
		return copy_looking(d, p, i);
	return w->bulk ? fill_pipe(d, p, i) : copy(d, p, i);
}

bool dp_pair_flush(struct dp *d, struct dp_pair *p, unsigned i)
{
	while (p->way[i].held > 0 && !p->end[1 - i].blocked)
		if (empty_pipe(d, p, i) == STOPPED)
			break;
	return !p->way[i].closed;
}

enum dp_pair_state dp_pair_move(struct dp *d, struct dp_pair *p)
{
	bool again = false;

	for (unsigned i = 0; i < 2; i++) {
		struct dp_way *w = &p->way[i];
		const uint64_t before = w->bytes;

		while (!w->closed && !p->held_up[i]) {
			again = again || w->bytes - before >= DP_TURN_BYTES;
			if (w->bytes - before >= DP_TURN_BYTES || one_step(d, p, i) == STOPPED)
				break;
		}
	}
	if (p->way[0].closed && p->way[1].closed)
		return DP_PAIR_OVER;
	return again ? DP_PAIR_AGAIN : DP_PAIR_QUIET;
}

void dp_pair_done(struct dp *d, struct dp_pair *p)
{
	static const struct linger at_once = { .l_onoff = 1 };

	dp_timer_stop(&p->timer);
	for (unsigned i = 0; i < 2; i++) {
		give_pipe(d, &p->way[i]);
		/* Only TCP knows this way to say that not everything came through. */
		if (p->broken && p->end[i].w.fd >= 0)
			(void)setsockopt(p->end[i].w.fd, SOL_SOCKET, SO_LINGER, &at_once,
					 sizeof(at_once));
		dp_watch_close(&p->end[i].w);
	}
}

bool dp_pair_is_half(const struct dp_pair *p)
{
	return p->way[0].closed != p->way[1].closed;
}

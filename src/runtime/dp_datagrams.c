/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_datagrams.h"

#include "runtime/dp.h"

#include <errno.h>
#include <sys/socket.h>

#define HEAD 2u

/* How many bytes of `in` are whole datagrams; each is put. */
static size_t put_whole(struct dp *d, struct dp_pair *p, struct ss_span in,
			void (*put)(struct dp *d, struct dp_pair *p, struct ss_span datagram))
{
	size_t at = 0;

	while (in.n - at >= HEAD) {
		const size_t n = (size_t)in.p[at] << 8 | in.p[at + 1];

		if (in.n - at - HEAD < n)
			break;
		put(d, p, (struct ss_span){ in.p + at + HEAD, n });
		at += HEAD + n;
	}
	return at;
}

enum dp_take dp_datagrams_take(struct dp *d, struct dp_pair *p,
			       void (*put)(struct dp *d, struct dp_pair *p,
					   struct ss_span datagram))
{
	struct dp_end *e = &p->end[DP_HOST];
	size_t moved = 0;

	while (e->readable) {
		const ssize_t n =
			recv(e->w.fd, d->scratch, HEAD + DP_DATAGRAM_MAX, MSG_PEEK | MSG_DONTWAIT);
		size_t whole;

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return DP_TAKE_OVER;
		whole = n < 0 ? 0 : put_whole(d, p, (struct ss_span){ d->scratch, (size_t)n }, put);
		if (whole == 0) {
			/* Only the end of the stream could come after a part of a datagram. */
			if (n > 0 && e->hung_up)
				return DP_TAKE_OVER;
			e->readable = false;
			break;
		}
		if (recv(e->w.fd, d->scratch, whole, MSG_DONTWAIT) != (ssize_t)whole)
			__builtin_trap(); /* they would go twice */
		p->way[DP_HOST].bytes += whole;
		moved += whole;
		if (moved >= DP_TURN_BYTES)
			return DP_TAKE_AGAIN;
	}
	return DP_TAKE_QUIET;
}

enum dp_put dp_datagrams_put(struct dp *d, struct dp_pair *p, struct ss_span head,
			     struct ss_span body)
{
	const size_t n = head.n + body.n, all = HEAD + n;
	uint8_t length[HEAD] = { (uint8_t)(n >> 8), (uint8_t)n };
	struct dp_end *to = &p->end[DP_HOST];
	struct dp_way *w = &p->way[DP_APP];
	struct iovec v[3] = { { length, HEAD }, dp_iov(head), dp_iov(body) };
	const struct msghdr m = { .msg_iov = v, .msg_iovlen = 3 };
	ssize_t sent;
	size_t rest;

	if (n > DP_DATAGRAM_MAX || w->held > 0 || to->blocked || d->pipes.n_free == 0)
		return DP_PUT_LOST;
	sent = sendmsg(to->w.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return DP_PUT_OVER;
	if (sent <= 0) {
		to->blocked = true;
		return dp_pair_watch(d, p, DP_HOST) ? DP_PUT_LOST : DP_PUT_OVER;
	}
	w->bytes += all;
	rest = all - (size_t)sent;
	if (rest == 0)
		return DP_PUT_SENT;
	/* The rest of what is in several places, to one pipe. */
	for (size_t i = 0, skip = (size_t)sent; i < 3; i++) {
		const size_t gone = skip < v[i].iov_len ? skip : v[i].iov_len;

		skip -= gone;
		v[i].iov_base = (uint8_t *)v[i].iov_base + gone;
		v[i].iov_len -= gone;
	}
	return dp_pair_hold(d, p, DP_APP, v, 3, rest) ? DP_PUT_SENT : DP_PUT_OVER;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "runtime/dp.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 4096

static struct dp_stream *stream_of(struct dp_timer *t)
{
	return DP_OWNER(t, struct dp_stream, pair.timer);
}

static void host_expired(struct dp *d, struct dp_timer *t)
{
	dp_tcp_refuse(d, stream_of(t), DP_W_NO_HOST);
}

static void dial_expired(struct dp *d, struct dp_timer *t)
{
	dp_tcp_refuse(d, stream_of(t), DP_W_HOST_TIMED_OUT);
}

/* The application went away before it was connected. */
static void offer_expired(struct dp *d, struct dp_timer *t)
{
	dp_tcp_end(d, stream_of(t));
}

static void look_expired(struct dp *d, struct dp_timer *t)
{
	struct dp_stream *s = stream_of(t);

	if (s->stage == DP_T_LOOK)
		dp_tcp_cut(d, s, DP_W_BAD_TLS);
	else
		dp_tcp_end(d, s);
}

static void idle_expired(struct dp *d, struct dp_timer *t)
{
	struct dp_stream *s = stream_of(t);

	s->pair.broken = true;
	dp_tcp_end(d, s);
}

static void again_expired(struct dp *d, struct dp_timer *t)
{
	dp_tcp_serve(d, stream_of(t));
}

static void linger_expired(struct dp *d, struct dp_timer *t)
{
	dp_nat_forget(&d->tcp.nat, DP_OWNER(t, struct dp_flow, timer));
}

static void rest_expired(struct dp *d, struct dp_timer *t)
{
	(void)t;
	for (size_t i = 0; i < 2; i++)
		(void)dp_watch_set(&d->loop, &d->tcp.call[i], EPOLLIN);
}

static int listen_at(const struct dp_place *own, int *ret, struct ss_err *err)
{
	static const int on = 1;
	const bool v4 = own->addr.n == 4;
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(own->port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(own->port) };
	AUTO_CLOSE int fd =
		socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(&four.sin_addr, own->addr.a, 4);
	memcpy(&six.sin6_addr, own->addr.a, 16);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, v4 ? (const struct sockaddr *)&four : (const struct sockaddr *)&six,
		 v4 ? sizeof(four) : sizeof(six)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return ss_fail_sys(err, "the listener of IPv%u egress", v4 ? 4u : 6u);
	*ret = ss_take_fd(&fd);
	return 0;
}

void dp_tcp_init(struct dp *d, uint32_t max, uint64_t seed)
{
	struct dp_tcp *t = &d->tcp;

	dp_nat_init(&d->loop, &t->nat, seed, linger_expired);
	dp_slots_init(&d->loop, &t->slots, t->v, sizeof(t->v[0]), t->next,
		      max < DP_MAX_TCP ? max : DP_MAX_TCP);
	dp_timers_init(&d->loop, &t->host, DP_WAIT_HOST_MS, host_expired);
	dp_timers_init(&d->loop, &t->dial, DP_OPEN_MS, dial_expired);
	dp_timers_init(&d->loop, &t->offer, DP_TAKE_MS, offer_expired);
	dp_timers_init(&d->loop, &t->look, DP_HELLO_TLS_MS, look_expired);
	dp_timers_init(&d->loop, &t->idle, DP_IDLE_MS, idle_expired);
	dp_timers_init(&d->loop, &t->half, DP_HALF_MS, idle_expired);
	dp_timers_init(&d->loop, &t->again, 0, again_expired);
	dp_timers_init(&d->loop, &t->rest, DP_REST_MS, rest_expired);
}

int dp_tcp_listen(struct dp *d, struct ss_err *err)
{
	struct dp_tcp *t = &d->tcp;

	for (size_t i = 0; i < 2; i++) {
		t->call[i] = (struct dp_watch){ .fd = -1, .kind = DP_K_TCP_CALL };
		if (listen_at(&t->nat.own[i], &t->call[i].fd, err) < 0)
			return -1;
		if (!dp_watch_set(&d->loop, &t->call[i], EPOLLIN))
			return ss_fail_sys(err, "the listener of egress");
	}
	return 0;
}

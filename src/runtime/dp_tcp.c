/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_tcp.h"

#include "runtime/dp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void count(struct dp *d, struct dp_stream *s)
{
	for (unsigned i = 0; i < 2; i++) {
		d->tcp.bytes[i] += s->pair.way[i].bytes;
		s->pair.way[i].bytes = 0;
	}
}

void dp_tcp_end(struct dp *d, struct dp_stream *s)
{
	count(d, s);
	dp_pair_done(d, &s->pair);
	dp_target_release(&s->target);
	if (s->flow->state == DP_F_HELD)
		dp_nat_forget(&d->tcp.nat, s->flow);
	else
		dp_nat_linger(&d->loop, &d->tcp.nat, s->flow);
	dp_slots_give(&d->tcp.slots, s);
}

/* --- no */

static void say_refused(struct dp *d, const struct dp_target *to, enum dp_why why)
{
	char text[DP_TARGET_TEXT];

	dp_refused(d, why, "%s", dp_target_show(to, text));
}

/* A SYN is answered by a reset; what the far side did not answer is "no route to host". */
static void answer_syn(struct dp *d, const struct dp_packet *k, enum dp_why why)
{
	const bool silent = why == DP_W_HOST_UNREACHABLE || why == DP_W_HOST_TIMED_OUT;

	dp_tun_refuse(d, k, silent ? DP_P_OTHER : DP_P_TCP, DP_U_HOST);
}

/* Before the application is connected. */
void dp_tcp_refuse(struct dp *d, struct dp_stream *s, enum dp_why why)
{
	struct dp_packet k;

	say_refused(d, &s->target, why);
	if (dp_packet_read(s->syn, s->n_syn, &k) == DP_P_TCP)
		answer_syn(d, &k, why);
	dp_tcp_end(d, s);
}

/* Afterwards: both sides are reset. */
void dp_tcp_cut(struct dp *d, struct dp_stream *s, enum dp_why why)
{
	say_refused(d, &s->target, why);
	s->pair.broken = true;
	dp_tcp_end(d, s);
}

/* --- from the SYN to the stream */

/* Lets the application's SYN go to the listener. */
static void offer(struct dp *d, struct dp_stream *s)
{
	struct dp_packet k;

	if (dp_packet_read(s->syn, s->n_syn, &k) != DP_P_TCP)
		__builtin_trap(); /* it was one when it was kept */
	s->stage = DP_T_OFFER;
	s->flow->state = DP_F_LIVE;
	dp_timer_set(&d->loop, &d->tcp.offer, &s->pair.timer);
	dp_nat_inwards(&d->tcp.nat, s->flow, &k);
	dp_tun_write(d, k.p, k.n);
}

static void dial(struct dp *d, struct dp_stream *s)
{
	enum dp_why why;

	s->stage = DP_T_DIAL;
	dp_timer_set(&d->loop, &d->tcp.dial, &s->pair.timer);
	if (!dp_dial_begin(d, &s->pair, &s->dial, &why))
		dp_tcp_refuse(d, s, why);
}

static void go_on_dialling(struct dp *d, struct dp_stream *s)
{
	enum dp_why why;

	switch (dp_dial_step(d, &s->pair, &s->dial, &s->target, &why)) {
	case DP_DIAL_WAITS:
		break;
	case DP_DIAL_OPEN:
		d->tcp.opened++;
		offer(d, s);
		break;
	case DP_DIAL_REFUSED:
		dp_tcp_refuse(d, s, why);
		break;
	}
}

void dp_tcp_host_came(struct dp *d)
{
	struct dp_timer *t;

	while ((t = dp_timers_first(&d->tcp.host)) != NULL) {
		dp_timer_stop(t);
		dial(d, DP_OWNER(t, struct dp_stream, pair.timer));
	}
}

/* A SYN to a place that the application may call, or to the resolver. */
static void keep_syn(struct dp *d, const struct dp_packet *k, const struct dp_target *to)
{
	struct dp_stream *s = k->n <= DP_SYN_MAX ? dp_slots_take(&d->tcp.slots) : NULL;
	struct dp_flow *f = s == NULL ? NULL : dp_nat_new(&d->tcp.nat, &k->src, &k->dst);

	if (f == NULL) {
		if (s != NULL)
			dp_slots_give(&d->tcp.slots, s);
		say_refused(d, to, DP_W_LIMIT);
		answer_syn(d, k, DP_W_LIMIT);
		return;
	}
	dp_pair_init(&s->pair, DP_K_TCP);
	f->owner = dp_slots_index(&d->tcp.slots, s);
	s->flow = f;
	s->target = *to;
	dp_target_hold(to);
	s->partial = false;
	s->serial = ++d->tcp.serial;
	s->n_syn = (uint8_t)k->n;
	memcpy(s->syn, k->p, k->n);
	if (to->transport == FRAME_DNS) {
		offer(d, s);
	} else if (!d->control.host_known) {
		s->stage = DP_T_HOST;
		dp_timer_set(&d->loop, &d->tcp.host, &s->pair.timer);
	} else {
		dial(d, s);
	}
}

static void take_syn(struct dp *d, const struct dp_packet *k)
{
	struct dp_target to = { .transport = FRAME_DNS, .place = k->dst };
	enum dp_why why;

	if (!dp_tun_is_resolver(&d->tun, &k->dst) &&
	    !dp_target_judge(d, FRAME_TCP, &k->dst, &to, &why)) {
		say_refused(d, &to, why);
		answer_syn(d, k, why);
		return;
	}
	keep_syn(d, k, &to);
}

/* --- packets */

static void keep_lingering(struct dp *d, struct dp_flow *f)
{
	if (f->state == DP_F_LINGER)
		dp_timer_set(&d->loop, &d->tcp.nat.linger, &f->timer);
}

static void take_from_listener(struct dp *d, struct dp_packet *k)
{
	struct dp_flow *f = dp_nat_by_peer(&d->tcp.nat, &k->dst);

	if (f == NULL || f->state == DP_F_HELD)
		return; /* late */
	keep_lingering(d, f);
	dp_nat_outwards(f, k);
	dp_tun_write(d, k->p, k->n);
}

void dp_tcp_packet(struct dp *d, struct dp_packet *k)
{
	const bool is_syn = (k->tcp_flags & (DP_TCP_SYN | DP_TCP_ACK | DP_TCP_RST)) == DP_TCP_SYN;
	struct dp_nat *n = &d->tcp.nat;
	struct dp_flow *f;

	if (dp_nat_is_peer(n, &k->dst.addr) &&
	    (dp_place_is(&k->src, &n->own[0]) || dp_place_is(&k->src, &n->own[1]))) {
		take_from_listener(d, k);
		return;
	}
	f = dp_nat_find(n, &k->src, &k->dst);
	/* The application uses its port again: for it the old connection is no more. */
	if (f != NULL && f->state == DP_F_LINGER && is_syn) {
		dp_nat_forget(n, f);
		f = NULL;
	}
	if (f == NULL && is_syn) {
		take_syn(d, k);
	} else if (f == NULL) {
		dp_tun_refuse(d, k, DP_P_TCP, DP_U_HOST);
	} else if (f->state != DP_F_HELD) { /* else its SYN, once more */
		keep_lingering(d, f);
		dp_nat_inwards(n, f, k);
		dp_tun_write(d, k->p, k->n);
	}
}

/* --- the stream */

static void move(struct dp *d, struct dp_stream *s)
{
	struct dp_tcp *t = &d->tcp;
	const enum dp_pair_state state = dp_pair_move(d, &s->pair);

	count(d, s);
	if (state == DP_PAIR_OVER)
		dp_tcp_end(d, s);
	else if (state == DP_PAIR_AGAIN)
		dp_timer_set(&d->loop, &t->again, &s->pair.timer);
	else if (!s->partial)
		dp_timer_set(&d->loop, dp_pair_is_half(&s->pair) ? &t->half : &t->idle,
			     &s->pair.timer);
	else if (s->pair.timer.prev == NULL)
		dp_timer_set(&d->loop, &t->look, &s->pair.timer);
}

static void look(struct dp *d, struct dp_stream *s)
{
	enum dp_why why;

	switch (dp_tcp_look(d, s, &why)) {
	case DP_LOOK_MORE:
		if (!s->partial)
			dp_timer_stop(&s->pair.timer); /* move() sets another */
		s->partial = true;
		break;
	case DP_LOOK_NOTHING:
		break;
	case DP_LOOK_WELL:
		s->partial = false;
		s->stage = DP_T_STREAM;
		s->pair.held_up[DP_APP] = false;
		break;
	case DP_LOOK_REFUSED:
		dp_tcp_cut(d, s, why);
		return;
	}
	move(d, s);
}

void dp_tcp_serve(struct dp *d, struct dp_stream *s)
{
	switch ((enum dp_tcp_stage)s->stage) {
	case DP_T_HOST:
	case DP_T_OFFER:
		break;
	case DP_T_DIAL:
		go_on_dialling(d, s);
		break;
	case DP_T_LOOK:
		look(d, s);
		break;
	case DP_T_STREAM:
		move(d, s);
		break;
	case DP_T_DNS:
		dp_resolver_stream(d, s);
		break;
	}
}

void dp_tcp_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	struct dp_pair *p = dp_pair_of(w);

	dp_pair_note(d, p, w->side, events);
	dp_tcp_serve(d, DP_OWNER(p, struct dp_stream, pair));
}

static void begin(struct dp *d, struct dp_stream *s, int fd)
{
	static const int on = 1;
	struct dp_pair *p = &s->pair;

	p->end[DP_APP].w.fd = fd;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    !dp_pair_watch(d, p, DP_APP)) {
		dp_tcp_cut(d, s, DP_W_LIMIT);
		return;
	}
	s->stage = s->target.transport == FRAME_DNS ? DP_T_DNS
		   : s->target.name != NULL         ? DP_T_LOOK
						    : DP_T_STREAM;
	p->held_up[DP_APP] = s->stage == DP_T_LOOK;
	p->end[DP_HOST].readable = true;
	p->end[DP_APP].readable = true;
	dp_tcp_serve(d, s);
}

/* Who calls the listener must be a peer whose SYN was let through. */
static struct dp_stream *find_caller(struct dp *d, const struct sockaddr_in6 *from)
{
	struct dp_place peer = { .port = ntohs(from->sin6_port) };
	struct sockaddr_in four;
	struct dp_stream *s;
	struct dp_flow *f;

	if (from->sin6_family == AF_INET) {
		memcpy(&four, from, sizeof(four));
		peer.addr.n = 4;
		memcpy(peer.addr.a, &four.sin_addr, 4);
	} else {
		peer.addr.n = 16;
		memcpy(peer.addr.a, &from->sin6_addr, 16);
	}
	f = dp_nat_by_peer(&d->tcp.nat, &peer);
	if (f == NULL || f->state != DP_F_LIVE)
		return NULL;
	s = dp_slots_at(&d->tcp.slots, f->owner);
	return s->stage == DP_T_OFFER ? s : NULL;
}

void dp_tcp_call_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	(void)events;
	for (unsigned i = 0; i < DP_TURN_ACCEPTS; i++) {
		struct sockaddr_in6 from = { 0 };
		socklen_t n = sizeof(from);
		const int fd =
			accept4(w->fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct dp_stream *s;

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS)) {
			(void)dp_watch_set(&d->loop, w, 0);
			dp_timer_set(&d->loop, &d->tcp.rest, &d->tcp.resting);
		}
		if (fd < 0)
			return;
		s = find_caller(d, &from);
		if (s == NULL)
			(void)close(fd);
		else
			begin(d, s, fd);
	}
}

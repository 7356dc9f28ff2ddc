/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_udp.h"

#include "runtime/dp.h"

#include <string.h>
#include <sys/uio.h>

static void serve(struct dp *d, struct dp_udp_flow *f);

static uint32_t *head_of(struct dp_udp *u, const struct dp_place *app,
			 const struct dp_place *remote)
{
	return &u->heads[dp_place_hash(dp_place_hash(u->seed, app), remote) & (DP_MAX_UDP - 1)];
}

static struct dp_udp_flow *find(struct dp_udp *u, const struct dp_packet *k)
{
	for (uint32_t i = *head_of(u, &k->src, &k->dst); i != DP_NONE; i = u->v[i].chain)
		if (dp_place_is(&u->v[i].app, &k->src) &&
		    dp_place_is(&u->v[i].target.place, &k->dst))
			return &u->v[i];
	return NULL;
}

static void count(struct dp *d, struct dp_udp_flow *f)
{
	for (unsigned i = 0; i < 2; i++) {
		d->udp.bytes[i] += f->pair.way[i].bytes;
		f->pair.way[i].bytes = 0;
	}
}

static void end(struct dp *d, struct dp_udp_flow *f)
{
	uint32_t *at = head_of(&d->udp, &f->app, &f->target.place);
	const uint32_t i = dp_slots_index(&d->udp.slots, f);

	while (*at != i)
		at = &d->udp.v[*at].chain;
	*at = f->chain;
	count(d, f);
	dp_pair_done(d, &f->pair);
	dp_target_release(&f->target);
	dp_slots_give(&d->udp.slots, f);
}

/* The application hears of it at its next call, if its socket is connected. */
static void tell(struct dp *d, const struct dp_place *app, const struct dp_place *remote,
		 enum dp_unreachable why)
{
	static const struct ss_span empty = { (const uint8_t *)"", 0 };
	uint8_t head[DP_PACKET_UDP_HEAD];
	struct dp_packet k;

	/* As if it had sent nothing: the ends are what counts. */
	if (dp_packet_read(head, dp_packet_udp(app, remote, empty, head), &k) == DP_P_UDP)
		dp_tun_refuse(d, &k, DP_P_UDP, why);
}

static void refuse(struct dp *d, struct dp_udp_flow *f, enum dp_why why)
{
	char text[DP_TARGET_TEXT];

	dp_refused(d, why, "%s", dp_target_show(&f->target, text));
	tell(d, &f->app, &f->target.place,
	     why == DP_W_HOST_UNREACHABLE || why == DP_W_HOST_TIMED_OUT ? DP_U_HOST : DP_U_PORT);
	end(d, f);
}

static void put_to_application(struct dp *d, struct dp_pair *p, struct ss_span datagram)
{
	const struct dp_udp_flow *f = DP_OWNER(p, struct dp_udp_flow, pair);

	dp_tun_datagram(d, &f->target.place, &f->app, datagram);
}

static void move(struct dp *d, struct dp_udp_flow *f)
{
	enum dp_take t = DP_TAKE_OVER;

	if (dp_pair_flush(d, &f->pair, DP_APP))
		t = dp_datagrams_take(d, &f->pair, put_to_application);
	count(d, f);
	if (t == DP_TAKE_OVER)
		end(d, f);
	else
		dp_timer_set(&d->loop, t == DP_TAKE_AGAIN ? &d->udp.again : &d->udp.idle,
			     &f->pair.timer);
}

static void dial(struct dp *d, struct dp_udp_flow *f)
{
	enum dp_why why;

	f->stage = DP_U_DIAL;
	if (!dp_dial_begin(d, &f->pair, &f->dial, &why))
		refuse(d, f, why);
}

static void serve(struct dp *d, struct dp_udp_flow *f)
{
	enum dp_why why;

	if (f->stage == DP_U_DIAL) {
		const enum dp_dial_state s = dp_dial_step(d, &f->pair, &f->dial, &f->target, &why);

		if (s == DP_DIAL_REFUSED)
			refuse(d, f, why);
		if (s != DP_DIAL_OPEN)
			return;
		d->udp.opened++;
		f->stage = DP_U_OPEN;
		f->pair.end[DP_HOST].readable = true;
	}
	if (f->stage == DP_U_OPEN)
		move(d, f);
}

/* Before the stream is open: as far as the pipe reaches. */
static bool queue(struct dp *d, struct dp_udp_flow *f, struct ss_span body)
{
	struct dp_way *w = &f->pair.way[DP_APP];
	uint8_t length[2] = { (uint8_t)(body.n >> 8), (uint8_t)body.n };
	const struct iovec v[2] = { { length, 2 }, dp_iov(body) };
	const size_t n = 2 + body.n;

	if (w->pipe == DP_NO_PIPE)
		w->pipe = dp_pipe_take(&d->pipes);
	if (w->pipe == DP_NO_PIPE || n > DP_PIPE_SIZE - w->held)
		return false;
	/* Nothing was taken out of it yet, so its pages are full but for the last. */
	if (writev(d->pipes.fd[w->pipe][1], v, 2) != (ssize_t)n)
		__builtin_trap();
	w->held += (uint32_t)n;
	return true;
}

static void send_on(struct dp *d, struct dp_udp_flow *f, struct ss_span body)
{
	static const struct ss_span no_head = { (const uint8_t *)"", 0 };

	if (f->stage != DP_U_OPEN) {
		if (!queue(d, f, body))
			d->udp.lost++;
		return;
	}
	switch (dp_datagrams_put(d, &f->pair, no_head, body)) {
	case DP_PUT_LOST:
		d->udp.lost++;
		break;
	case DP_PUT_SENT:
		dp_timer_set(&d->loop, &d->udp.idle, &f->pair.timer);
		break;
	case DP_PUT_OVER:
		end(d, f);
		break;
	}
}

/* A slot is free after the round only, as an event may be on its way; so it is given back before
 * the last is taken, and nobody's first datagram is lost. */
static void give_way(struct dp *d)
{
	struct dp_timer *oldest = dp_timers_first(&d->udp.idle);

	if (oldest != NULL)
		end(d, DP_OWNER(oldest, struct dp_udp_flow, pair.timer));
}

static struct dp_udp_flow *new_flow(struct dp *d, const struct dp_packet *k,
				    const struct dp_target *to)
{
	struct dp_udp_flow *f = dp_slots_take(&d->udp.slots);
	uint32_t *head = head_of(&d->udp, &k->src, &k->dst);

	if (d->udp.slots.used > d->udp.slots.n - d->udp.slots.n / DP_UDP_SPARE)
		give_way(d);
	if (f == NULL)
		return NULL;
	dp_pair_init(&f->pair, DP_K_UDP);
	f->target = *to;
	dp_target_hold(to);
	f->app = k->src;
	f->stage = DP_U_HOST_CAME_NOT;
	f->chain = *head;
	*head = dp_slots_index(&d->udp.slots, f);
	dp_timer_set(&d->loop, &d->udp.dialling, &f->pair.timer);
	return f;
}

static void begin(struct dp *d, const struct dp_packet *k)
{
	struct dp_udp_flow *f;
	struct dp_target to;
	enum dp_why why;
	char text[DP_TARGET_TEXT];

	if (!dp_target_judge(d, FRAME_UDP, &k->dst, &to, &why)) {
		dp_refused(d, why, "%s", dp_target_show(&to, text));
		dp_tun_refuse(d, k, DP_P_UDP, DP_U_PROHIBITED);
		return;
	}
	f = new_flow(d, k, &to);
	if (f == NULL) {
		d->udp.lost++;
		return;
	}
	send_on(d, f, k->body);
	if (d->control.host_known)
		dial(d, f);
}

void dp_udp_packet(struct dp *d, const struct dp_packet *k)
{
	struct dp_udp_flow *f;

	if (dp_tun_is_resolver(&d->tun, &k->dst)) {
		dp_resolver_datagram(d, k);
		return;
	}
	f = find(&d->udp, k);
	if (f == NULL)
		begin(d, k);
	else
		send_on(d, f, k->body);
}

void dp_udp_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	struct dp_pair *p = dp_pair_of(w);

	dp_pair_note(d, p, w->side, events);
	serve(d, DP_OWNER(p, struct dp_udp_flow, pair));
}

void dp_udp_host_came(struct dp *d)
{
	for (uint32_t i = 0; i < d->udp.slots.n; i++) {
		struct dp_udp_flow *f = &d->udp.v[i];

		if (f->pair.timer.prev != NULL && f->stage == DP_U_HOST_CAME_NOT)
			dial(d, f);
	}
}

static void dial_expired(struct dp *d, struct dp_timer *t)
{
	struct dp_udp_flow *f = DP_OWNER(t, struct dp_udp_flow, pair.timer);

	refuse(d, f, f->stage == DP_U_DIAL ? DP_W_HOST_TIMED_OUT : DP_W_NO_HOST);
}

static void idle_expired(struct dp *d, struct dp_timer *t)
{
	end(d, DP_OWNER(t, struct dp_udp_flow, pair.timer));
}

static void again_expired(struct dp *d, struct dp_timer *t)
{
	serve(d, DP_OWNER(t, struct dp_udp_flow, pair.timer));
}

void dp_udp_init(struct dp *d, uint32_t max, uint64_t seed)
{
	struct dp_udp *u = &d->udp;

	u->seed = seed;
	memset(u->heads, 0xff, sizeof(u->heads)); /* DP_NONE */
	dp_slots_init(&d->loop, &u->slots, u->v, sizeof(u->v[0]), u->next,
		      max < DP_MAX_UDP ? max : DP_MAX_UDP);
	dp_timers_init(&d->loop, &u->dialling, DP_WAIT_HOST_MS, dial_expired);
	dp_timers_init(&d->loop, &u->idle, DP_UDP_IDLE_MS, idle_expired);
	dp_timers_init(&d->loop, &u->again, 0, again_expired);
}

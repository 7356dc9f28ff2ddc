/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_turn.h"

#include "keyplane/kp.h"
#include "keyplane/kp_carry.h"
#include "keyplane/kp_service.h"

#include <unistd.h>

#define OWNER(p, member)                                                                           \
	((struct kp_conn *)(void *)((uint8_t *)(p)-offsetof(struct kp_conn, member)))

static void shaken(struct kp *k, struct kp_conn *c)
{
	const struct kp_listener *l = &k->listeners[c->listener];

	k->conns.shaking--;
	kp_count(k, KP_N_SHAKEN);
	c->why = KP_OVER_CUT; /* nothing was served yet */
	c->until_ms = k->now_ms + KP_HEAD_MS;
	c->service_ms = k->now_ms + KP_SERVICE_MS;
	c->stage = KP_C_HEAD;
	if (kp_stream_protocol(c->tls) != KP_P_APP)
		return;
	if (l->http && kp_stream_is_http1(c->tls))
		c->stage = KP_C_LOOK;
	else
		kp_conn_want_app(k, c);
}

static enum kp_step shake(struct kp *k, struct kp_conn *c)
{
	if (kp_conn_send(k, c) == KP_OVER)
		return KP_OVER;
	if (kp_stream_state(c->tls) == KP_S_CUT) {
		/* The alert that says why has gone, if it could. */
		kp_conn_end(k, c, KP_OVER_HANDSHAKE, true);
		return KP_OVER;
	}
	if (kp_stream_state(c->tls) == KP_S_OPEN) {
		shaken(k, c);
		return KP_WENT;
	}
	return kp_conn_recv(k, c);
}

static enum kp_step one_step(struct kp *k, struct kp_conn *c)
{
	switch (c->stage) {
	case KP_C_SHAKE:
		return shake(k, c);
	case KP_C_LOOK:
	case KP_C_HEAD:
		/* What the handshake had to say last may still wait. */
		return kp_conn_send(k, c) == KP_OVER ? KP_OVER : kp_service_head(k, c);
	case KP_C_BODY:
		return kp_conn_send(k, c) == KP_OVER ? KP_OVER : kp_service_body(k, c);
	case KP_C_REPLY:
		return kp_service_end(k, c);
	case KP_C_STREAM:
		return kp_carry(k, c);
	case KP_C_NSM:
	case KP_C_APP:
		return kp_conn_send(k, c) == KP_OVER ? KP_OVER : KP_STOPPED;
	}
	return KP_STOPPED;
}

static uint32_t wanted_of_net(const struct kp_conn *c, size_t n_out)
{
	bool reads = n_out <= KP_MAX_OUT;

	switch (c->stage) {
	case KP_C_SHAKE:
	case KP_C_LOOK:
	case KP_C_HEAD:
	case KP_C_BODY:
		break;
	case KP_C_STREAM:
		reads = reads && c->n == 0 && !c->in_ended;
		break;
	case KP_C_REPLY:
		reads = c->net_shut;
		break;
	case KP_C_NSM:
	case KP_C_APP:
		reads = false;
		break;
	}
	return (reads ? (uint32_t)EPOLLIN : 0u) | (n_out > 0 ? (uint32_t)EPOLLOUT : 0u);
}

static uint32_t wanted_of_app(const struct kp_conn *c, size_t n_out)
{
	const bool reads = n_out == 0 && !c->app_ended;

	return (reads ? (uint32_t)EPOLLIN : 0u) | (c->n > 0 ? (uint32_t)EPOLLOUT : 0u);
}

/* What can make it go on. */
static bool watch(struct kp *k, struct kp_conn *c)
{
	const size_t n_out = kp_stream_out(c->tls).n;

	return kp_watch_set(k, &c->net, wanted_of_net(c, n_out)) &&
	       (c->app.fd < 0 || kp_watch_set(k, &c->app, wanted_of_app(c, n_out)));
}

static void move(struct kp *k, struct kp_conn *c)
{
	enum kp_step s = KP_WENT;

	for (size_t turn = 0; c->tls != NULL && s == KP_WENT && turn < KP_TURN_BYTES;
	     turn += KP_RECORD)
		s = one_step(k, c);
	if (c->tls == NULL) /* it has ended */
		return;
	if (!watch(k, c)) {
		kp_conn_end(k, c, KP_OVER_BUSY, true);
		return;
	}
	if (s == KP_WENT && !c->is_again) {
		c->is_again = true;
		c->after = k->conns.again;
		k->conns.again = c;
	}
}

int kp_turn_take(struct kp *k, const struct kp_link_head *h, int fd, struct ss_err *err)
{
	const struct kp_conns *all = &k->conns;
	struct kp_conn *c;

	if (h->a >= k->n_listeners || !k->listeners[h->a].is_attested ||
	    !kp_conn_can_be(k, h->id)) {
		(void)close(fd);
		return ss_fail(err, SS_EINPUT, "dataplane: a connection that cannot be");
	}
	c = kp_conn_begin(k, h, fd);
	if (all->n > all->max || all->shaking > all->max / KP_HANDSHAKE_SHARE) {
		kp_conn_end(k, c, KP_OVER_BUSY, true);
	} else if (kp_stream_new(k->tls, k->listeners[h->a].alpn, &c->tls, err) < 0) {
		kp_say(k, "%s", err->msg);
		kp_conn_end(k, c, KP_OVER_BUSY, true);
	} else {
		move(k, c);
	}
	return 0;
}

void kp_turn_app(struct kp *k, uint64_t id, int fd)
{
	struct kp_conn *c = kp_conn_find(k, id);

	if (c == NULL || c->stage != KP_C_APP) {
		(void)close(fd); /* it was over meanwhile */
		return;
	}
	c->app.fd = fd;
	c->stage = KP_C_STREAM;
	c->until_ms = k->now_ms + KP_IDLE_MS;
	move(k, c);
}

void kp_turn_no_app(struct kp *k, uint64_t id)
{
	struct kp_conn *c = kp_conn_find(k, id);

	if (c != NULL && c->stage == KP_C_APP)
		kp_conn_end(k, c, KP_OVER_NO_APP, true);
}

void kp_turn_document(struct kp *k, struct kp_waiter *w)
{
	struct kp_conn *c = OWNER(w, waiter);

	kp_service_document(k, c);
	move(k, c);
}

void kp_turn_busy(struct kp *k, struct kp_waiter *w)
{
	struct kp_conn *c = OWNER(w, waiter);

	kp_service_busy(k, c);
	move(k, c);
}

void kp_turn_event(struct kp *k, struct kp_watch *w)
{
	move(k, w->kind == KP_K_NET ? OWNER(w, net) : OWNER(w, app));
}

void kp_turn_again(struct kp *k)
{
	struct kp_conn *list = k->conns.again;

	/* Out of the list first: who has more to do comes into it again. */
	k->conns.again = NULL;
	for (struct kp_conn *c = list; c != NULL; c = c->after)
		c->is_again = false;
	while (list != NULL) {
		struct kp_conn *c = list;

		list = c->after;
		move(k, c);
	}
}

void kp_turn_sweep(struct kp *k)
{
	struct kp_conn *next;

	for (struct kp_conn *c = k->conns.all; c != NULL; c = next) {
		next = c->next;
		if (c->until_ms > k->now_ms)
			continue;
		switch (c->stage) {
		case KP_C_SHAKE:
			kp_conn_end(k, c, KP_OVER_HANDSHAKE, true);
			break;
		case KP_C_LOOK:
			kp_conn_want_app(k, c); /* whatever it is, the application may know it */
			move(k, c);
			break;
		case KP_C_APP:
			kp_conn_end(k, c, KP_OVER_NO_APP, true);
			break;
		case KP_C_REPLY:
			kp_conn_end(k, c, c->why, true);
			break;
		case KP_C_HEAD:
		case KP_C_BODY:
		case KP_C_NSM:
		case KP_C_STREAM:
			kp_conn_end(k, c, KP_OVER_IDLE, true);
			break;
		}
	}
}

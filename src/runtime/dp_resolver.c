/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_resolver.h"

#include "runtime/dp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define CLASS_IN 1u
#define TRUNCATED 0x02u /* in the third byte of a message */
#define QUIET_MS 1000u

/* Who asked: one of the two. */
struct asker {
	const struct dp_packet *packet;
	struct dp_stream *stream;
};

/* --- answers to the application */

static void answer_stream(struct dp *d, struct dp_stream *s, struct ss_span message)
{
	uint8_t length[2] = { (uint8_t)(message.n >> 8), (uint8_t)message.n };
	struct iovec v[2] = { { length, 2 }, dp_iov(message) };
	const struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	/* Who does not read its answers gets no more: the reader of questions sees the end. */
	if (sendmsg(s->pair.end[DP_APP].w.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)(2 + message.n))
		(void)shutdown(s->pair.end[DP_APP].w.fd, SHUT_RDWR);
	(void)d;
}

static void answer(struct dp *d, const struct asker *a, struct ss_span message)
{
	if (a->stream != NULL)
		answer_stream(d, a->stream, message);
	else
		dp_tun_datagram(d, &a->packet->dst, &a->packet->src, message);
}

static void answer_own(struct dp *d, const struct asker *a, const struct dns_query *q,
		       enum dns_rcode rcode, const struct dp_addr *addr)
{
	static uint8_t room[512];
	struct ss_buf b = SS_BUF_OVER(room);

	dns_answer_write(q, rcode, addr == NULL ? NULL : &addr->a, addr == NULL ? 0 : 1,
			 DP_NAME_TTL, &b);
	answer(d, a, ss_buf_span(&b));
}

/* The asker of a question that the host had. False: it is gone. */
static bool find_asker(struct dp *d, const struct dp_question *w, struct dp_packet *room,
		       struct asker *ret)
{
	*ret = (struct asker){ .packet = room };
	*room = (struct dp_packet){ .src = w->asker, .dst = w->asked };
	if (w->stream == DP_NONE)
		return true;
	ret->stream = dp_slots_at(&d->tcp.slots, w->stream);
	return ret->stream->serial == w->serial && ret->stream->stage == DP_T_DNS &&
	       ret->stream->pair.end[DP_APP].w.fd >= 0;
}

/* The answer `message` of the host lies in the shared buffer; NULL: there is none. */
static void settle(struct dp *d, struct dp_question *w, uint8_t *message, size_t n)
{
	struct dns_query q = w->query;
	struct dp_packet room;
	struct asker a;

	dp_timer_stop(&w->timer);
	dp_slots_give(&d->resolver.slots, w);
	q.id = w->id;
	if (!find_asker(d, w, &room, &a))
		return;
	if (message == NULL) {
		d->resolver.failed++;
		answer_own(d, &a, &q, DNS_SERVFAIL, NULL);
		return;
	}
	message[0] = (uint8_t)(q.id >> 8);
	message[1] = (uint8_t)q.id;
	if (a.stream == NULL && n > q.room) {
		/* Its head and question, and that there is more: over TCP. */
		message[2] |= TRUNCATED;
		memset(message + 6, 0, 6);
		n = 12 + q.question.n;
	}
	answer(d, &a, (struct ss_span){ message, n });
}

/* --- the host */

static void fail_all(struct dp *d)
{
	struct dp_timer *t;

	while ((t = dp_timers_first(&d->resolver.waiting)) != NULL)
		settle(d, DP_OWNER(t, struct dp_question, timer), NULL, 0);
}

static void hang_up(struct dp *d)
{
	struct dp_resolver *r = &d->resolver;

	dp_timer_stop(&r->turn);
	dp_pair_done(d, &r->pair);
	dp_pair_init(&r->pair, DP_K_DNS);
	r->open = false;
	r->dialling = false;
	fail_all(d);
}

static void refused(struct dp *d, enum dp_why why)
{
	dp_refused(d, why, "dns stream");
	d->resolver.quiet_until_ms = d->loop.now_ms + QUIET_MS;
	hang_up(d);
}

static void ask_host(struct dp *d, const struct dp_question *w)
{
	static const struct ss_span no_head = { (const uint8_t *)"", 0 };

	/* A question that is lost is answered when its time is over. */
	if (dp_datagrams_put(d, &d->resolver.pair, no_head,
			     (struct ss_span){ w->message, w->n_message }) == DP_PUT_OVER)
		hang_up(d);
}

static void dial(struct dp *d)
{
	struct dp_resolver *r = &d->resolver;
	enum dp_why why;

	if (r->dialling || !d->control.host_known || d->loop.now_ms < r->quiet_until_ms)
		return;
	r->dialling = true;
	if (!dp_dial_begin(d, &r->pair, &r->dial, &why))
		refused(d, why);
}

void dp_resolver_host_came(struct dp *d)
{
	d->resolver.quiet_until_ms = 0;
	if (!d->resolver.open && dp_timers_first(&d->resolver.waiting) != NULL)
		dial(d);
}

static void opened(struct dp *d)
{
	struct dp_resolver *r = &d->resolver;
	struct dp_timer *t;

	r->dialling = false;
	r->open = true;
	r->pair.end[DP_HOST].readable = true;
	for (t = dp_timers_first(&r->waiting); r->open && t != NULL && t != &r->waiting.head;
	     t = t->next)
		ask_host(d, DP_OWNER(t, struct dp_question, timer));
}

static void take_answer(struct dp *d, struct dp_pair *p, struct ss_span datagram)
{
	struct dp_resolver *r = &d->resolver;
	struct dp_question *w;

	(void)p;
	if (datagram.n < 2)
		return;
	w = &r->v[datagram.p[1]]; /* DP_MAX_QUESTIONS is 256 */
	if (w->timer.prev == NULL || !dns_is_answer_to(datagram, &w->query))
		return;
	settle(d, w, d->scratch + (datagram.p - d->scratch), datagram.n);
}

static void serve(struct dp *d)
{
	struct dp_resolver *r = &d->resolver;
	enum dp_take t;
	enum dp_why why;

	if (r->dialling) {
		const enum dp_dial_state s = dp_dial_step(d, &r->pair, &r->dial, &r->target, &why);

		if (s == DP_DIAL_REFUSED)
			refused(d, why);
		if (s != DP_DIAL_OPEN)
			return;
		opened(d);
	}
	if (!r->open)
		return;
	t = dp_pair_flush(d, &r->pair, DP_APP) ? dp_datagrams_take(d, &r->pair, take_answer)
					       : DP_TAKE_OVER;
	if (t == DP_TAKE_OVER)
		hang_up(d);
	else if (t == DP_TAKE_AGAIN)
		dp_timer_set(&d->loop, &r->again, &r->turn);
}

void dp_resolver_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	dp_pair_note(d, &d->resolver.pair, w->side, events);
	serve(d);
}

static void forward(struct dp *d, const struct asker *a, const struct dns_query *q,
		    struct ss_span message)
{
	struct dp_resolver *r = &d->resolver;
	struct dp_question *w = message.n > sizeof(w->message) || d->loop.now_ms < r->quiet_until_ms
					? NULL
					: dp_slots_take(&r->slots);
	struct ss_err err = { 0 };
	uint16_t id;

	if (w == NULL) {
		r->failed++;
		answer_own(d, a, q, DNS_SERVFAIL, NULL);
		return;
	}
	id = (uint16_t)(dp_slots_index(&r->slots, w) | (r->forwarded & 0xff) << 8);
	r->forwarded++;
	w->timer = (struct dp_timer){ .prev = NULL };
	w->id = q->id;
	w->stream = DP_NONE;
	if (a->stream != NULL) {
		w->stream = dp_slots_index(&d->tcp.slots, a->stream);
		w->serial = a->stream->serial;
	} else {
		w->asker = a->packet->src;
		w->asked = a->packet->dst;
	}
	w->n_message = message.n;
	memcpy(w->message, message.p, message.n);
	w->message[0] = (uint8_t)(id >> 8);
	w->message[1] = (uint8_t)id;
	if (dns_query_read((struct ss_span){ w->message, w->n_message }, &w->query, &err) < 0)
		__builtin_trap(); /* but for the number it is the one that was read */
	dp_timer_set(&d->loop, &r->waiting, &w->timer);
	if (r->open)
		ask_host(d, w);
	else
		dial(d);
}

/* --- questions */

static void give_address(struct dp *d, const struct asker *a, const struct dns_query *q)
{
	const struct ss_span name = { (const uint8_t *)q->name, strlen(q->name) };
	const struct dp_name *e = dp_names_give(&d->names, name, d->loop.now_ms);
	struct dp_addr addr;

	if (e == NULL) {
		d->resolver.failed++;
		dp_refused(d, DP_W_LIMIT, "dns %s", q->name);
		answer_own(d, a, q, DNS_SERVFAIL, NULL);
		return;
	}
	d->resolver.addresses++;
	addr = dp_names_addr(&d->names, e, q->type == DNS_A);
	answer_own(d, a, q, DNS_OK, &addr);
}

static void ask(struct dp *d, const struct asker *a, struct ss_span message)
{
	struct dp_resolver *r = &d->resolver;
	struct ss_err err = { 0 };
	struct dns_query q;

	if (dns_query_read(message, &q, &err) < 0) {
		if (q.id != 0)
			answer_own(d, a, &q, DNS_FORMERR, NULL);
		return;
	}
	if (!dp_policy_knows_name(&d->policy,
				  (struct ss_span){ (const uint8_t *)q.name, strlen(q.name) })) {
		r->unlisted++;
		dp_refused(d, DP_W_NOT_LISTED, "dns %s", q.name);
		answer_own(d, a, &q, DNS_NXDOMAIN, NULL);
	} else if (q.class_ != CLASS_IN) {
		answer_own(d, a, &q, DNS_NOTIMP, NULL);
	} else if (q.type == DNS_A || q.type == DNS_AAAA) {
		give_address(d, a, &q);
	} else if (q.type == DNS_HTTPS || q.type == DNS_SVCB) {
		r->empty++;
		answer_own(d, a, &q, DNS_OK, NULL);
	} else {
		forward(d, a, &q, message);
	}
}

void dp_resolver_datagram(struct dp *d, const struct dp_packet *k)
{
	const struct asker a = { .packet = k };

	ask(d, &a, k->body);
}

/* One message behind its length, if all of it is there: its size with that, else 0. */
static size_t take_message(struct dp *d, struct dp_stream *s)
{
	const struct asker a = { .stream = s };
	const ssize_t n = recv(s->pair.end[DP_APP].w.fd, d->scratch, 2 + DNS_MAX_MESSAGE,
			       MSG_PEEK | MSG_DONTWAIT);
	size_t size;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		s->pair.end[DP_APP].readable = false;
	if (n <= 0)
		return 0;
	size = n < 2 ? 2 : 2 + ((size_t)d->scratch[0] << 8 | d->scratch[1]);
	if ((size_t)n < size && size <= 2 + DNS_MAX_MESSAGE && !s->pair.end[DP_APP].hung_up) {
		s->pair.end[DP_APP].readable = false;
		return 0;
	}
	if ((size_t)n < size)
		return 0; /* too long, or never whole */
	ask(d, &a, (struct ss_span){ d->scratch + 2, size - 2 });
	return size;
}

void dp_resolver_stream(struct dp *d, struct dp_stream *s)
{
	struct dp_end *app = &s->pair.end[DP_APP];

	for (unsigned i = 0; app->readable; i++) {
		const size_t n = take_message(d, s);

		if (n == 0 && app->readable) { /* over */
			dp_tcp_end(d, s);
			return;
		}
		if (n > 0 && recv(app->w.fd, d->scratch, n, MSG_DONTWAIT) != (ssize_t)n) {
			dp_tcp_end(d, s);
			return;
		}
		if (i == DP_TURN_PACKETS) {
			dp_timer_set(&d->loop, &d->tcp.again, &s->pair.timer);
			return;
		}
	}
	dp_timer_set(&d->loop, &d->tcp.look, &s->pair.timer);
}

static void waiting_expired(struct dp *d, struct dp_timer *t)
{
	settle(d, DP_OWNER(t, struct dp_question, timer), NULL, 0);
}

static void again_expired(struct dp *d, struct dp_timer *t)
{
	(void)t;
	serve(d);
}

void dp_resolver_init(struct dp *d)
{
	struct dp_resolver *r = &d->resolver;

	dp_pair_init(&r->pair, DP_K_DNS);
	r->target = (struct dp_target){ .transport = FRAME_DNS };
	dp_timers_init(&d->loop, &r->waiting, DP_QUESTION_MS, waiting_expired);
	dp_timers_init(&d->loop, &r->again, 0, again_expired);
	dp_slots_init(&d->loop, &r->slots, r->v, sizeof(r->v[0]), r->next, DP_MAX_QUESTIONS);
}

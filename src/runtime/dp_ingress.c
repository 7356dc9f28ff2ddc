/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_ingress.h"

#include "fmt/proxy_header.h"
#include "runtime/dp.h"
#include "runtime/dp_local.h"
#include "runtime/dp_wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

_Static_assert(PROXY_HEADER_MAX <= sizeof(((struct dp_conn *)NULL)->header), "a header fits");

static void serve(struct dp *d, struct dp_conn *c);

static struct dp_listener *listener_of(struct dp *d, const struct dp_conn *c)
{
	return &d->ingress.listeners[c->listener];
}

static void count(struct dp_listener *l, struct dp_pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		l->bytes[i] += p->way[i].bytes;
		p->way[i].bytes = 0;
	}
}

static void end(struct dp *d, struct dp_conn *c)
{
	struct dp_listener *l = listener_of(d, c);

	l->open--;
	count(l, &c->pair);
	dp_pair_done(d, &c->pair);
	dp_slots_give(&d->ingress.slots, c);
}

/* The timer of what the connection waits for now. */
static void await(struct dp *d, struct dp_conn *c)
{
	struct dp_ingress *in = &d->ingress;
	struct dp_timers *list = &in->idle;

	count(listener_of(d, c), &c->pair);
	if (c->stage == DP_S_DATAGRAMS)
		list = &in->udp_idle;
	else if (dp_pair_is_half(&c->pair))
		list = &in->half;
	dp_timer_set(&d->loop, list, &c->pair.timer);
}

static void move_stream(struct dp *d, struct dp_conn *c)
{
	switch (dp_pair_move(d, &c->pair)) {
	case DP_PAIR_QUIET:
		await(d, c);
		break;
	case DP_PAIR_AGAIN:
		dp_timer_set(&d->loop, &d->ingress.again, &c->pair.timer);
		break;
	case DP_PAIR_OVER:
		end(d, c);
		break;
	}
}

static void put_to_application(struct dp *d, struct dp_pair *p, struct ss_span datagram)
{
	struct dp_conn *c = DP_OWNER(p, struct dp_conn, pair);
	struct iovec v[2] = { { c->header, c->n_header }, dp_iov(datagram) };
	const struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	/* Nobody listens, or too slowly: a datagram may be lost. */
	if (sendmsg(p->end[DP_APP].w.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		listener_of(d, c)->lost++;
}

/* False: the host's stream is over. */
static bool put_to_host(struct dp *d, struct dp_conn *c)
{
	struct dp_pair *p = &c->pair;

	if (!dp_pair_flush(d, p, DP_APP))
		return false;
	for (unsigned i = 0; i < DP_TURN_PACKETS; i++) {
		static const struct ss_span no_head = { (const uint8_t *)"", 0 };
		const ssize_t n =
			recv(p->end[DP_APP].w.fd, d->scratch, DP_DATAGRAM_MAX, MSG_DONTWAIT);

		if (n < 0 && errno == ECONNREFUSED)
			continue; /* the application does not listen: told once a datagram */
		if (n < 0)
			return true;
		switch (dp_datagrams_put(d, p, no_head,
					 (struct ss_span){ d->scratch, (size_t)n })) {
		case DP_PUT_SENT:
			break;
		case DP_PUT_LOST:
			listener_of(d, c)->lost++;
			break;
		case DP_PUT_OVER:
			return false;
		}
	}
	return true;
}

static void move_datagrams(struct dp *d, struct dp_conn *c)
{
	const enum dp_take t = dp_datagrams_take(d, &c->pair, put_to_application);

	if (t == DP_TAKE_OVER || !put_to_host(d, c))
		end(d, c);
	else if (t == DP_TAKE_AGAIN)
		dp_timer_set(&d->loop, &d->ingress.again, &c->pair.timer);
	else
		await(d, c);
}

/* --- attested: keyplane has the stream ------------------------------------------------------- */

static bool is_attested(struct dp *d, const struct dp_conn *c)
{
	return listener_of(d, c)->in.tls == MC_TLS_ATTESTED;
}

static uint64_t id_of(const struct dp *d, const struct dp_conn *c)
{
	return (uint64_t)c->generation << 32 | dp_slots_index(&d->ingress.slots, c);
}

/* NULL: it is over, or not with keyplane now. */
static struct dp_conn *find(struct dp *d, uint64_t id)
{
	const uint32_t slot = (uint32_t)id;
	struct dp_conn *c = slot < d->ingress.slots.n ? dp_slots_at(&d->ingress.slots, slot) : NULL;

	return c != NULL && c->with_key && id_of(d, c) == id ? c : NULL;
}

static void give_to_key(struct dp *d, struct dp_conn *c)
{
	struct dp_watch *w = &c->pair.end[DP_HOST].w;

	dp_timer_stop(&c->pair.timer);
	if (!dp_key_tell(d,
			 &(struct kp_link_head){
				 .type = KP_LINK_CONN, .a = c->listener, .id = id_of(d, c) },
			 w->fd)) {
		listener_of(d, c)->over_limit++;
		end(d, c);
		return;
	}
	dp_watch_hand_over(&d->loop, w);
	c->with_key = true;
	c->stage = DP_S_KEY;
}

static void give_application(struct dp *d, struct dp_conn *c)
{
	struct dp_watch *w = &c->pair.end[DP_APP].w;

	dp_timer_stop(&c->pair.timer);
	/* What keyplane does not take it does without: it ends the connection in its own time. */
	(void)dp_key_tell(d, &(struct kp_link_head){ .type = KP_LINK_APP, .id = id_of(d, c) },
			  w->fd);
	dp_watch_hand_over(&d->loop, w);
	c->stage = DP_S_KEY;
}

/* Both ends are there: lets the bytes go. */
static void begin(struct dp *d, struct dp_conn *c)
{
	struct dp_pair *p = &c->pair;
	const bool udp = listener_of(d, c)->in.udp;

	c->stage = udp ? DP_S_DATAGRAMS : DP_S_STREAM;
	if (!udp && c->n_header > 0 &&
	    send(p->end[DP_APP].w.fd, c->header, c->n_header, MSG_NOSIGNAL | MSG_DONTWAIT) !=
		    c->n_header) {
		end(d, c);
		return;
	}
	if (is_attested(d, c)) {
		give_application(d, c);
		return;
	}
	if (!dp_pair_watch(d, p, DP_HOST) ||
	    /* The datagrams' socket is not edge-triggered: a turn may leave some. */
	    !(udp ? dp_watch_set(&d->loop, &p->end[DP_APP].w, EPOLLIN)
		  : dp_pair_watch(d, p, DP_APP))) {
		end(d, c);
		return;
	}
	p->end[DP_HOST].readable = true;
	p->end[DP_APP].readable = true;
	if (udp)
		move_datagrams(d, c);
	else
		move_stream(d, c);
}

/* The application did not take it: later, while it starts; else the host is told at once. */
static void not_taken(struct dp *d, struct dp_conn *c, int why)
{
	const enum frame_state s = d->health.state;

	dp_watch_close(&c->pair.end[DP_APP].w);
	if (why == ECONNREFUSED && d->loop.now_ms < c->until_ms &&
	    (s == FRAME_STARTING || s == FRAME_RESTARTING || s == FRAME_WAITING)) {
		c->stage = DP_S_RETRY;
		dp_timer_set(&d->loop, &d->ingress.retry, &c->pair.timer);
		return;
	}
	listener_of(d, c)->not_taken++;
	if (is_attested(d, c)) {
		dp_timer_stop(&c->pair.timer);
		c->stage = DP_S_KEY;
		(void)dp_key_tell(
			d, &(struct kp_link_head){ .type = KP_LINK_NO_APP, .id = id_of(d, c) }, -1);
		return;
	}
	c->pair.broken = true;
	end(d, c);
}

static void call_application(struct dp *d, struct dp_conn *c)
{
	const struct mc_ingress *in = &listener_of(d, c)->in;
	struct dp_watch *w = &c->pair.end[DP_APP].w;

	w->fd = dp_local_call(in->to, in->udp);
	if (w->fd < 0) {
		not_taken(d, c, errno);
		return;
	}
	c->stage = DP_S_CONNECT;
	serve(d, c);
}

/* The stream begins here. */
static void go_on(struct dp *d, struct dp_conn *c)
{
	if (is_attested(d, c)) {
		give_to_key(d, c);
		return;
	}
	c->until_ms = d->loop.now_ms + DP_CONNECT_MS;
	call_application(d, c);
}

/* Reads what the host must say first, and nothing behind it. */
static void read_header(struct dp *d, struct dp_conn *c)
{
	const int fd = c->pair.end[DP_HOST].w.fd;
	const ssize_t n = recv(fd, c->header, PROXY_HEADER_MAX, MSG_PEEK | MSG_DONTWAIT);
	struct ss_buf b = SS_BUF_OVER(c->header);
	struct ss_err err = { 0 };
	struct proxy_header h;
	size_t size = 0;
	int rc;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	rc = n <= 0 ? -1
		    : proxy_header_read((struct ss_span){ c->header, (size_t)n }, &h, &size, &err);
	if (rc == 0 && !c->pair.end[DP_HOST].hung_up)
		return;
	if (rc <= 0 || h.is_udp != listener_of(d, c)->in.udp ||
	    recv(fd, c->header, size, MSG_DONTWAIT) != (ssize_t)size) {
		listener_of(d, c)->bad_header++;
		end(d, c);
		return;
	}
	proxy_header_write(&h, &b);
	c->n_header = (uint8_t)b.n;
	go_on(d, c);
}

static void serve(struct dp *d, struct dp_conn *c)
{
	struct dp_watch *app = &c->pair.end[DP_APP].w;
	int why;

	switch ((enum dp_stage)c->stage) {
	case DP_S_HEADER:
		read_header(d, c);
		break;
	case DP_S_CONNECT:
		why = dp_local_outcome(app->fd);
		if (why == 0) {
			begin(d, c);
		} else if (why != EINPROGRESS) {
			not_taken(d, c, why);
		} else if (!dp_watch_set(&d->loop, app, EPOLLOUT)) {
			end(d, c);
		} else {
			dp_timer_set_at(&d->ingress.connect, &c->pair.timer, c->until_ms);
		}
		break;
	case DP_S_RETRY:
	case DP_S_KEY:
		break;
	case DP_S_STREAM:
		move_stream(d, c);
		break;
	case DP_S_DATAGRAMS:
		move_datagrams(d, c);
		break;
	}
}

void dp_ingress_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	struct dp_pair *p = dp_pair_of(w);

	dp_pair_note(d, p, w->side, events);
	serve(d, DP_OWNER(p, struct dp_conn, pair));
}

static void take_connection(struct dp *d, struct dp_listener *l, int fd)
{
	struct dp_watch unwanted = { .fd = fd };
	struct dp_conn *c;

	c = l->open < d->ingress.per_listener ? dp_slots_take(&d->ingress.slots) : NULL;
	if (c == NULL) {
		l->over_limit++;
		dp_watch_close(&unwanted);
		return;
	}
	dp_pair_init(&c->pair, DP_K_INGRESS);
	c->pair.end[DP_HOST].w.fd = fd;
	c->listener = (uint8_t)(l - d->ingress.listeners);
	c->n_header = 0;
	c->generation++;
	c->with_key = false;
	l->open++;
	l->taken++;
	if (!dp_pair_watch(d, &c->pair, DP_HOST)) {
		end(d, c);
		return;
	}
	if (!l->in.proxy) {
		go_on(d, c);
		return;
	}
	c->stage = DP_S_HEADER;
	dp_timer_set(&d->loop, &d->ingress.header, &c->pair.timer);
	read_header(d, c);
}

void dp_ingress_call_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	struct dp_listener *l = DP_OWNER(w, struct dp_listener, w);

	(void)events;
	for (unsigned i = 0; i < DP_TURN_ACCEPTS; i++) {
		const int fd = dp_wire_accept(w->fd);

		if (fd >= 0) {
			take_connection(d, l, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			   errno == ENOBUFS) {
			/* It would be ready again at once, without end. */
			(void)dp_watch_set(&d->loop, w, 0);
			dp_timer_set(&d->loop, &d->ingress.rest, &d->ingress.resting);
			return;
		} else if (errno != ECONNABORTED) {
			return;
		}
	}
}

static void header_expired(struct dp *d, struct dp_timer *t)
{
	struct dp_conn *c = DP_OWNER(t, struct dp_conn, pair.timer);

	listener_of(d, c)->bad_header++;
	end(d, c);
}

static void connect_expired(struct dp *d, struct dp_timer *t)
{
	not_taken(d, DP_OWNER(t, struct dp_conn, pair.timer), ETIMEDOUT);
}

static void retry_expired(struct dp *d, struct dp_timer *t)
{
	call_application(d, DP_OWNER(t, struct dp_conn, pair.timer));
}

static void idle_expired(struct dp *d, struct dp_timer *t)
{
	struct dp_conn *c = DP_OWNER(t, struct dp_conn, pair.timer);

	listener_of(d, c)->idle++;
	c->pair.broken = true;
	end(d, c);
}

static void again_expired(struct dp *d, struct dp_timer *t)
{
	serve(d, DP_OWNER(t, struct dp_conn, pair.timer));
}

static void rest_expired(struct dp *d, struct dp_timer *t)
{
	(void)t;
	for (size_t i = 0; i < d->ingress.n; i++) {
		struct dp_listener *l = &d->ingress.listeners[i];

		if (l->w.fd >= 0 && (l->in.tls != MC_TLS_ATTESTED || d->key.is_ready))
			(void)dp_watch_set(&d->loop, &l->w, EPOLLIN);
	}
}

static int open_listener(struct dp *d, const struct mc_ingress *in, struct ss_err *err)
{
	const uint32_t port = in->port + (in->udp ? FRAME_PORT_UDP : 0);
	struct dp_listener *l = &d->ingress.listeners[d->ingress.n];

	*l = (struct dp_listener){ .w = { .fd = -1, .kind = DP_K_INGRESS_CALL }, .in = *in };
	d->ingress.n++;
	if (in->tls == MC_TLS_ATTESTED && d->key.w.fd < 0) {
		dp_say(d, "ingress %u is closed: without an NSM nothing can be attested", in->port);
		return 0;
	}
	if (dp_wire_listen(port, &l->w.fd, err) < 0)
		return ss_ctx(err, "ingress %u", in->port);
	if (in->tls == MC_TLS_ATTESTED)
		return 0; /* keyplane is not ready yet */
	if (!dp_watch_set(&d->loop, &l->w, EPOLLIN))
		return ss_fail_sys(err, "ingress %u", in->port);
	return 0;
}

int dp_ingress_init(struct dp *d, uint32_t max, struct ss_err *err)
{
	struct dp_ingress *in = &d->ingress;
	struct mc_list list = d->config.ingress;
	struct mc_ingress one;

	max = max < DP_MAX_CONNS ? max : DP_MAX_CONNS;
	in->n = 0;
	in->per_listener = (uint32_t)((uint64_t)max * DP_MAX_PER_LISTENER / DP_MAX_CONNS);
	dp_slots_init(&d->loop, &in->slots, in->conns, sizeof(in->conns[0]), in->next, max);
	dp_timers_init(&d->loop, &in->header, DP_HEADER_MS, header_expired);
	dp_timers_init(&d->loop, &in->connect, DP_CONNECT_MS, connect_expired);
	dp_timers_init(&d->loop, &in->retry, DP_RETRY_MS, retry_expired);
	dp_timers_init(&d->loop, &in->idle, DP_IDLE_MS, idle_expired);
	dp_timers_init(&d->loop, &in->half, DP_HALF_MS, idle_expired);
	dp_timers_init(&d->loop, &in->udp_idle, DP_UDP_IDLE_MS, idle_expired);
	dp_timers_init(&d->loop, &in->again, 0, again_expired);
	dp_timers_init(&d->loop, &in->rest, DP_REST_MS, rest_expired);
	while (mc_next_ingress(&list, &one))
		if (open_listener(d, &one, err) < 0)
			return -1;
	return 0;
}

void dp_ingress_drain(struct dp *d)
{
	for (size_t i = 0; i < d->ingress.n; i++)
		dp_watch_close(&d->ingress.listeners[i].w);
}

void dp_ingress_open_attested(struct dp *d)
{
	for (size_t i = 0; i < d->ingress.n; i++) {
		struct dp_listener *l = &d->ingress.listeners[i];

		if (l->in.tls == MC_TLS_ATTESTED && l->w.fd >= 0)
			(void)dp_watch_set(&d->loop, &l->w, EPOLLIN);
	}
}

void dp_ingress_want(struct dp *d, uint64_t id)
{
	struct dp_conn *c = find(d, id);

	if (c == NULL || c->stage != DP_S_KEY)
		return;
	c->until_ms = d->loop.now_ms + DP_CONNECT_MS;
	call_application(d, c);
}

void dp_ingress_over(struct dp *d, const struct kp_link_head *h)
{
	struct dp_conn *c = find(d, h->id);
	struct dp_listener *l;

	if (c == NULL)
		return;
	l = listener_of(d, c);
	l->bytes[DP_HOST] += h->in;
	l->bytes[DP_APP] += h->out;
	l->idle += h->a == KP_OVER_IDLE;
	l->over_limit += h->a == KP_OVER_BUSY;
	l->unshaken += h->a == KP_OVER_HANDSHAKE;
	l->cut += h->a == KP_OVER_CUT;
	c->with_key = false;
	end(d, c);
}

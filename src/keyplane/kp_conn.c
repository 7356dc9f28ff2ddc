/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_conn.h"

#include "base/mem.h"
#include "fmt/http_head.h"
#include "keyplane/kp.h"
#include "keyplane/kp_reply.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Of the client's bytes, not yet answered: what it asks for without reading the answers. */
#define MAX_OUT (2 * KP_RECORD)

/* What one step came to. */
enum step { WENT, STOPPED, OVER };

#define OWNER(p, member)                                                                           \
	((struct kp_conn *)(void *)((uint8_t *)(p)-offsetof(struct kp_conn, member)))

static void move(struct kp *k, struct kp_conn *c);

void kp_conns_init(struct kp_conns *c, uint64_t memory)
{
	const uint64_t fit = memory / KP_MEMORY_SHARE / KP_CONN_BYTES;

	c->max = KP_MAX_CONNS;
	if (fit < c->max)
		c->max = fit > KP_MIN_CONNS ? (uint32_t)fit : KP_MIN_CONNS;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static uint32_t slot_of(uint64_t id)
{
	return (uint32_t)id;
}

static struct kp_conn *find(const struct kp *k, uint64_t id)
{
	struct kp_conn *c = slot_of(id) < KP_LINK_SLOTS ? k->conns.by_slot[slot_of(id)] : NULL;

	return c != NULL && c->id == id ? c : NULL;
}

static void tell_over(struct kp *k, const struct kp_conn *c, enum kp_over why)
{
	kp_link_tell(k, &(struct kp_link_head){ .type = KP_LINK_OVER,
						.a = (uint8_t)why,
						.id = c->id,
						.in = c->in,
						.out = c->out });
}

static void leave_again(struct kp *k, struct kp_conn *c)
{
	struct kp_conn **p = &k->conns.again;

	if (!c->is_again)
		return;
	while (*p != c)
		p = &(*p)->after;
	*p = c->after;
	c->is_again = false;
}

/* `reset`: whoever is at an end must not take what came so far for all. */
static void end(struct kp *k, struct kp_conn *c, enum kp_over why, bool reset)
{
	struct kp_conns *all = &k->conns;

	if (c->stage == KP_C_SHAKE)
		all->shaking--;
	kp_nsm_leave(&k->nsm, &c->waiter);
	if (c->value != NULL)
		kp_secret_drop(TAKE_PTR(c->value));
	leave_again(k, c);
	if (reset) {
		kp_watch_reset(k, &c->net);
		kp_watch_reset(k, &c->app);
	}
	kp_watch_close(k, &c->net);
	kp_watch_close(k, &c->app);
	kp_stream_free(TAKE_PTR(c->tls));
	all->by_slot[slot_of(c->id)] = NULL;
	if (c->next != NULL)
		c->next->prev = c->prev;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		all->all = c->next;
	all->n--;
	c->after = all->gone;
	all->gone = c;
	tell_over(k, c, why);
}

void kp_conns_free_gone(struct kp *k)
{
	while (k->conns.gone != NULL) {
		struct kp_conn *c = k->conns.gone;

		k->conns.gone = c->after;
		explicit_bzero(c->held, sizeof(c->held));
		free(c);
	}
}

int kp_conn_take(struct kp *k, const struct kp_link_head *h, int fd, struct ss_err *err)
{
	struct kp_conns *all = &k->conns;
	struct kp_conn *c;

	if (h->a >= k->n_listeners || !k->listeners[h->a].is_attested ||
	    slot_of(h->id) >= KP_LINK_SLOTS || all->by_slot[slot_of(h->id)] != NULL) {
		(void)close(fd);
		return ss_fail(err, SS_EINPUT, "dataplane: a connection that cannot be");
	}
	c = ss_calloc(1, sizeof(*c));
	c->net = (struct kp_watch){ .fd = fd, .kind = KP_K_NET };
	c->app = (struct kp_watch){ .fd = -1, .kind = KP_K_APP };
	c->id = h->id;
	c->listener = h->a;
	c->until_ms = k->now_ms + KP_HANDSHAKE_MS;
	c->next = all->all;
	if (all->all != NULL)
		all->all->prev = c;
	all->all = c;
	all->by_slot[slot_of(c->id)] = c;
	all->n++;
	all->shaking++;
	if (all->n > all->max || all->shaking > all->max / KP_HANDSHAKE_SHARE) {
		end(k, c, KP_OVER_BUSY, true);
	} else if (kp_stream_new(k->tls, k->listeners[h->a].alpn, &c->tls, err) < 0) {
		kp_say(k, "%s", err->msg);
		end(k, c, KP_OVER_BUSY, true);
	} else {
		move(k, c);
	}
	return 0;
}

/* --- the wire -------------------------------------------------------------------------------- */

static enum step send_wire(struct kp *k, struct kp_conn *c)
{
	const struct ss_span out = kp_stream_out(c->tls);
	ssize_t n;

	if (out.n == 0)
		return WENT;
	n = send(c->net.fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return STOPPED;
	if (n <= 0) {
		end(k, c, c->stage == KP_C_SHAKE ? KP_OVER_HANDSHAKE : KP_OVER_CUT, true);
		return OVER;
	}
	kp_stream_sent(c->tls, (size_t)n);
	return (size_t)n == out.n ? WENT : STOPPED;
}

/* Only when nothing plain is left of what came before. */
static enum step take_wire(struct kp *k, struct kp_conn *c)
{
	ssize_t n;

	if (kp_stream_out(c->tls).n > MAX_OUT)
		return STOPPED;
	n = recv(c->net.fd, k->scratch, sizeof(k->scratch), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return STOPPED;
	(void)kp_stream_take(c->tls, (struct ss_span){ k->scratch, n > 0 ? (size_t)n : 0 });
	return WENT;
}

static bool is_broken(const struct kp_conn *c)
{
	return kp_stream_state(c->tls) == KP_S_CUT;
}

/* --- the service ----------------------------------------------------------------------------- */

static void answer(struct kp *k, struct kp_conn *c, const struct ss_buf *reply, enum kp_over why)
{
	c->stage = KP_C_REPLY;
	c->why = why;
	c->until_ms = c->service_ms;
	c->n = 0;
	if (reply->bad || !kp_stream_write(c->tls, ss_buf_span(reply))) {
		end(k, c, KP_OVER_CUT, true);
		return;
	}
	kp_stream_end(c->tls);
}

static void answer_status(struct kp *k, struct kp_conn *c, unsigned status, const char *allow)
{
	AUTO_BUF struct ss_buf reply = SS_BUF_INIT(KP_RECORD);

	kp_reply_status(&reply, status, allow);
	answer(k, c, &reply, status >= 500 ? KP_OVER_BUSY : KP_OVER_REFUSED);
}

static bool is_sender(const struct kp_conn *c)
{
	return kp_stream_protocol(c->tls) == KP_P_SECRETS;
}

/* An answer after which a sender may go on, within the time of the whole. */
static void answer_and_go_on(struct kp *k, struct kp_conn *c, const struct ss_buf *reply)
{
	const uint64_t next = k->now_ms + KP_HEAD_MS;

	c->stage = KP_C_HEAD;
	c->why = KP_OVER_SERVED;
	c->until_ms = next < c->service_ms ? next : c->service_ms;
	if (reply->bad || !kp_stream_write(c->tls, ss_buf_span(reply)))
		end(k, c, KP_OVER_CUT, true);
}

void kp_conn_busy(struct kp *k, struct kp_waiter *w)
{
	struct kp_conn *c = OWNER(w, waiter);

	answer_status(k, c, 503, NULL);
	move(k, c);
}

void kp_conn_document(struct kp *k, struct kp_waiter *w)
{
	struct kp_conn *c = OWNER(w, waiter);
	AUTO_BUF struct ss_buf request = SS_BUF_INIT(NSM_MAX_REQUEST);
	AUTO_BUF struct ss_buf reply = SS_BUF_INIT(KP_RECORD);
	struct ss_err err = { 0 };
	struct ss_span document;

	kp_nsm_put_endpoint(&request, (struct ss_span){ c->nonce, sizeof(c->nonce) },
			    kp_tls_spki(k->tls), kp_tls_binding(k->tls));
	if (kp_ask_nsm(k, ss_buf_span(&request), &document, &err) < 0) {
		kp_say(k, "no document: %s", err.msg);
		answer_status(k, c, 500, NULL);
	} else {
		kp_reply_document(&reply, document, is_sender(c));
		if (is_sender(c))
			answer_and_go_on(k, c, &reply);
		else
			answer(k, c, &reply, KP_OVER_SERVED);
	}
	move(k, c);
}

/* What was read is wiped; what came behind it may be the next request. */
static void drop_front(struct kp_conn *c, size_t n)
{
	c->n -= n;
	memmove(c->held, c->held + n, c->n);
	explicit_bzero(c->held + c->n, n);
	c->has_next = c->n > 0;
}

static void wait_for_document(struct kp *k, struct kp_conn *c, const struct kp_ask *a)
{
	memcpy(c->nonce, a->nonce, sizeof(c->nonce));
	c->stage = KP_C_NSM;
	c->until_ms = c->service_ms;
	if (!kp_nsm_wait(&k->nsm, KP_Q_NETWORK, &c->waiter, k->now_ms))
		answer_status(k, c, 503, NULL);
}

static void begin_secret(struct kp *k, struct kp_conn *c, const struct kp_ask *a, size_t head)
{
	const unsigned status = kp_secret_begin(&k->secrets, kp_stream_sender(c->tls), a->name,
						a->n_body, &c->value);

	if (status != 200) {
		answer_status(k, c, status, NULL);
		return;
	}
	drop_front(c, head);
	c->stage = KP_C_BODY;
	c->until_ms = c->service_ms;
}

static void end_secret(struct kp *k, struct kp_conn *c)
{
	const struct ss_span name = kp_secret_name(&k->secrets, c->value);
	const unsigned status = kp_secret_end(&k->secrets, TAKE_PTR(c->value));
	AUTO_BUF struct ss_buf reply = SS_BUF_INIT(KP_RECORD);

	if (status != 204) {
		answer_status(k, c, status, NULL);
		return;
	}
	kp_say(k, "the secret %.*s came", (int)name.n, (const char *)name.p);
	c->service_ms = k->now_ms + KP_SERVICE_MS; /* once for each that there is */
	kp_reply_taken(&reply);
	answer_and_go_on(k, c, &reply);
}

static void obey(struct kp *k, struct kp_conn *c, const struct http_request *r, size_t head)
{
	struct kp_ask a;
	unsigned status;
	enum kp_door door = KP_DOOR_SERVICE;

	if (c->stage == KP_C_LOOK)
		door = KP_DOOR_PATH;
	else if (is_sender(c))
		door = KP_DOOR_SENDER;
	status = kp_ask_read(door, r, &a);
	if (status != 200) {
		answer_status(k, c, status, a.allow);
	} else if (a.want == KP_WANT_SECRET) {
		begin_secret(k, c, &a, head);
	} else {
		if (door == KP_DOOR_SENDER)
			drop_front(c, head);
		wait_for_document(k, c, &a);
	}
}

/* dataplane dials, with its retries while the application starts. */
static void want_app(struct kp *k, struct kp_conn *c)
{
	c->stage = KP_C_APP;
	c->until_ms = k->now_ms + KP_APP_MS;
	kp_link_tell(k, &(struct kp_link_head){ .type = KP_LINK_WANT, .id = c->id });
}

/* What the client sent so far decides, or more is needed. */
static void judge_head(struct kp *k, struct kp_conn *c)
{
	const struct ss_span head = { c->held, c->n };
	const bool looks = c->stage == KP_C_LOOK;
	const enum http_look is = looks ? http_look(head, KP_PATH_WELL_KNOWN) : HTTP_LOOK_OURS;
	struct http_request r;
	struct ss_err err = { 0 };
	size_t size = 0;
	int rc;

	if (is == HTTP_LOOK_OTHER)
		want_app(k, c);
	if (is != HTTP_LOOK_OURS)
		return;
	rc = http_request_read(head, &r, &size, &err);
	if (rc > 0)
		obey(k, c, &r, size);
	else if (rc < 0 && looks && err.code == SS_ELIMIT)
		want_app(k, c);
	else if (rc < 0)
		answer_status(k, c, err.code == SS_ELIMIT ? 431 : 400, NULL);
}

/* The client has said all: so do we. */
static enum step part(struct kp_conn *c)
{
	c->stage = KP_C_REPLY;
	c->why = KP_OVER_SERVED;
	c->until_ms = c->service_ms;
	kp_stream_end(c->tls);
	return WENT;
}

static enum step read_head(struct kp *k, struct kp_conn *c)
{
	size_t n;

	if (c->has_next) {
		c->has_next = false;
		judge_head(k, c);
		return c->tls != NULL ? WENT : OVER;
	}
	n = c->n < HTTP_HEAD_MAX ? kp_stream_read(c->tls, c->held + c->n, HTTP_HEAD_MAX - c->n) : 0;
	if (n == 0) {
		/* An end before a request, in order or not: nobody waits for an answer. */
		if (kp_stream_state(c->tls) == KP_S_OPEN)
			return take_wire(k, c);
		if (c->stage == KP_C_LOOK && kp_stream_state(c->tls) == KP_S_ENDED) {
			want_app(k, c);
			return WENT;
		}
		if (is_sender(c) && c->n == 0 && kp_stream_state(c->tls) == KP_S_ENDED)
			return part(c);
		/* A sender who has his answers may leave without a word. */
		end(k, c, is_sender(c) && c->n == 0 ? c->why : KP_OVER_CUT, true);
		return OVER;
	}
	c->n += n;
	judge_head(k, c);
	return c->tls != NULL ? WENT : OVER;
}

/* What came with the head, then what comes. */
static enum step read_body(struct kp *k, struct kp_conn *c)
{
	struct kp_value *v = c->value;
	const size_t lacking = v->want - v->n;
	size_t n = c->n < lacking ? c->n : lacking;

	if (n > 0) {
		memcpy(v->bytes + v->n, c->held, n);
		drop_front(c, n);
	} else if (lacking > 0) {
		n = kp_stream_read(c->tls, v->bytes + v->n, lacking);
		if (n == 0 && kp_stream_state(c->tls) == KP_S_OPEN)
			return take_wire(k, c);
		if (n == 0) {
			end(k, c, KP_OVER_CUT, true);
			return OVER;
		}
	}
	v->n += n;
	if (v->n == v->want)
		end_secret(k, c);
	return c->tls != NULL ? WENT : OVER;
}

/* Everything was said: the client reads it and goes. Closing at once could take it from it. */
static enum step wait_for_end(struct kp *k, struct kp_conn *c)
{
	const enum step s = send_wire(k, c);
	ssize_t n;

	if (s != WENT)
		return s;
	if (!c->net_shut)
		(void)shutdown(c->net.fd, SHUT_WR);
	c->net_shut = true;
	n = recv(c->net.fd, k->scratch, sizeof(k->scratch), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return STOPPED;
	if (n > 0)
		return WENT;
	end(k, c, c->why, false);
	return OVER;
}

/* --- bytes ----------------------------------------------------------------------------------- */

void kp_conn_app(struct kp *k, uint64_t id, int fd)
{
	struct kp_conn *c = find(k, id);

	if (c == NULL || c->stage != KP_C_APP) {
		(void)close(fd); /* it was over meanwhile */
		return;
	}
	c->app.fd = fd;
	c->stage = KP_C_STREAM;
	c->until_ms = k->now_ms + KP_IDLE_MS;
	move(k, c);
}

void kp_conn_no_app(struct kp *k, uint64_t id)
{
	struct kp_conn *c = find(k, id);

	if (c != NULL && c->stage == KP_C_APP)
		end(k, c, KP_OVER_NO_APP, true);
}

static enum step send_to_app(struct kp *k, struct kp_conn *c)
{
	const ssize_t n = send(c->app.fd, c->held + c->at, c->n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return STOPPED;
	if (n <= 0) {
		end(k, c, KP_OVER_CUT, true);
		return OVER;
	}
	c->at += (size_t)n;
	c->n -= (size_t)n;
	c->in += (uint64_t)n;
	return WENT;
}

/* From the client to the application. */
static enum step move_in(struct kp *k, struct kp_conn *c)
{
	if (c->n > 0)
		return send_to_app(k, c);
	if (c->in_ended)
		return STOPPED;
	c->at = 0;
	c->n = kp_stream_read(c->tls, c->held, sizeof(c->held));
	if (c->n > 0)
		return WENT;
	if (is_broken(c)) {
		end(k, c, KP_OVER_CUT, true);
		return OVER;
	}
	if (kp_stream_state(c->tls) == KP_S_ENDED) {
		c->in_ended = true;
		(void)shutdown(c->app.fd, SHUT_WR);
		return WENT;
	}
	return take_wire(k, c);
}

/* And back. */
static enum step move_out(struct kp *k, struct kp_conn *c)
{
	ssize_t n;

	if (kp_stream_out(c->tls).n > 0)
		return send_wire(k, c);
	if (c->app_ended) {
		if (!c->net_shut)
			(void)shutdown(c->net.fd, SHUT_WR);
		c->net_shut = true;
		return STOPPED;
	}
	n = recv(c->app.fd, k->scratch, sizeof(k->scratch), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return STOPPED;
	if (n < 0 ||
	    (n > 0 && !kp_stream_write(c->tls, (struct ss_span){ k->scratch, (size_t)n }))) {
		end(k, c, KP_OVER_CUT, true);
		return OVER;
	}
	if (n == 0) {
		c->app_ended = true;
		kp_stream_end(c->tls);
	}
	c->out += (uint64_t)n;
	return WENT;
}

static enum step move_stream(struct kp *k, struct kp_conn *c)
{
	const enum step in = move_in(k, c);
	enum step out;

	if (in == OVER)
		return OVER;
	out = move_out(k, c);
	if (out == OVER)
		return OVER;
	if (c->in_ended && c->n == 0 && c->net_shut) {
		end(k, c, KP_OVER_DONE, false);
		return OVER;
	}
	if (in == STOPPED && out == STOPPED)
		return STOPPED;
	c->until_ms = k->now_ms + (c->in_ended || c->app_ended ? KP_HALF_MS : KP_IDLE_MS);
	return WENT;
}

/* --- all of it ------------------------------------------------------------------------------- */

static void shaken(struct kp *k, struct kp_conn *c)
{
	const struct kp_listener *l = &k->listeners[c->listener];

	k->conns.shaking--;
	c->why = KP_OVER_CUT; /* nothing was served yet */
	c->until_ms = k->now_ms + KP_HEAD_MS;
	c->service_ms = k->now_ms + KP_SERVICE_MS;
	c->stage = KP_C_HEAD;
	if (kp_stream_protocol(c->tls) != KP_P_APP)
		return;
	if (l->http && kp_stream_is_http1(c->tls))
		c->stage = KP_C_LOOK;
	else
		want_app(k, c);
}

static enum step shake(struct kp *k, struct kp_conn *c)
{
	if (send_wire(k, c) == OVER)
		return OVER;
	if (is_broken(c)) {
		/* The alert that says why has gone, if it could. */
		end(k, c, KP_OVER_HANDSHAKE, true);
		return OVER;
	}
	if (kp_stream_state(c->tls) == KP_S_OPEN) {
		shaken(k, c);
		return WENT;
	}
	return take_wire(k, c);
}

static enum step one_step(struct kp *k, struct kp_conn *c)
{
	switch (c->stage) {
	case KP_C_SHAKE:
		return shake(k, c);
	case KP_C_LOOK:
	case KP_C_HEAD:
		/* What the handshake had to say last may still wait. */
		return send_wire(k, c) == OVER ? OVER : read_head(k, c);
	case KP_C_BODY:
		return send_wire(k, c) == OVER ? OVER : read_body(k, c);
	case KP_C_REPLY:
		return wait_for_end(k, c);
	case KP_C_STREAM:
		return move_stream(k, c);
	case KP_C_NSM:
	case KP_C_APP:
		return send_wire(k, c) == OVER ? OVER : STOPPED;
	}
	return STOPPED;
}

static uint32_t wanted_of_net(const struct kp_conn *c, size_t n_out)
{
	bool reads = n_out <= MAX_OUT;

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
	enum step s = WENT;

	for (size_t turn = 0; c->tls != NULL && s == WENT && turn < KP_TURN_BYTES;
	     turn += KP_RECORD)
		s = one_step(k, c);
	if (c->tls == NULL) /* it has ended */
		return;
	if (!watch(k, c)) {
		end(k, c, KP_OVER_BUSY, true);
		return;
	}
	if (s == WENT && !c->is_again) {
		c->is_again = true;
		c->after = k->conns.again;
		k->conns.again = c;
	}
}

void kp_conn_event(struct kp *k, struct kp_watch *w)
{
	move(k, w->kind == KP_K_NET ? OWNER(w, net) : OWNER(w, app));
}

void kp_conn_again(struct kp *k)
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

void kp_conns_sweep(struct kp *k)
{
	struct kp_conn *next;

	for (struct kp_conn *c = k->conns.all; c != NULL; c = next) {
		next = c->next;
		if (c->until_ms > k->now_ms)
			continue;
		switch (c->stage) {
		case KP_C_SHAKE:
			end(k, c, KP_OVER_HANDSHAKE, true);
			break;
		case KP_C_LOOK:
			want_app(k, c); /* whatever it is, the application may know it */
			move(k, c);
			break;
		case KP_C_APP:
			end(k, c, KP_OVER_NO_APP, true);
			break;
		case KP_C_REPLY:
			end(k, c, c->why, true);
			break;
		case KP_C_HEAD:
		case KP_C_BODY:
		case KP_C_NSM:
		case KP_C_STREAM:
			end(k, c, KP_OVER_IDLE, true);
			break;
		}
	}
}

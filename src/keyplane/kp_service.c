/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_service.h"

#include "fmt/http_head.h"
#include "keyplane/kp.h"
#include "keyplane/kp_query.h"
#include "keyplane/kp_reply.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void answer(struct kp *k, struct kp_conn *c, const struct ss_buf *reply, enum kp_over why)
{
	c->stage = KP_C_REPLY;
	c->why = why;
	c->until_ms = c->service_ms;
	c->n = 0;
	if (reply->bad || !kp_stream_write(c->tls, ss_buf_span(reply))) {
		kp_conn_end(k, c, KP_OVER_CUT, true);
		return;
	}
	kp_stream_end(c->tls);
}

static void answer_status(struct kp *k, struct kp_conn *c, unsigned status, const char *allow)
{
	AUTO_BUF struct ss_buf reply = SS_BUF_INIT(KP_RECORD);

	kp_reply_status(&reply, status, allow);
	kp_count_status(k, status);
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
		kp_conn_end(k, c, KP_OVER_CUT, true);
}

void kp_service_busy(struct kp *k, struct kp_conn *c)
{
	kp_count(k, KP_N_LATE);
	answer_status(k, c, 503, NULL);
}

void kp_service_document(struct kp *k, struct kp_conn *c)
{
	AUTO_BUF struct ss_buf request = SS_BUF_INIT(NSM_MAX_REQUEST);
	AUTO_BUF struct ss_buf reply = SS_BUF_INIT(KP_RECORD);
	struct ss_err err = { 0 };
	struct ss_span document;

	kp_nsm_put_endpoint(&request, (struct ss_span){ c->nonce, sizeof(c->nonce) },
			    kp_tls_spki(k->tls), kp_tls_binding(k->tls));
	if (kp_query_document(k, ss_buf_span(&request), &document, &err) < 0) {
		kp_count(k, KP_N_FAILED);
		kp_say(k, "no document: %s", err.msg);
		answer_status(k, c, 500, NULL);
	} else {
		kp_count(k, KP_N_GIVEN);
		kp_reply_document(&reply, document, is_sender(c));
		if (is_sender(c))
			answer_and_go_on(k, c, &reply);
		else
			answer(k, c, &reply, KP_OVER_SERVED);
	}
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
		kp_service_busy(k, c);
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
	kp_count(k, KP_N_SECRETS);
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
		kp_conn_want_app(k, c);
	if (is != HTTP_LOOK_OURS)
		return;
	rc = http_request_read(head, &r, &size, &err);
	if (rc > 0)
		obey(k, c, &r, size);
	else if (rc < 0 && looks && err.code == SS_ELIMIT)
		kp_conn_want_app(k, c);
	else if (rc < 0)
		answer_status(k, c, err.code == SS_ELIMIT ? 431 : 400, NULL);
}

/* The client has said all: so do we. */
static enum kp_step part(struct kp_conn *c)
{
	c->stage = KP_C_REPLY;
	c->why = KP_OVER_SERVED;
	c->until_ms = c->service_ms;
	kp_stream_end(c->tls);
	return KP_WENT;
}

enum kp_step kp_service_head(struct kp *k, struct kp_conn *c)
{
	size_t n;

	if (c->has_next) {
		c->has_next = false;
		judge_head(k, c);
		return c->tls != NULL ? KP_WENT : KP_OVER;
	}
	n = c->n < HTTP_HEAD_MAX ? kp_stream_read(c->tls, c->held + c->n, HTTP_HEAD_MAX - c->n) : 0;
	if (n == 0) {
		/* An end before a request, in order or not: nobody waits for an answer. */
		if (kp_stream_state(c->tls) == KP_S_OPEN)
			return kp_conn_recv(k, c);
		if (c->stage == KP_C_LOOK && kp_stream_state(c->tls) == KP_S_ENDED) {
			kp_conn_want_app(k, c);
			return KP_WENT;
		}
		if (is_sender(c) && c->n == 0 && kp_stream_state(c->tls) == KP_S_ENDED)
			return part(c);
		/* A sender who has his answers may leave without a word. */
		kp_conn_end(k, c, is_sender(c) && c->n == 0 ? c->why : KP_OVER_CUT, true);
		return KP_OVER;
	}
	c->n += n;
	judge_head(k, c);
	return c->tls != NULL ? KP_WENT : KP_OVER;
}

/* What came with the head, then what comes. */
enum kp_step kp_service_body(struct kp *k, struct kp_conn *c)
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
			return kp_conn_recv(k, c);
		if (n == 0) {
			kp_conn_end(k, c, KP_OVER_CUT, true);
			return KP_OVER;
		}
	}
	v->n += n;
	if (v->n == v->want)
		end_secret(k, c);
	return c->tls != NULL ? KP_WENT : KP_OVER;
}

/* Everything was said: the client reads it and goes. Closing at once could take it from it. */
enum kp_step kp_service_end(struct kp *k, struct kp_conn *c)
{
	const enum kp_step s = kp_conn_send(k, c);
	ssize_t n;

	if (s != KP_WENT)
		return s;
	if (!c->net_shut)
		(void)shutdown(c->net.fd, SHUT_WR);
	c->net_shut = true;
	n = recv(c->net.fd, k->scratch, sizeof(k->scratch), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return KP_STOPPED;
	if (n > 0)
		return KP_WENT;
	kp_conn_end(k, c, c->why, false);
	return KP_OVER;
}

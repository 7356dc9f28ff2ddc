/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp.h"
#include "keyplane/kp_query.h"
#include "keyplane/kp_reply.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define OWNER(p, member)                                                                           \
	((struct kp_local *)(void *)((uint8_t *)(p)-offsetof(struct kp_local, member)))

int kp_locals_init(struct kp *k, int fd, uint32_t least_uid, struct ss_err *err)
{
	struct kp_locals *l = &k->locals;

	l->call = (struct kp_watch){ .fd = fd, .kind = KP_K_LOCAL_CALL };
	l->least_uid = least_uid;
	for (size_t i = 0; i < SS_NELEMS(l->at); i++)
		l->at[i].w = (struct kp_watch){ .fd = -1, .kind = KP_K_LOCAL };
	if (fd >= 0 && !kp_watch_set(k, &l->call, EPOLLIN))
		return ss_fail_sys(err, "the application's socket");
	return 0;
}

static void wipe(struct ss_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	ss_buf_done(b);
}

static void end(struct kp *k, struct kp_local *c)
{
	kp_nsm_leave(&k->nsm, &c->waiter);
	kp_kms_leave(k, &c->kms);
	kp_watch_close(k, &c->w);
	wipe(&c->reply);
	ss_buf_done(&c->body);
	k->locals.n--;
	/* The socket's queue may hold others, who were not taken for want of room. */
	(void)kp_watch_set(k, &k->locals.call, EPOLLIN);
}

static bool is_application(const struct kp *k, int fd)
{
	struct ucred u;
	socklen_t n = sizeof(u);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0 && n == sizeof(u) &&
	       u.uid >= k->locals.least_uid && u.uid != (uid_t)-1;
}

void kp_local_call(struct kp *k)
{
	struct kp_locals *l = &k->locals;
	size_t i = 0;
	int fd;

	while (i < KP_MAX_LOCAL && l->at[i].w.fd >= 0)
		i++;
	if (i == KP_MAX_LOCAL) {
		(void)kp_watch_set(k, &l->call, 0); /* who calls now waits */
		return;
	}
	fd = accept4(l->call.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (!is_application(k, fd)) {
		(void)close(fd);
		return;
	}
	l->at[i] = (struct kp_local){ .w = { .fd = fd, .kind = KP_K_LOCAL },
				      .until_ms = k->now_ms + KP_LOCAL_HEAD_MS,
				      .reply = SS_BUF_INIT(KP_MAX_REPLY) };
	l->n++;
	if (!kp_watch_set(k, &l->at[i].w, EPOLLIN))
		end(k, &l->at[i]);
}

/* --- answers --------------------------------------------------------------------------------- */

static void send_reply(struct kp *k, struct kp_local *c)
{
	ssize_t n;

	while (c->sent < c->reply.n) {
		n = send(c->w.fd, c->reply.p + c->sent, c->reply.n - c->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			if (!kp_watch_set(k, &c->w, EPOLLOUT))
				end(k, c);
			return;
		}
		if (n <= 0) {
			end(k, c);
			return;
		}
		c->sent += (size_t)n;
	}
	/* What was not read is read now: closing over it would take the answer away. */
	c->until_ms = k->now_ms + KP_LOCAL_HEAD_MS;
	(void)shutdown(c->w.fd, SHUT_WR);
	if (!kp_watch_set(k, &c->w, EPOLLIN))
		end(k, c);
}

static void wait_for_end(struct kp *k, struct kp_local *c)
{
	const ssize_t n = recv(c->w.fd, k->scratch, sizeof(k->scratch), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end(k, c);
}

static void answer(struct kp *k, struct kp_local *c)
{
	kp_kms_leave(k, &c->kms);
	c->is_answered = true;
	c->until_ms = k->now_ms + KP_SERVICE_MS;
	if (c->reply.bad)
		end(k, c);
	else
		send_reply(k, c);
}

static void answer_status(struct kp *k, struct kp_local *c, unsigned status)
{
	kp_reply_status(&c->reply, status, c->ask.allow);
	kp_count_status(k, status);
	answer(k, c);
}

static void answer_late(struct kp *k, struct kp_local *c)
{
	kp_count(k, KP_N_APP_LATE);
	answer_status(k, c, 503);
}

void kp_local_busy(struct kp *k, struct kp_waiter *w)
{
	answer_late(k, OWNER(w, waiter));
}

static int make_document(struct kp *k, const struct kp_local *c, struct ss_span *ret,
			 struct ss_err *err)
{
	AUTO_BUF struct ss_buf request = SS_BUF_INIT(NSM_MAX_REQUEST);
	uint8_t sha256[BINDING_SHA256];

	if (kp_sha256((struct ss_span){ c->ask.user_data, c->ask.n_user_data }, sha256, err) < 0)
		return -1;
	kp_nsm_put_app(&request, &c->ask, sha256);
	return kp_query_document(k, ss_buf_span(&request), ret, err);
}

static void answer_failed(struct kp *k, struct kp_local *c, const char *why)
{
	kp_count(k, KP_N_APP_FAILED);
	kp_say(k, "no document for the application: %s", why);
	answer_status(k, c, 500);
}

void kp_local_document(struct kp *k, struct kp_waiter *w)
{
	struct kp_local *c = OWNER(w, waiter);
	struct ss_span document;
	struct ss_err err = { 0 };

	if (make_document(k, c, &document, &err) < 0) {
		answer_failed(k, c, err.msg);
		return;
	}
	kp_count(k, KP_N_APP_GIVEN);
	if (c->ask.want == KP_WANT_RECIPIENT)
		kp_reply_recipient(&c->reply, document, (struct ss_span){ c->ask.key, KP_KEY });
	else
		kp_reply_document(&c->reply, document, false);
	answer(k, c);
}

static void answer_chain(struct kp *k, struct kp_local *c)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(KP_MAX_REPLY);
	struct ss_err err = { 0 };

	if (kp_tls_put_pem(k->tls, &pem, &err) < 0) {
		answer_status(k, c, 500);
		return;
	}
	kp_reply_chain(&c->reply, ss_buf_span(&pem), kp_tls_spki_sha256(k->tls));
	answer(k, c);
}

/* --- requests -------------------------------------------------------------------------------- */

/* Why a message cannot be unwrapped is not told: see crypto/recipient.h. */
static void wait_for_keys(struct kp *k, struct kp_local *c, enum kp_kms_queue which)
{
	c->until_ms = k->now_ms + KP_KEYS_MS;
	c->kms = (struct kp_kms_waiter){ 0 };
	if (which == KP_KMS_UNWRAP) {
		c->kms.key = c->ask.key;
		c->kms.message = ss_buf_span(&c->body);
	}
	(void)kp_watch_set(k, &c->w, 0);
	kp_kms_wait(k, which, &c->kms);
}

static void take_body(struct kp *k, struct kp_local *c, struct ss_span more)
{
	ss_buf_put(&c->body, more);
	if (c->body.bad)
		answer_status(k, c, 400); /* longer than it said */
	else if (c->body.n == c->ask.n_body)
		wait_for_keys(k, c, KP_KMS_UNWRAP);
}

static void begin_body(struct kp *k, struct kp_local *c, struct ss_span more)
{
	if (!kp_kms_has(k, c->ask.key)) {
		answer_status(k, c, 404);
		return;
	}
	c->has_ask = true;
	c->body = (struct ss_buf)SS_BUF_INIT(c->ask.n_body);
	take_body(k, c, more);
}

static void wait_for_nsm(struct kp *k, struct kp_local *c)
{
	if (!kp_nsm_wait(&k->nsm, KP_Q_LOCAL, &c->waiter, k->now_ms)) {
		answer_late(k, c);
		return;
	}
	c->until_ms = UINT64_MAX; /* the queue has its own */
	(void)kp_watch_set(k, &c->w, 0);
}

/* `rest` is what came behind the head. */
static void obey(struct kp *k, struct kp_local *c, struct ss_span rest)
{
	switch (c->ask.want) {
	case KP_WANT_DOCUMENT:
		wait_for_nsm(k, c);
		break;
	case KP_WANT_RECIPIENT:
		wait_for_keys(k, c, KP_KMS_NEW);
		break;
	case KP_WANT_CERTIFICATE:
		answer_chain(k, c);
		break;
	case KP_WANT_SECRET:
		break; /* not behind this door */
	case KP_WANT_UNWRAP:
		begin_body(k, c, rest);
		break;
	}
}

static void judge(struct kp *k, struct kp_local *c)
{
	struct http_request r;
	struct ss_err err = { 0 };
	size_t size = 0;
	unsigned status;
	const int rc = http_request_read((struct ss_span){ c->head, c->n }, &r, &size, &err);

	if (rc < 0) {
		answer_status(k, c, err.code == SS_ELIMIT ? 431 : 400);
		return;
	}
	if (rc == 0)
		return;
	status = kp_ask_read(KP_DOOR_LOCAL, &r, &c->ask);
	if (status != 200)
		answer_status(k, c, status);
	else
		obey(k, c, (struct ss_span){ c->head + size, c->n - size });
}

void kp_local_event(struct kp *k, struct kp_watch *w)
{
	struct kp_local *c = OWNER(w, w);
	const size_t most = c->has_ask ? sizeof(k->scratch) : sizeof(c->head) - c->n;
	uint8_t *to = c->has_ask ? k->scratch : c->head + c->n;
	ssize_t n;

	if (c->is_answered) {
		if (c->sent < c->reply.n)
			send_reply(k, c);
		else
			wait_for_end(k, c);
		return;
	}
	n = recv(w->fd, to, most, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(k, c);
		return;
	}
	if (c->has_ask) {
		take_body(k, c, (struct ss_span){ to, (size_t)n });
		return;
	}
	c->n += (size_t)n;
	judge(k, c);
}

static void take_key(struct kp *k, struct kp_local *c, const struct kp_kms_said *said)
{
	if (!said->is_done) {
		answer_failed(k, c, "there is no key for KMS");
		return;
	}
	memcpy(c->ask.public_key, said->text.p, said->text.n);
	c->ask.n_public_key = said->text.n;
	c->ask.has_public_key = true;
	memcpy(c->ask.key, said->key, KP_KEY);
	wait_for_nsm(k, c);
}

static void take_plain(struct kp *k, struct kp_local *c, const struct kp_kms_said *said)
{
	if (!said->is_done) {
		answer_status(k, c, 400);
		return;
	}
	kp_reply_bytes(&c->reply, said->text);
	answer(k, c);
}

int kp_local_kms(struct kp *k, struct ss_err *err)
{
	struct kp_kms_said said;
	const int rc = kp_kms_hear(k, &said, err);

	if (rc <= 0)
		return rc;
	if (said.to != NULL && said.to->which == KP_KMS_NEW)
		take_key(k, OWNER(said.to, kms), &said);
	else if (said.to != NULL)
		take_plain(k, OWNER(said.to, kms), &said);
	kp_kms_wipe(&said);
	return 0;
}

void kp_locals_sweep(struct kp *k)
{
	for (size_t i = 0; i < KP_MAX_LOCAL; i++) {
		struct kp_local *c = &k->locals.at[i];

		if (c->w.fd < 0 || c->until_ms > k->now_ms)
			continue;
		if (c->kms.waits)
			answer_late(k, c);
		else
			end(k, c);
	}
}

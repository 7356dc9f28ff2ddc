/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp.h"
#include "keyplane/kp_reply.h"

#include <errno.h>
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

static void end(struct kp *k, struct kp_local *c)
{
	kp_nsm_leave(&k->nsm, &c->waiter);
	kp_watch_close(k, &c->w);
	ss_buf_done(&c->reply);
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
	c->is_answered = true;
	c->until_ms = k->now_ms + KP_SERVICE_MS;
	if (c->reply.bad)
		end(k, c);
	else
		send_reply(k, c);
}

static void answer_status(struct kp *k, struct kp_local *c, unsigned status)
{
	kp_reply_status(&c->reply, status);
	answer(k, c);
}

void kp_local_busy(struct kp *k, struct kp_waiter *w)
{
	answer_status(k, OWNER(w, waiter), 503);
}

void kp_local_document(struct kp *k, struct kp_waiter *w)
{
	struct kp_local *c = OWNER(w, waiter);
	AUTO_BUF struct ss_buf request = SS_BUF_INIT(NSM_MAX_REQUEST);
	struct ss_err err = { 0 };
	struct ss_span document;
	uint8_t sha256[BINDING_SHA256];

	if (kp_sha256((struct ss_span){ c->ask.user_data, c->ask.n_user_data }, sha256, &err) < 0) {
		answer_status(k, c, 500);
		return;
	}
	kp_nsm_put_app(&request, &c->ask, sha256);
	if (kp_ask_nsm(k, ss_buf_span(&request), &document, &err) < 0) {
		kp_say(k, "no document for the application: %s", err.msg);
		answer_status(k, c, 500);
		return;
	}
	kp_reply_document(&c->reply, document);
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
	if (rc == 0) {
		if (c->n == sizeof(c->head))
			answer_status(k, c, 431);
		return;
	}
	status = kp_ask_read(KP_DOOR_LOCAL, &r, &c->ask);
	if (status != 200) {
		answer_status(k, c, status);
	} else if (c->ask.want == KP_WANT_CERTIFICATE) {
		answer_chain(k, c);
	} else if (!kp_nsm_wait(&k->nsm, KP_Q_LOCAL, &c->waiter, k->now_ms)) {
		answer_status(k, c, 503);
	} else {
		c->until_ms = UINT64_MAX; /* the queue has its own */
		(void)kp_watch_set(k, &c->w, 0);
	}
}

void kp_local_event(struct kp *k, struct kp_watch *w)
{
	struct kp_local *c = OWNER(w, w);
	ssize_t n;

	if (c->is_answered) {
		if (c->sent < c->reply.n)
			send_reply(k, c);
		else
			wait_for_end(k, c);
		return;
	}
	n = recv(w->fd, c->head + c->n, sizeof(c->head) - c->n, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(k, c);
		return;
	}
	c->n += (size_t)n;
	judge(k, c);
}

void kp_locals_sweep(struct kp *k)
{
	for (size_t i = 0; i < KP_MAX_LOCAL; i++)
		if (k->locals.at[i].w.fd >= 0 && k->locals.at[i].until_ms <= k->now_ms)
			end(k, &k->locals.at[i]);
}

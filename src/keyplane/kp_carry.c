/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_carry.h"

#include "keyplane/kp.h"

#include <errno.h>
#include <sys/socket.h>

static enum kp_step send_to_app(struct kp *k, struct kp_conn *c)
{
	const ssize_t n = send(c->app.fd, c->held + c->at, c->n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return KP_STOPPED;
	if (n <= 0) {
		kp_conn_end(k, c, KP_OVER_CUT, true);
		return KP_OVER;
	}
	c->at += (size_t)n;
	c->n -= (size_t)n;
	c->in += (uint64_t)n;
	return KP_WENT;
}

/* From the client to the application. */
static enum kp_step move_in(struct kp *k, struct kp_conn *c)
{
	if (c->n > 0)
		return send_to_app(k, c);
	if (c->in_ended)
		return KP_STOPPED;
	c->at = 0;
	c->n = kp_stream_read(c->tls, c->held, sizeof(c->held));
	if (c->n > 0)
		return KP_WENT;
	if (kp_stream_state(c->tls) == KP_S_CUT) {
		kp_conn_end(k, c, KP_OVER_CUT, true);
		return KP_OVER;
	}
	if (kp_stream_state(c->tls) == KP_S_ENDED) {
		c->in_ended = true;
		(void)shutdown(c->app.fd, SHUT_WR);
		return KP_WENT;
	}
	return kp_conn_recv(k, c);
}

/* And back. */
static enum kp_step move_out(struct kp *k, struct kp_conn *c)
{
	ssize_t n;

	if (kp_stream_out(c->tls).n > 0)
		return kp_conn_send(k, c);
	if (c->app_ended) {
		if (!c->net_shut)
			(void)shutdown(c->net.fd, SHUT_WR);
		c->net_shut = true;
		return KP_STOPPED;
	}
	n = recv(c->app.fd, k->scratch, sizeof(k->scratch), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return KP_STOPPED;
	if (n < 0 ||
	    (n > 0 && !kp_stream_write(c->tls, (struct ss_span){ k->scratch, (size_t)n }))) {
		kp_conn_end(k, c, KP_OVER_CUT, true);
		return KP_OVER;
	}
	if (n == 0) {
		c->app_ended = true;
		kp_stream_end(c->tls);
	}
	c->out += (uint64_t)n;
	return KP_WENT;
}

enum kp_step kp_carry(struct kp *k, struct kp_conn *c)
{
	const enum kp_step in = move_in(k, c);
	enum kp_step out;

	if (in == KP_OVER)
		return KP_OVER;
	out = move_out(k, c);
	if (out == KP_OVER)
		return KP_OVER;
	if (c->in_ended && c->n == 0 && c->net_shut) {
		kp_conn_end(k, c, KP_OVER_DONE, false);
		return KP_OVER;
	}
	if (in == KP_STOPPED && out == KP_STOPPED)
		return KP_STOPPED;
	c->until_ms = k->now_ms + (c->in_ended || c->app_ended ? KP_HALF_MS : KP_IDLE_MS);
	return KP_WENT;
}

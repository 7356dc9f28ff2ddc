/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "endpoint/ep_pin.h"

/*
 * TLS 1.3 to an endpoint for the application's bytes: nothing waits, so that one thread can serve
 * many. No ALPN is offered: what is written is what the application reads. Who the peer is, is
 * asked with ep_stream_has_key() when the handshake is over; before that nothing is to be written.
 *
 * An end that the peer did not announce (close_notify) was made by somebody on the way, and is
 * EP_STEP_CUT.
 */
struct ep_tls; /* what all streams share */
struct ep_stream;

enum ep_step {
	EP_STEP_DONE,
	EP_STEP_READ,  /* again when the descriptor can be read */
	EP_STEP_WRITE, /* again when it can be written */
	EP_STEP_END,   /* the peer will say no more */
	EP_STEP_CUT,   /* broken, for good */
};

SS_MUST_CHECK SS_NONNULL int ep_tls_new(struct ep_tls **ret, struct ss_err *err);
void ep_tls_free(struct ep_tls *t); /* accepts NULL */

/* `fd`, connected and non-blocking, stays the caller's and outlives the stream. */
SS_MUST_CHECK SS_NONNULL int ep_stream_new(struct ep_tls *t, const struct ep_url *u, int fd,
					   struct ep_stream **ret, struct ss_err *err);
void ep_stream_free(struct ep_stream *s); /* accepts NULL */

SS_NONNULL enum ep_step ep_stream_shake(struct ep_stream *s);
SS_NONNULL bool ep_stream_has_key(const struct ep_stream *s, const struct ep_pin *p);
/* At most n bytes; *ret_n of them, 1 or more, if DONE. */
SS_NONNULL enum ep_step ep_stream_read(struct ep_stream *s, uint8_t *p, size_t n, size_t *ret_n);
/* Some of `s`, which is not empty; *ret_n of them if DONE. What is tried again begins with the same
 * bytes. */
SS_NONNULL enum ep_step ep_stream_write(struct ep_stream *s, struct ss_span bytes, size_t *ret_n);
/* close_notify: nothing is written after it; reading goes on. */
SS_NONNULL enum ep_step ep_stream_end(struct ep_stream *s);

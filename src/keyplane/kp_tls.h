/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "fmt/measured.h"

#include <stdbool.h>

/*
 * The key, and TLS with it: the only file of keyplane that includes libssl's headers. TLS 1.3, one
 * key on P-256 born here and never written down; no tickets, no early data, no resumption.
 *
 * Nothing here waits or owns a descriptor: bytes of the wire go in and out through memory, so a
 * connection can be tested without a socket and the loop decides when anything is read.
 */
struct kp_tls;
struct kp_stream;

/* `entropy` is of the NSM (64 bytes), mixed into OpenSSL's own before the key is made. */
SS_MUST_CHECK SS_NONNULL int kp_tls_new(struct ss_span entropy, struct kp_tls **ret,
					struct ss_err *err);
/* SubjectPublicKeyInfo in DER, and the user_data that binds it; both are the object's. */
SS_NONNULL struct ss_span kp_tls_spki(const struct kp_tls *t);
SS_NONNULL struct ss_span kp_tls_binding(const struct kp_tls *t);
/* A CertificationRequest for these names, DER, appended. */
SS_MUST_CHECK SS_NONNULL int kp_tls_csr(const struct kp_tls *t, struct ss_span names,
					struct ss_buf *ret, struct ss_err *err);
/* Serves this chain from now on: DER, leaf first. SS_EVERIFY: its key is not ours. */
SS_MUST_CHECK SS_NONNULL int kp_tls_set_chain(struct kp_tls *t, struct ss_span chain,
					      struct ss_err *err);

enum kp_protocol { KP_P_NONE, KP_P_SERVICE, KP_P_APP };

enum kp_stream_state {
	KP_S_WANT,  /* more bytes of the wire are needed, or room for them */
	KP_S_OPEN,  /* the handshake is over */
	KP_S_ENDED, /* the peer said close_notify */
	KP_S_CUT,   /* or did not, or broke the protocol: no byte of it counts any more */
};

/* alpn: the measured list of the ingress, in its order. The caller's until kp_stream_free(). */
SS_MUST_CHECK SS_NONNULL int kp_stream_new(struct kp_tls *t, const struct mc_list *alpn,
					   struct kp_stream **ret, struct ss_err *err);
void kp_stream_free(struct kp_stream *s); /* accepts NULL */
/* Bytes that came over the wire; its end is an empty span. */
SS_NONNULL enum kp_stream_state kp_stream_take(struct kp_stream *s, struct ss_span wire);
/* What is to be sent; kp_stream_sent() drops so many. At most one record and the handshake. */
SS_NONNULL struct ss_span kp_stream_out(const struct kp_stream *s);
SS_NONNULL void kp_stream_sent(struct kp_stream *s, size_t n);
/* Plain bytes: as many as there are and fit; as many as a record holds. */
SS_MUST_CHECK SS_NONNULL size_t kp_stream_read(struct kp_stream *s, uint8_t *p, size_t n);
SS_MUST_CHECK SS_NONNULL size_t kp_stream_write(struct kp_stream *s, struct ss_span plain);
SS_NONNULL void kp_stream_end(struct kp_stream *s); /* close_notify */
SS_NONNULL enum kp_protocol kp_stream_protocol(const struct kp_stream *s);
/* True where http = true may look: ALPN is http/1.1 or nothing. */
SS_NONNULL bool kp_stream_is_http1(const struct kp_stream *s);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "fmt/binding.h"
#include "fmt/measured.h"

#include <stdbool.h>

/*
 * The key, and TLS with it: kp_key.c, kp_cert.c and kp_tls.c are the only files of keyplane that
 * include OpenSSL's headers. TLS 1.3, one key on P-256 born here and never written down; no
 * tickets, no early data, no resumption.
 *
 * Nothing here waits or owns a descriptor: bytes of the wire go in and out through memory, so the
 * loop decides when anything is read and how much is held.
 */
struct kp_tls;
struct kp_stream;

#define KP_ALPN_SERVICE MC_ALPN_SERVICE
#define KP_ALPN_SECRETS MC_ALPN_SECRETS
#define KP_ALPN_HTTP1 "http/1.1"

/* `entropy` is of the NSM, mixed into OpenSSL's own before the key is made. */
SS_MUST_CHECK SS_NONNULL int kp_tls_new(struct ss_span entropy, struct kp_tls **ret,
					struct ss_err *err);
/* From now on KP_ALPN_SECRETS is answered: who offers it alone is asked for a certificate. */
SS_NONNULL void kp_tls_take_secrets(struct kp_tls *t);
void kp_tls_free(struct kp_tls *t); /* accepts NULL */
static inline void kp_tls_freep(struct kp_tls **t)
{
	kp_tls_free(*t);
}
#define AUTO_KP_TLS SS_CLEANUP(kp_tls_freep)

/* SubjectPublicKeyInfo in DER, its SHA-256, and the user_data that binds it; all the object's. */
SS_NONNULL struct ss_span kp_tls_spki(const struct kp_tls *t);
SS_NONNULL struct ss_span kp_tls_spki_sha256(const struct kp_tls *t);
SS_NONNULL struct ss_span kp_tls_binding(const struct kp_tls *t);
/* The chain that new handshakes get, DER, leaf first; the object's until the next one is set. */
SS_NONNULL struct ss_span kp_tls_chain(const struct kp_tls *t);

SS_MUST_CHECK SS_NONNULL int kp_sha256(struct ss_span s, uint8_t ret[BINDING_SHA256],
				       struct ss_err *err);

/* --- certificates (kp_cert.c) ---------------------------------------------------------------- */

/*
 * A CertificationRequest for these names, DER, appended. `names`: a count, 1 to FRAME_MAX_NAMES,
 * then each name behind its length (docs/formats/endpoint.md). What the host asks for is not
 * believed, only well-formed: a certificate that it gets for other names binds the same key.
 */
SS_MUST_CHECK SS_NONNULL int kp_tls_csr(const struct kp_tls *t, struct ss_span names,
					struct ss_buf *ret, struct ss_err *err);
/*
 * New handshakes get this chain: DER, leaf first. SS_EVERIFY: the first certificate's key is not
 * ours; SS_ELIMIT: too long, or too many; SS_EINPUT: these are no certificates. Nothing else of
 * them is judged: who verifies does that.
 */
SS_MUST_CHECK SS_NONNULL int kp_tls_set_chain(struct kp_tls *t, struct ss_span chain,
					      struct ss_err *err);
/* Appends the chain as PEM. */
SS_MUST_CHECK SS_NONNULL int kp_tls_put_pem(const struct kp_tls *t, struct ss_buf *ret,
					    struct ss_err *err);

/* --- streams --------------------------------------------------------------------------------- */

enum kp_protocol { KP_P_NONE, KP_P_SERVICE, KP_P_SECRETS, KP_P_APP };

enum kp_stream_state {
	KP_S_SHAKE, /* the handshake goes on */
	KP_S_OPEN,
	KP_S_ENDED, /* the peer said close_notify */
	KP_S_CUT,   /* or did not, or broke the protocol: it gives no byte any more */
};

/* alpn: the measured list of the ingress, in its order; borrowed for the stream's life. */
SS_MUST_CHECK SS_NONNULL int kp_stream_new(struct kp_tls *t, struct mc_list alpn,
					   struct kp_stream **ret, struct ss_err *err);
void kp_stream_free(struct kp_stream *s); /* accepts NULL */
/* Bytes that came over the wire, at most KP_RECORD; an empty span is its end. Only when
 * kp_stream_read() has nothing left, so that what is held stays bounded. */
SS_NONNULL enum kp_stream_state kp_stream_take(struct kp_stream *s, struct ss_span wire);
SS_NONNULL enum kp_stream_state kp_stream_state(const struct kp_stream *s);
/* What is to be sent; kp_stream_sent() drops so many. */
SS_NONNULL struct ss_span kp_stream_out(const struct kp_stream *s);
SS_NONNULL void kp_stream_sent(struct kp_stream *s, size_t n);
/* Plain bytes, as many as there are and fit; 0: none now, kp_stream_state() says why. */
SS_MUST_CHECK SS_NONNULL size_t kp_stream_read(struct kp_stream *s, uint8_t *p, size_t n);
/* At most KP_RECORD bytes, all of which become what is to be sent. False: the stream is broken. */
SS_MUST_CHECK SS_NONNULL bool kp_stream_write(struct kp_stream *s, struct ss_span plain);
SS_NONNULL void kp_stream_end(struct kp_stream *s); /* close_notify */
SS_NONNULL enum kp_protocol kp_stream_protocol(const struct kp_stream *s);
/* Of KP_P_SECRETS: the SHA-256 of the SPKI of the client's certificate, whose key it has. */
SS_NONNULL struct ss_span kp_stream_sender(const struct kp_stream *s);
/* True where http = true may look: ALPN is http/1.1 or nothing. */
SS_NONNULL bool kp_stream_is_http1(const struct kp_stream *s);

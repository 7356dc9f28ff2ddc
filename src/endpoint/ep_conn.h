/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "endpoint/ep_sender.h"
#include "endpoint/ep_url.h"

/*
 * One TLS 1.3 connection to an endpoint: the object that is attested. What was fetched, verified
 * and is then used must be the same struct ep_conn, never a second connection to the same name.
 * This folder is the only one that includes libssl's headers.
 *
 * Who the peer is does not decide the handshake: an enclave's certificate is its own signature, and
 * the key is proven by the document. The handshake proves that the peer has the key; WebPKI is
 * checked beside it and told as a fact. No session is kept, resumed or written down.
 *
 * Everything has a deadline; a broken connection is SS_EREMOTE. The program lives through
 * SIGPIPE, as cli_main() has it.
 */
struct ep_conn;

#define EP_CONNECT_MS 10000u
#define EP_HANDSHAKE_MS 10000u
#define EP_TALK_MS 30000u /* all that is said, from the handshake on */
#define EP_MAX_SPKI 1024u /* public_key of a document */

/* The attestation service: the peer must select it. */
#define EP_ALPN "selfsame/1"
/* The same, and then secrets; the peer must ask who sends them. */
#define EP_ALPN_SECRETS "selfsame-secrets/1"

SS_MUST_CHECK SS_NONNULL int ep_conn_open(const struct ep_url *u, struct ep_conn **ret,
					  struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int ep_conn_open_as(const struct ep_url *u, const struct ep_sender *s,
					     struct ep_conn **ret, struct ss_err *err);
void ep_conn_free(struct ep_conn *c); /* accepts NULL */

static inline void ep_conn_freep(struct ep_conn **c)
{
	ep_conn_free(*c);
}
#define AUTO_CONN SS_CLEANUP(ep_conn_freep)

/* SubjectPublicKeyInfo in DER of the key that signed this handshake; the connection's. */
SS_NONNULL struct ss_span ep_conn_spki(const struct ep_conn *c);
struct sockaddr_storage;
/* Where the peer is; -1: the connection is gone. */
SS_MUST_CHECK SS_NONNULL int ep_conn_address(const struct ep_conn *c, struct sockaddr_storage *ret,
					     unsigned *ret_n);
/* The certificate's chain and name hold against the system's roots, now. */
SS_NONNULL bool ep_conn_is_webpki(const struct ep_conn *c);
/*
 * These roots are not the system's: SSL_CERT_FILE or SSL_CERT_DIR is set, which libssl follows as
 * in every program that uses it. Who sets our environment could as well give us another program;
 * but a verdict that rests on it says so.
 */
bool ep_conn_has_own_roots(void);

SS_MUST_CHECK SS_NONNULL int ep_conn_write(struct ep_conn *c, struct ss_span s, struct ss_err *err);
/* Some bytes, at most n; *ret_n is 0 at an end that the peer said. One that it did not say is an
 * error: somebody may have cut it. */
SS_MUST_CHECK SS_NONNULL int ep_conn_read(struct ep_conn *c, uint8_t *p, size_t n, size_t *ret_n,
					  struct ss_err *err);

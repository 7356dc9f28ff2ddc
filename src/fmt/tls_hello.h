/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * The server name in the first bytes of a TLS connection (RFC 8446 §4.1.2, RFC 6066 §3), without
 * taking part in it. Pure. The ClientHello may be cut over several records.
 */
#define TLS_HELLO_MAX 16384u /* bytes looked through; with so many it is never TLS_HELLO_MORE */

enum tls_hello {
	TLS_HELLO_MORE,    /* could be one; more bytes are needed */
	TLS_HELLO_NOT_TLS, /* the first bytes are no TLS handshake */
	TLS_HELLO_NAME,    /* *ret_name borrows from scratch; any bytes, at least one */
	TLS_HELLO_NO_NAME, /* a ClientHello without a server name */
	TLS_HELLO_BROKEN,  /* TLS, but not in order: to be refused */
	TLS_HELLO_TOO_LONG,
};

/* `scratch` (TLS_HELLO_MAX bytes) takes the handshake message out of its records. */
SS_MUST_CHECK SS_NONNULL enum tls_hello tls_hello_look(struct ss_span in, uint8_t *scratch,
						       struct ss_span *ret_name);

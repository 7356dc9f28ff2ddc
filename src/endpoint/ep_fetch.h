/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "endpoint/ep_conn.h"

/*
 * A document with a fresh nonce, over a connection that is open: what is needed to judge that
 * connection and no other. Nothing is judged here. The service ends the connection with its answer.
 */
#define EP_NONCE_SIZE 32u
#define EP_MAX_DOCUMENT ((size_t)32 * 1024) /* ATT_DOCUMENT_MAX */

struct ep_evidence {
	uint8_t nonce[EP_NONCE_SIZE];
	struct ss_buf document; /* as it came */
};

#define EP_EVIDENCE_INIT                                                                           \
	{                                                                                          \
		.document = SS_BUF_INIT(EP_MAX_DOCUMENT)                                           \
	}

/*
 * Asks and reads the answer to its end. All but a 200 with application/cbor and a Content-Length of
 * 1 to EP_MAX_DOCUMENT is SS_EREMOTE: a redirect leads to another peer and is never followed.
 * ep_evidence_done() after 0 and -1 alike.
 */
SS_MUST_CHECK SS_NONNULL int ep_fetch(struct ep_conn *c, const struct ep_url *u,
				      struct ep_evidence *ret, struct ss_err *err);
SS_NONNULL void ep_evidence_done(struct ep_evidence *e);
#define AUTO_EVIDENCE SS_CLEANUP(ep_evidence_done)

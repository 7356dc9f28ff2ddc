/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_expect.h"
#include "endpoint/ep_fetch.h"

/*
 * The peer that `verify URL` judges: asked once, over one connection, which lives until the verdict
 * is made. `url`, `is_url` and the two permissions of `peer` are the caller's to fill.
 */
struct cli_endpoint {
	bool is_url;
	struct ep_url url;
	const struct ep_sender *sender; /* NULL, or whose secrets will be sent */
	struct ep_conn *conn;
	uint8_t nonce[EP_NONCE_SIZE];
	struct att_endpoint peer; /* borrows from url and conn */
};

/* The document goes to `document` as it came. cli_endpoint_done() after 0 and -1 alike. */
SS_MUST_CHECK SS_NONNULL int cli_endpoint_ask(struct cli_endpoint *ep, struct ss_buf *document,
					      struct ss_err *err);
SS_NONNULL void cli_endpoint_done(struct cli_endpoint *ep);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

/* What the service answers, as the bytes of it; docs/formats/endpoint.md has the table. Pure. */
#define KP_MAX_REPLY ((size_t)64 * 1024) /* a chain in PEM is the longest */

/* goes_on: another request may follow. */
SS_NONNULL void kp_reply_document(struct ss_buf *b, struct ss_span document, bool goes_on);
/* 204, to a secret; another request may follow. */
SS_NONNULL void kp_reply_taken(struct ss_buf *b);
/* etag: the SHA-256 of the SPKI. */
SS_NONNULL void kp_reply_chain(struct ss_buf *b, struct ss_span pem, struct ss_span etag);
/* key: the SHA-256 of the document's public_key. */
SS_NONNULL void kp_reply_recipient(struct ss_buf *b, struct ss_span document, struct ss_span key);
SS_NONNULL void kp_reply_bytes(struct ss_buf *b, struct ss_span bytes);
/* 400, 403, 404, 405, 409, 413, 431, 500 or 503: no body. allow: of 405, the methods; else NULL. */
void kp_reply_status(struct ss_buf *b, unsigned status, const char *allow);

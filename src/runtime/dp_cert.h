/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/frame.h"
#include "fmt/key_link.h"
#include "runtime/dp_loop.h"

/*
 * What the host asks of the TLS key: a request for a certificate, a chain that it hands in
 * (docs/formats/endpoint.md). dataplane only carries it: a question is copied, goes to keyplane as
 * soon as the pair has room, and while it is there, or its answer waits for the stream, the host's
 * next word is not read. Where there is no keyplane the answer says so.
 *
 * A host that hangs up leaves its question behind: what keyplane answers is dropped.
 */
struct dp_cert {
	bool waiting; /* for room in the pair */
	bool asked;   /* keyplane answers */
	bool is_left; /* but nobody wants it */
	bool due;     /* the answer, for the host */
	struct kp_link_head head;
	size_t n_text;
	uint8_t text[KP_LINK_MAX_TEXT]; /* of the question */
	struct frame answer;
	uint8_t csr[FRAME_MAX_CSR];
};

/* A CSR_ASK or CHAIN of the host; nothing is under way. */
SS_NONNULL void dp_cert_ask(struct dp *d, const struct frame *f);
/* A question is under way. */
SS_NONNULL bool dp_cert_is_busy(const struct dp *d);
/* Appends the answer, where it is due. */
SS_NONNULL void dp_cert_put(struct dp *d, struct ss_buf *b);
SS_NONNULL void dp_cert_leave(struct dp *d);
/* The pair has room again. */
SS_NONNULL void dp_cert_send(struct dp *d);
/* What keyplane says. False: nobody asked it, or not for this. */
SS_MUST_CHECK SS_NONNULL bool dp_cert_answer(struct dp *d, const struct kp_link_head *h,
					     struct ss_span text);

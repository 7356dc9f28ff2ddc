/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "fmt/frame.h"
#include "fmt/key_link.h"
#include "keyplane/kp_watch.h"

/*
 * What is said to dataplane. What has no room in the pair waits, at most as much as there can be of
 * it.
 */
#define KP_TELL_QUEUE 16384u

struct kp_peer {
	struct kp_watch w;
	struct kp_link_head *queue; /* a ring */
	uint32_t first, n;
	bool has_answer; /* to dataplane's last question, which has no other before that */
	struct kp_link_head answer;
	uint8_t answer_text[FRAME_MAX_CSR];
};

SS_MUST_CHECK SS_NONNULL int kp_tell_init(struct kp *k, int fd, struct ss_err *err);
/* Sooner or later. A dataplane that reads nothing is the end: there is no enclave without it. */
SS_NONNULL void kp_tell(struct kp *k, const struct kp_link_head *h);
/* To dataplane's question; `text` fits, and the last answer has gone. */
SS_NONNULL void kp_tell_answer(struct kp *k, enum kp_link_type type, unsigned said,
			       struct ss_span text);
/* At once or not at all, which is false: who wants it says it again. */
SS_NONNULL bool kp_tell_text(struct kp *k, const struct kp_link_head *h, struct ss_span text);
/* A line for the log, at once or not at all. */
SS_NONNULL SS_PRINTF(2, 3) void kp_say(struct kp *k, const char *fmt, ...);
/* There is room in the pair. */
SS_NONNULL void kp_tell_flush(struct kp *k);

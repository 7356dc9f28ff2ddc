/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/frame.h"
#include "fmt/key_link.h"
#include "keyplane/kp_loop.h"

/* keyplane's end of it. What has no room in the pair waits, at most as much as there can be of it.
 */
#define KP_LINK_QUEUE 16384u

struct kp_peer {
	struct kp_watch w;
	struct kp_link_head *queue; /* a ring */
	uint32_t first, n;
	struct ss_buf chain; /* as it comes, part by part */
	bool has_answer;     /* to dataplane's last question, which has no other before that */
	struct kp_link_head answer;
	uint8_t answer_text[FRAME_MAX_CSR];
};

SS_MUST_CHECK SS_NONNULL int kp_link_init(struct kp *k, int fd, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int kp_link_event(struct kp *k, uint32_t events, struct ss_err *err);
/* Sooner or later. A dataplane that reads nothing is the end: there is no enclave without it. */
SS_NONNULL void kp_link_tell(struct kp *k, const struct kp_link_head *h);
/* At once or not at all: who wanted it asks again. */
SS_NONNULL void kp_link_text(struct kp *k, const struct kp_link_head *h, struct ss_span text);

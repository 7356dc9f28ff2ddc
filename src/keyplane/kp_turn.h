/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyplane/kp_conn.h"

/*
 * The stages of a connection: what moves it on, from the handshake to its end, as far as there are
 * bytes and its turn goes.
 */
/* What dataplane says of one; fd is then ours. -1: this cannot be. */
SS_MUST_CHECK SS_NONNULL int kp_turn_take(struct kp *k, const struct kp_link_head *h, int fd,
					  struct ss_err *err);
SS_NONNULL void kp_turn_app(struct kp *k, uint64_t id, int fd);
SS_NONNULL void kp_turn_no_app(struct kp *k, uint64_t id);

SS_NONNULL void kp_turn_event(struct kp *k, struct kp_watch *w);
SS_NONNULL void kp_turn_again(struct kp *k); /* those that had their turn */
SS_NONNULL void kp_turn_sweep(struct kp *k); /* those whose time is over */
/* It left the queue of the NSM: for a document, or with its time over. */
SS_NONNULL void kp_turn_document(struct kp *k, struct kp_waiter *w);
SS_NONNULL void kp_turn_busy(struct kp *k, struct kp_waiter *w);

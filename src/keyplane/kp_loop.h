/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/* One thread, one epoll descriptor: whose turn it is. Above everything else here. */
struct kp;

/* Deadlines are looked at so often: all of them are seconds. */
#define KP_SWEEP_MS 250u

SS_MUST_CHECK SS_NONNULL int kp_loop_init(struct kp *k, struct ss_err *err);
/* One round: waits, handles what is ready, asks the NSM once, ends what is due. */
SS_MUST_CHECK SS_NONNULL int kp_loop_round(struct kp *k, struct ss_err *err);

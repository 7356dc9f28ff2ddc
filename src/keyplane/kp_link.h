/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdint.h>

/* What dataplane says: connections, the application's ends, questions about the certificate. */
struct kp;

/* -1: dataplane has ended, or says what it may not say. */
SS_MUST_CHECK SS_NONNULL int kp_link_event(struct kp *k, uint32_t events, struct ss_err *err);

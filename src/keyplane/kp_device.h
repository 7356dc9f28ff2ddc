/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "nsm/nsm.h"

/*
 * The NSM, as keyplane reaches it: the device in the enclave (kp_device.c), something else in
 * tests, which link it in its place. A call waits for the answer, which is written to `room`
 * (NSM_MAX_RESPONSE bytes) and lent as *ret.
 */
SS_MUST_CHECK SS_NONNULL int kp_device_call(struct ss_span request, uint8_t *room,
					    struct ss_span *ret, struct ss_err *err);
/* Monotonic; of the same clock as the loop's. */
uint64_t kp_now_ms(void);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

/*
 * Tells the parent instance that the enclave is up, the way that its tools expect: one byte 0xB7 to
 * CID 3, port 9000, and the same byte back. Nothing is believed for it. *ret_no_vsock says that
 * there is no vsock device at all; then -1 comes back, too.
 */
SS_MUST_CHECK SS_NONNULL int rt_heartbeat(bool *ret_no_vsock, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdint.h>

/* TCP connections, and waiting for them no longer than until a moment of io_clock_steady_ms(). */

/*
 * Connects to one of the name's addresses, in the order of the system's resolver. *ret_fd does not
 * block and is the caller's. SS_EREMOTE: nobody took the connection by `until_ms`.
 */
SS_MUST_CHECK SS_NONNULL int io_dial(const char *host, const char *port, uint64_t until_ms,
				     int *ret_fd, struct ss_err *err);

/* Until the descriptor may be read or written: SS_EREMOTE when `until_ms` has passed. */
SS_MUST_CHECK SS_NONNULL int io_wait_read(int fd, uint64_t until_ms, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int io_wait_write(int fd, uint64_t until_ms, struct ss_err *err);

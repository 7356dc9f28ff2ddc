/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * SIGINT, SIGTERM and SIGHUP, while something has to be tidied before we may end by them.
 *
 * Between watch and unwatch a signal that stands at its default action is only noted, and the
 * descriptor becomes readable. The last unwatch puts the default back and raises the noted signal
 * again. Signals that are ignored or handled by somebody else stay theirs. Any thread, any number.
 */
SS_MUST_CHECK SS_NONNULL int io_stop_watch(int *ret_fd, struct ss_err *err);
void io_stop_unwatch(void);

/* The signal noted since the first watch, or 0. */
int io_stop_signal(void);

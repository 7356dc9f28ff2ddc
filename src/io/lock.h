/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * An exclusive lock on a folder itself: no lock file, and it goes with the descriptor, however the
 * program ends. Waits for whoever has it.
 */
SS_MUST_CHECK SS_NONNULL int io_lock_dir(const char *dir, int *ret_fd, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/* Lower-case hexadecimal, the only form this project writes; both cases are read. */

/* Writes 2 * s.n digits and a NUL to `ret`, which holds at least 2 * s.n + 1 bytes. */
SS_NONNULL void ss_hex(struct ss_span s, char *ret);

/* True if `text` is exactly 2 * n digits; only then `ret` (n bytes) is written. */
SS_MUST_CHECK SS_NONNULL bool ss_unhex(const char *text, uint8_t *ret, size_t n);

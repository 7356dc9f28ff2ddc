/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * Any of a few strings of bytes in a long text, in one pass: Wu and Manber's shift, by the last two
 * bytes of a window as long as the strings are, which is the same for all (2 to 255 bytes).
 */
#define FIND_MAX 8u

struct find_any {
	size_t n, len;
	uint8_t what[FIND_MAX][255];
	uint8_t shift[1 << 16];
};

SS_NONNULL void find_any_init(struct find_any *f, size_t len);
/* One more; `len` bytes are taken. At most FIND_MAX. */
SS_NONNULL void find_any_add(struct find_any *f, const uint8_t *what);
SS_NONNULL bool find_any_is_in(const struct find_any *f, struct ss_span text);

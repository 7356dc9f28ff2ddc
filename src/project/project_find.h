/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * Any of a few strings of bytes in a long text, in one pass: Wu and Manber's shift, by the last two
 * bytes of a window as long as the strings are, which is the same for all (2 to 255 bytes).
 */
#define PROJECT_FIND_MAX 8u

struct project_find {
	size_t n, len;
	uint8_t what[PROJECT_FIND_MAX][255];
	uint8_t shift[1 << 16];
};

SS_NONNULL void project_find_init(struct project_find *f, size_t len);
/* One more; `len` bytes are taken. At most PROJECT_FIND_MAX. */
SS_NONNULL void project_find_add(struct project_find *f, const uint8_t *what);
SS_NONNULL bool project_find_is_in(const struct project_find *f, struct ss_span text);

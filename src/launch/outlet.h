/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "launch/loop.h"

/*
 * Standard output and standard error of a run in the foreground. Whoever reads them may be slow,
 * and the descriptors are shared with others, so that they cannot be made non-blocking: a thread
 * writes. What waits is bounded: the owner stops its source when the outlet is full, and goes on
 * when it is told that there is room.
 */
#define OUTLET_ROOM ((size_t)1024 * 1024) /* full from here on; a little more still fits */

enum outlet_to { OUTLET_OUT, OUTLET_ERR };

struct outlet;

/* Called from the loop: there is room again, or `failed` (errno) says why there never will be. */
typedef void (*outlet_news)(void *ctx, int failed);

/* The descriptors are borrowed. */
SS_MUST_CHECK SS_NONNULL int outlet_new(struct loop *l, int out_fd, int err_fd, outlet_news news,
					void *ctx, struct outlet **ret, struct ss_err *err);
/*
 * Waits until all is written, or with `now` writes what needs no waiting, for some seconds at most,
 * and forgets the rest; accepts NULL.
 */
void outlet_free(struct outlet *o, bool now);
SS_NONNULL void outlet_put(struct outlet *o, enum outlet_to to, struct ss_span s);
SS_MUST_CHECK SS_NONNULL bool outlet_is_full(struct outlet *o);
/* Nothing waits any more. */
SS_MUST_CHECK SS_NONNULL bool outlet_is_empty(struct outlet *o);

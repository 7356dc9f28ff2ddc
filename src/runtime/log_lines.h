/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * A stream of bytes, cut into lines of at most RT_LINE_MAX bytes. The newline is no part of a line;
 * everything else is, whatever it is. What is longer comes in pieces, each but the last marked
 * `goes_on`. What has no newline yet waits for it, or for the stream's end.
 */
#define RT_LINE_MAX 8192u

struct rt_lines {
	size_t n;
	uint8_t room[RT_LINE_MAX];
};

typedef void (*rt_line_fn)(void *ctx, struct ss_span line, bool goes_on);

SS_NONNULL void rt_lines_put(struct rt_lines *l, struct ss_span s, rt_line_fn fn, void *ctx);
/* The stream is over; another may begin. */
SS_NONNULL void rt_lines_end(struct rt_lines *l, rt_line_fn fn, void *ctx);

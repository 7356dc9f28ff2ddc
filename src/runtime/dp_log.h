/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/frame.h"
#include "runtime/dp_limits.h"

/*
 * Lines on their way to the host, in a ring of fixed size. When it is full the oldest lines give
 * way to the newest, and are counted. Pure.
 */
struct dp_line {
	enum frame_source source;
	uint8_t flags;
	uint64_t time_ns;
	struct ss_span text; /* at most FRAME_MAX_LINE bytes count */
};

struct dp_log {
	size_t first, used;              /* of `ring` */
	uint64_t lines;                  /* ever put in */
	uint64_t lost_lines, lost_bytes; /* ever */
	uint64_t told_lines, told_bytes; /* of these: what the host was told */
	uint8_t ring[DP_LOG_RING];
};

SS_NONNULL void dp_log_put(struct dp_log *l, const struct dp_line *line);
/* Lines that never came here. */
SS_NONNULL void dp_log_lost(struct dp_log *l, uint64_t lines, uint64_t bytes);
/* Takes the oldest line out; its text goes to `room`. False: there is none. */
SS_NONNULL bool dp_log_take(struct dp_log *l, uint8_t room[FRAME_MAX_LINE], struct dp_line *ret);

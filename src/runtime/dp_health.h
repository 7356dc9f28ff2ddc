/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/frame.h"
#include "runtime/dp_loop.h"

/*
 * The application's state as the host is told it, from what init says and what the measured check
 * finds: a TCP connection, or the status line of an HTTP answer.
 *
 *   STARTING ──(first check well; without a check: at once)──▶ READY ◀──▶ FAILING (n in a row)
 *      ▲  └── RESTARTING ◀── it ended and will be started again ── from each of these
 *   WAITING: for what must come before its first start; then STARTING
 *   DRAINING: it was told to stop; final
 */
#define DP_HEALTH_LINE 512u /* of an HTTP answer: the status line */
#define DP_HEALTH_ANSWER                                                                           \
	(1u << 20) /* and all of it: read, so that the application need not fail                   \
		    */

struct dp_health {
	enum frame_state state;
	size_t n_reason;
	uint8_t reason[FRAME_MAX_TEXT];
	bool running;      /* the application is */
	uint32_t failures; /* in a row */
	uint32_t wait_ms;  /* until the next check while starting */
	uint64_t starts, checks_well, checks_failed;
	struct dp_timer next, limit;
	struct dp_timers nexts, limits;
	struct dp_watch w; /* the check under way */
	bool sent, judged;
	size_t n_line, n_answer;
	char line[DP_HEALTH_LINE];
};

SS_NONNULL void dp_health_init(struct dp *d);
SS_NONNULL void dp_health_event(struct dp *d, struct dp_watch *w, uint32_t events);
SS_NONNULL void dp_health_started(struct dp *d, uint32_t before);
SS_NONNULL void dp_health_waits(struct dp *d, struct ss_span why);
SS_NONNULL void dp_health_down(struct dp *d, struct ss_span why);
SS_NONNULL void dp_health_drain(struct dp *d);

/* The status of an HTTP answer's first line, without its end; -1: it is none (RFC 9112 §4). */
SS_MUST_CHECK int dp_health_status(struct ss_span line);

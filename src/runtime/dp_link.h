/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/dp_loop.h"
#include "runtime/plane.h"

/*
 * The pair to init (plane.h). What init says is handed on to who it is for; what is to be said to
 * init waits here if the pair is full, one of each kind.
 */
struct dp_link {
	struct dp_watch w;
	bool ready_due, time_due, stop_due, flushed_due;
	uint64_t time_ns;
	uint32_t grace_ms;
	uint64_t time_at_ms; /* when the last time was passed on */
};

SS_MUST_CHECK SS_NONNULL int dp_link_init(struct dp *d, int fd, struct ss_err *err);
SS_NONNULL void dp_link_event(struct dp *d, struct dp_watch *w, uint32_t events);

SS_NONNULL void dp_link_ready(struct dp *d);
SS_NONNULL void dp_link_flushed(struct dp *d);
/* The host's words. */
SS_NONNULL void dp_link_time(struct dp *d, uint64_t time_ns);
SS_NONNULL void dp_link_stop(struct dp *d, uint32_t grace_ms);

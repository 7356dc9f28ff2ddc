/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/frame.h"
#include "runtime/dp_loop.h"

/*
 * The control stream (docs/formats/vsock.md): one host at a time. What comes in is one frame
 * and is read only when what it asked for before has been answered; what goes out is made when the
 * stream takes it, so a host that does not read holds up nothing but lines, which are counted.
 */
#define DP_CONTROL_IN (FRAME_HEAD + 8u + FRAME_MAX_PART) /* the longest: a part of a chain */
#define DP_CONTROL_OUT (FRAME_HEAD + FRAME_MAX_BODY + FRAME_HEAD + FRAME_MAX_LINE + 256u)

struct dp_control {
	struct dp_watch call; /* the listener */
	struct dp_watch w;    /* the stream */
	struct dp_timer timer;
	struct dp_timers hello, flush;
	uint64_t streams;     /* ever */
	bool host_known;      /* a host has said HELLO: then this is its port */
	uint32_t egress_port; /* 0: it has none */
	bool greeted;
	bool welcome_due, state_due, metrics_due;
	bool resumes; /* what was asked for is answered: what is in `in` has its turn */
	bool exit_known, exit_sent;
	struct frame exit;
	uint8_t exit_text[FRAME_MAX_TEXT];
	size_t n_in, n_out, at_out;
	uint64_t lines_out, bytes_out; /* of lines in `out`: lost, if the stream ends */
	uint8_t in[DP_CONTROL_IN];
	uint8_t out[DP_CONTROL_OUT];
};

SS_MUST_CHECK SS_NONNULL int dp_control_init(struct dp *d, struct ss_err *err);
SS_NONNULL void dp_control_call_event(struct dp *d, struct dp_watch *w, uint32_t events);
SS_NONNULL void dp_control_event(struct dp *d, struct dp_watch *w, uint32_t events);
/* There is something new to say: a line, a state. */
SS_NONNULL void dp_control_kick(struct dp *d);
/* What the next word of the host waited for is over. */
SS_NONNULL void dp_control_resume(struct dp *d);
SS_NONNULL void dp_control_state(struct dp *d);
/* The last that is said; then init is told. */
SS_NONNULL void dp_control_exit(struct dp *d, uint8_t kind, uint8_t value, struct ss_span reason);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/frame.h"
#include "runtime/dp_names.h"
#include "runtime/dp_pair.h"
#include "runtime/dp_report.h"

/*
 * An egress stream up to the host's OPENED: connect, OPEN, and an answer of exactly twelve bytes.
 * The stream is the DP_HOST end of a pair. Who is called is a name or an address, never both.
 */
struct dp_target {
	enum frame_transport transport;
	struct dp_place place; /* what the application calls */
	struct dp_name *name;  /* the name that this address stands for, or NULL */
};
#define DP_TARGET_TEXT 320u

struct dp_dial {
	uint8_t n_got;
	uint8_t got[FRAME_HEAD + 4];
	bool sent;
};

/* Calls the host. False with *ret_why. */
SS_NONNULL bool dp_dial_begin(struct dp *d, struct dp_pair *p, struct dp_dial *dial,
			      enum dp_why *ret_why);
enum dp_dial_state { DP_DIAL_WAITS, DP_DIAL_OPEN, DP_DIAL_REFUSED };
/* After an event: goes on. *ret_why with REFUSED. */
SS_NONNULL enum dp_dial_state dp_dial_step(struct dp *d, struct dp_pair *p, struct dp_dial *dial,
					   const struct dp_target *to, enum dp_why *ret_why);
/* A host said HELLO: what waited for it goes on. */
SS_NONNULL void dp_dial_host_came(struct dp *d);

/* Keeps the name's address from being given away, and lets it go. */
SS_NONNULL void dp_target_hold(const struct dp_target *t);
SS_NONNULL void dp_target_release(struct dp_target *t);
/* "tcp example.org:443", for lines. */
SS_NONNULL const char *dp_target_show(const struct dp_target *t, char ret[DP_TARGET_TEXT]);
/* Is the application allowed to call it? Finds the name. */
SS_NONNULL bool dp_target_judge(struct dp *d, enum frame_transport transport,
				const struct dp_place *place, struct dp_target *ret,
				enum dp_why *ret_why);

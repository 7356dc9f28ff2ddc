/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What dataplane itself says (to the host, as lines, where the config lets logs out), and what it
 * counts. Refusals are all counted; their lines are limited in rate, since an application can be
 * refused as often as it likes.
 */
struct dp;

enum dp_why {
	DP_W_NOT_LISTED, /* not on the allow-list */
	DP_W_NO_NAME,    /* an address of ours that stands for no name */
	DP_W_OTHER_SNI,  /* TLS asks for another server */
	DP_W_NO_SNI,     /* TLS does not say which */
	DP_W_BAD_TLS,
	DP_W_LIMIT,   /* of ours */
	DP_W_NO_HOST, /* the host did not say where its end is, or is not there */
	DP_W_HOST_LIST,
	DP_W_HOST_NAME,
	DP_W_HOST_REFUSED,
	DP_W_HOST_UNREACHABLE,
	DP_W_HOST_TIMED_OUT,
	DP_W_HOST_BUSY,
	DP_W_HOST_BROKEN, /* it answers otherwise than docs/formats/vsock.md says, or not */
	DP_W_KIND,        /* no TCP, no UDP: nothing else is carried */
	DP_W_COUNT,
};

/* "not on the allow-list" … for people; "not_listed" … for metrics. */
const char *dp_why_text(enum dp_why why);
const char *dp_why_label(enum dp_why why);

SS_NONNULL SS_PRINTF(2, 3) void dp_say(struct dp *d, const char *fmt, ...);
/* "refused: <what>: <why>"; counts. */
SS_NONNULL SS_PRINTF(3, 4) void dp_refused(struct dp *d, enum dp_why why, const char *fmt, ...);

struct dp_refusals {
	uint64_t n[DP_W_COUNT];
	uint64_t unsaid;   /* since the last line */
	uint64_t ready_ms; /* from then on a line may be said; less than now: a burst is left */
};

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * Names from outside, made fit for a message or a terminal: bytes that are not UTF-8, control
 * characters, marks that turn the direction of text, backslash and "'" become \xNN; what is
 * longer than the room keeps its two ends around "...". For people, not for round trips.
 */
#define SS_SHOWN_MAX 208u

struct ss_shown {
	char text[SS_SHOWN_MAX];
};

/* Returns ret->text. */
SS_NONNULL const char *ss_show(struct ss_span s, struct ss_shown *ret);

/* `ss_fail(err, SS_EINPUT, "'%s' is absolute", SS_SHOW(name))`: lives until the block ends. */
#define SS_SHOW(s) ss_show((s), &(struct ss_shown){ { 0 } })

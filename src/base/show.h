/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

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

/*
 * For results, whole: appends `s` to `b`, escaped in the same way but with "'" as it is. Up to 4
 * bytes a byte.
 */
SS_NONNULL void ss_show_all(struct ss_buf *b, struct ss_span s);

/* For lines that we or a program we run composed, and which may hold such escapes already (error
 * messages, an engine's output): the backslash stays too. */
SS_NONNULL void ss_show_line(struct ss_buf *b, struct ss_span s);

/* True if `s` is well-formed UTF-8 (RFC 3629: no surrogates, no over-long forms) without NUL. */
SS_MUST_CHECK bool ss_is_text(struct ss_span s);

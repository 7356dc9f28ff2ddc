/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/lock_input.h"

/*
 * What of a server's head becomes part of an entry: the media type, and the few fields that a
 * program may depend on (docs/formats/inputs.md). All else is of the day, of the machine or of the
 * user.
 */
SS_MUST_CHECK SS_NONNULL bool rec_answer_is_kept(struct ss_span name);

/*
 * Takes a field into `in`, or leaves it. `url` is what was asked for, as a redirect may be relative
 * to it. A redirect to where only the bearer may go (a signed URL) is taken without its secrets,
 * and `secret` (may be NULL) hears of both forms.
 */
void rec_answer_put(struct cfg_input *in, const char *url, struct ss_span name,
		    struct ss_span value,
		    void (*secret)(void *ctx, const char *plain, const char *real), void *ctx);

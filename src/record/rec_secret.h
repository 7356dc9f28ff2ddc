/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "record/rec_head.h"

/*
 * The credentials of one request, and whether an answer repeats one: such an answer goes to the
 * step and is kept nowhere. Looked for are the values of Authorization, Cookie, Private-Token and
 * X-Api-Key and of the URL's secret parameters, as they were sent and with one coding undone
 * (Basic, %XX). What is shorter than REC_SECRET_MIN bytes is in many a page by chance, and is not
 * looked for.
 */
#define REC_SECRET_MIN 6u
#define REC_SECRETS_MAX 64u

struct rec_watch {
	struct ss_buf text; /* all of them */
	size_t at[REC_SECRETS_MAX];
	size_t size[REC_SECRETS_MAX];
	size_t n;
	size_t longest;
	struct ss_buf tail; /* the end of what was seen: one may lie across */
	bool seen;
};

#define REC_WATCH_NONE                                                                             \
	{                                                                                          \
		.n = 0                                                                             \
	}

/* `url` is what is asked for, with its secrets. */
SS_NONNULL void rec_watch_begin(const struct rec_head *h, const char *url, struct rec_watch *ret);
/* The next bytes of the answer's body. */
SS_NONNULL void rec_watch_put(struct rec_watch *w, struct ss_span bytes);
/* Whether something else, whole, has one of them; notes it. */
SS_NONNULL bool rec_watch_has(struct rec_watch *w, struct ss_span text);
void rec_watch_done(struct rec_watch *w);

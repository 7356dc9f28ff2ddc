/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One thread that waits for descriptors and times, for all that serves an enclave. Watches and
 * timers are members of their owners' structs, which get back to themselves with LOOP_OWNER(); an
 * owner takes them out before it goes, also in the middle of a round.
 *
 * Level-triggered: what was not read is told again. No callback may wait.
 */
struct loop;

struct loop_fd {
	int fd;          /* borrowed */
	uint32_t events; /* EPOLLIN … as it stands in the kernel; 0 = only errors and hang-ups */
	bool added;
	void (*on)(struct loop_fd *f, uint32_t events);
};

struct loop_timer {
	uint64_t at_ms; /* on loop_now()'s clock */
	size_t slot;    /* in the heap, from 1; 0 = not set */
	void (*on)(struct loop_timer *t);
};

/* Not inline: gcc would take the member for the whole of what the pointer may point into. */
SS_NONNULL void *loop_owner(void *member, size_t at);
#define LOOP_OWNER(p, type, member) ((type *)loop_owner((p), offsetof(type, member)))

SS_MUST_CHECK SS_NONNULL int loop_new(struct loop **ret, struct ss_err *err);
void loop_free(struct loop *l); /* accepts NULL */

/* f->fd, f->on are set. -1: the system has no room for another watch. */
SS_MUST_CHECK SS_NONNULL int loop_add(struct loop *l, struct loop_fd *f, uint32_t events,
				      struct ss_err *err);
/* Other events; does nothing if they are the same, or if the watch was never added. */
SS_NONNULL void loop_want(struct loop *l, struct loop_fd *f, uint32_t events);
/* Out of it; before the descriptor is closed. Accepts one that was never added. */
SS_NONNULL void loop_remove(struct loop *l, struct loop_fd *f);

/* In `ms` from now, once; a timer that is set already is moved. */
SS_NONNULL void loop_after(struct loop *l, struct loop_timer *t, uint64_t ms);
SS_NONNULL void loop_cancel(struct loop *l, struct loop_timer *t);

/* Milliseconds of the monotonic clock. */
uint64_t loop_now(void);

/* One round: waits for the first thing to happen, at most `max_ms` (-1: as long as it takes). */
SS_MUST_CHECK SS_NONNULL int loop_turn(struct loop *l, int max_ms, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/*
 * One thread, one epoll descriptor: watches (what is ready), timers (what is due) and slots (fixed
 * pools). Everything belongs to the caller and is linked in; nothing is allocated. A slot that is
 * given back is not used again before the round is over, so that an event which was already
 * fetched for it finds a watch without a descriptor, never somebody else's.
 */
struct dp;

/* Who handles a watch: a row of the table that dp_loop_init() gets. */
enum dp_kind {
	DP_K_LINK,
	DP_K_CONTROL_CALL,
	DP_K_CONTROL,
	DP_K_INGRESS_CALL,
	DP_K_INGRESS,
	DP_K_HEALTH,
	DP_K_TUN,
	DP_K_TCP_CALL,
	DP_K_TCP,
	DP_K_UDP,
	DP_K_DNS,
	DP_K_KEY,
	DP_K_LAST = DP_K_KEY,
};

struct dp_watch {
	int fd; /* -1: none */
	uint32_t events;
	uint8_t kind;
	uint8_t side; /* the owner's: which of its watches */
	bool added;
};

typedef void (*dp_handler)(struct dp *d, struct dp_watch *w, uint32_t events);

struct dp_timer {
	struct dp_timer *prev; /* NULL: not set */
	struct dp_timer *next;
	uint64_t at_ms;
};

/* Timers in the order in which they are due. Taken out of the list before `expired` is called. */
struct dp_timers {
	struct dp_timer head;
	uint32_t after_ms;
	void (*expired)(struct dp *d, struct dp_timer *t);
};

struct dp_slots {
	uint8_t *base;
	size_t size;
	uint32_t *next; /* n numbers, the caller's */
	uint32_t n, used;
	uint32_t free, gone; /* heads of two chains */
};

#define DP_MAX_TIMERS 32u
#define DP_MAX_SLOTS 8u
#define DP_NONE UINT32_MAX

struct dp_loop {
	int epoll_fd;
	uint64_t now_ms; /* monotonic, of this round */
	struct dp *dp;
	const dp_handler *handlers;
	struct dp_timers *timers[DP_MAX_TIMERS];
	size_t n_timers;
	struct dp_slots *slots[DP_MAX_SLOTS];
	size_t n_slots;
};

SS_MUST_CHECK SS_NONNULL int dp_loop_init(struct dp_loop *l, struct dp *d,
					  const dp_handler *handlers, struct ss_err *err);
/* One round: waits, handles what is ready and what is due. */
SS_MUST_CHECK SS_NONNULL int dp_loop_round(struct dp_loop *l, struct ss_err *err);

/* Changes what is waited for. False: the kernel has no memory for it, which can be only the first
 * time. */
SS_NONNULL bool dp_watch_set(struct dp_loop *l, struct dp_watch *w, uint32_t events);
/* Closes the descriptor. */
SS_NONNULL void dp_watch_close(struct dp_watch *w);
/* The same where somebody else has it, too: closing alone would leave it in epoll. */
SS_NONNULL void dp_watch_hand_over(struct dp_loop *l, struct dp_watch *w);

SS_NONNULL void dp_timers_init(struct dp_loop *l, struct dp_timers *t, uint32_t after_ms,
			       void (*expired)(struct dp *d, struct dp_timer *t));
/* A list that no loop looks at: an order, by time. */
SS_NONNULL void dp_timers_aside(struct dp_timers *t, uint32_t after_ms);
/* Sets (again): due after the list's time, or at a time of its own. */
SS_NONNULL void dp_timer_set(struct dp_loop *l, struct dp_timers *list, struct dp_timer *t);
SS_NONNULL void dp_timer_set_at(struct dp_timers *list, struct dp_timer *t, uint64_t at_ms);
SS_NONNULL void dp_timer_stop(struct dp_timer *t);
/* The timer that is due first, or NULL. */
SS_NONNULL struct dp_timer *dp_timers_first(const struct dp_timers *list);

SS_NONNULL void dp_slots_init(struct dp_loop *l, struct dp_slots *s, void *base, size_t size,
			      uint32_t *next, uint32_t n);
/* NULL when all are in use. Not cleared. */
SS_NONNULL void *dp_slots_take(struct dp_slots *s);
SS_NONNULL void dp_slots_give(struct dp_slots *s, const void *p);
/* What was given back can be taken at once: for slots that no watch points to. */
SS_NONNULL void dp_slots_settle(struct dp_slots *s);
SS_NONNULL uint32_t dp_slots_index(const struct dp_slots *s, const void *p);
SS_NONNULL void *dp_slots_at(const struct dp_slots *s, uint32_t i);

/* The struct that has `member` at p. */
#define DP_OWNER(p, type, member) ((type *)(void *)((uint8_t *)(p)-offsetof(type, member)))

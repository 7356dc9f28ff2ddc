/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_loop.h"

#include <errno.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#define ROUND_EVENTS 128

static uint64_t monotonic_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

int dp_loop_init(struct dp_loop *l, struct dp *d, const dp_handler *handlers, struct ss_err *err)
{
	*l = (struct dp_loop){ .dp = d, .handlers = handlers, .now_ms = monotonic_ms() };
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return ss_fail_sys(err, "epoll");
	return 0;
}

bool dp_watch_set(struct dp_loop *l, struct dp_watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (w->added && w->events == events)
		return true;
	if (epoll_ctl(l->epoll_fd, w->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e) < 0)
		return false;
	w->added = true;
	w->events = events;
	return true;
}

void dp_watch_close(struct dp_watch *w)
{
	/* Nobody else has the descriptor: closing it takes it out of epoll. */
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
	w->added = false;
}

void dp_watch_hand_over(struct dp_loop *l, struct dp_watch *w)
{
	if (w->added)
		(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	dp_watch_close(w);
}

void dp_timers_aside(struct dp_timers *t, uint32_t after_ms)
{
	*t = (struct dp_timers){ .after_ms = after_ms };
	t->head.prev = &t->head;
	t->head.next = &t->head;
}

void dp_timers_init(struct dp_loop *l, struct dp_timers *t, uint32_t after_ms,
		    void (*expired)(struct dp *d, struct dp_timer *t))
{
	if (l->n_timers == DP_MAX_TIMERS)
		__builtin_trap();
	dp_timers_aside(t, after_ms);
	t->expired = expired;
	l->timers[l->n_timers++] = t;
}

void dp_timer_stop(struct dp_timer *t)
{
	if (t->prev == NULL)
		return;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->prev = NULL;
	t->next = NULL;
}

void dp_timer_set_at(struct dp_timers *list, struct dp_timer *t, uint64_t at_ms)
{
	struct dp_timer *after = list->head.prev;

	if (after == t)
		after = t->prev;
	dp_timer_stop(t);
	/* In a list of one duration, this looks at one. */
	while (after != &list->head && after->at_ms > at_ms)
		after = after->prev;
	t->at_ms = at_ms;
	t->prev = after;
	t->next = after->next;
	after->next->prev = t;
	after->next = t;
}

void dp_timer_set(struct dp_loop *l, struct dp_timers *list, struct dp_timer *t)
{
	dp_timer_set_at(list, t, l->now_ms + list->after_ms);
}

struct dp_timer *dp_timers_first(const struct dp_timers *list)
{
	return list->head.next == &list->head ? NULL : list->head.next;
}

/* Those that are due leave the list first: what `expired` sets again waits for the next round. */
static void expire(struct dp_loop *l, struct dp_timers *list)
{
	struct dp_timer due = { .prev = &due, .next = &due };
	struct dp_timer *t;

	while ((t = dp_timers_first(list)) != NULL && t->at_ms <= l->now_ms) {
		dp_timer_stop(t);
		t->prev = due.prev;
		t->next = &due;
		due.prev->next = t;
		due.prev = t;
	}
	while (due.next != &due) {
		t = due.next;
		dp_timer_stop(t);
		list->expired(l->dp, t);
	}
}

static int wait_ms(const struct dp_loop *l)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < l->n_timers; i++) {
		const struct dp_timer *t = dp_timers_first(l->timers[i]);

		if (t != NULL && t->at_ms < first)
			first = t->at_ms;
	}
	if (first == UINT64_MAX)
		return -1;
	if (first <= l->now_ms)
		return 0;
	return first - l->now_ms < INT_MAX ? (int)(first - l->now_ms) : INT_MAX;
}

void dp_slots_settle(struct dp_slots *s)
{
	while (s->gone != DP_NONE) {
		const uint32_t i = s->gone;

		s->gone = s->next[i];
		s->next[i] = s->free;
		s->free = i;
	}
}

int dp_loop_round(struct dp_loop *l, struct ss_err *err)
{
	struct epoll_event events[ROUND_EVENTS];
	int n;

	l->now_ms = monotonic_ms();
	n = epoll_wait(l->epoll_fd, events, ROUND_EVENTS, wait_ms(l));
	if (n < 0 && errno != EINTR)
		return ss_fail_sys(err, "epoll");
	l->now_ms = monotonic_ms();
	for (int i = 0; i < n; i++) {
		struct dp_watch *w = events[i].data.ptr;

		if (w->fd >= 0)
			l->handlers[w->kind](l->dp, w, events[i].events);
	}
	for (size_t i = 0; i < l->n_timers; i++)
		expire(l, l->timers[i]);
	for (size_t i = 0; i < l->n_slots; i++)
		dp_slots_settle(l->slots[i]);
	return 0;
}

void dp_slots_init(struct dp_loop *l, struct dp_slots *s, void *base, size_t size, uint32_t *next,
		   uint32_t n)
{
	if (l->n_slots == DP_MAX_SLOTS)
		__builtin_trap();
	*s = (struct dp_slots){
		.base = base, .size = size, .next = next, .n = n, .free = DP_NONE, .gone = DP_NONE
	};
	for (uint32_t i = n; i > 0; i--) {
		next[i - 1] = s->free;
		s->free = i - 1;
	}
	l->slots[l->n_slots++] = s;
}

void *dp_slots_at(const struct dp_slots *s, uint32_t i)
{
	return s->base + (size_t)i * s->size;
}

uint32_t dp_slots_index(const struct dp_slots *s, const void *p)
{
	return (uint32_t)((size_t)((const uint8_t *)p - s->base) / s->size);
}

void *dp_slots_take(struct dp_slots *s)
{
	const uint32_t i = s->free;

	if (i == DP_NONE)
		return NULL;
	s->free = s->next[i];
	s->used++;
	return dp_slots_at(s, i);
}

void dp_slots_give(struct dp_slots *s, const void *p)
{
	const uint32_t i = dp_slots_index(s, p);

	s->next[i] = s->gone;
	s->gone = i;
	s->used--;
}

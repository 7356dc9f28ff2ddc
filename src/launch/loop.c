/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/loop.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <time.h>

#define EVENTS_A_TURN 128

struct loop {
	int epoll_fd;
	struct epoll_event events[EVENTS_A_TURN];
	int n_events; /* of this round */
	int at;
	struct loop_timer **heap; /* [1 … n]: the parent of i is i / 2 */
	size_t n, cap;
};

uint64_t loop_now(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void *loop_owner(void *member, size_t at)
{
	return (char *)member - at;
}

int loop_new(struct loop **ret, struct ss_err *err)
{
	const int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return ss_fail_sys(err, "cannot wait for events");
	*ret = ss_calloc(1, sizeof(**ret));
	(*ret)->epoll_fd = fd;
	return 0;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	(void)close(l->epoll_fd);
	free(l->heap);
	free(l);
}

/* --- descriptors --------------------------------------------------------------------------- */

int loop_add(struct loop *l, struct loop_fd *f, uint32_t events, struct ss_err *err)
{
	struct epoll_event ev = { .events = events, .data.ptr = f };

	assert(!f->added && f->on != NULL);
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, f->fd, &ev) != 0)
		return ss_fail_sys(err, "cannot wait for a descriptor");
	f->events = events;
	f->added = true;
	return 0;
}

void loop_want(struct loop *l, struct loop_fd *f, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = f };
	int rc;

	if (!f->added || f->events == events)
		return;
	rc = epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, f->fd, &ev);
	assert(rc == 0); /* it is there, and needs no memory */
	f->events = events;
}

void loop_remove(struct loop *l, struct loop_fd *f)
{
	if (!f->added)
		return;
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, f->fd, NULL);
	f->added = false;
	/* What the kernel has reported already must not find it any more. */
	for (int i = l->at; i < l->n_events; i++)
		if (l->events[i].data.ptr == f)
			l->events[i].data.ptr = NULL;
}

/* --- times --------------------------------------------------------------------------------- */

static void put(struct loop *l, size_t slot, struct loop_timer *t)
{
	l->heap[slot] = t;
	t->slot = slot;
}

/* Moves the timer at `slot` up or down to where it belongs. */
static void sift(struct loop *l, size_t slot)
{
	struct loop_timer *t = l->heap[slot];

	for (; slot > 1 && l->heap[slot / 2]->at_ms > t->at_ms; slot /= 2)
		put(l, slot, l->heap[slot / 2]);
	for (size_t child = 2 * slot; child <= l->n; child = 2 * slot) {
		if (child < l->n && l->heap[child + 1]->at_ms < l->heap[child]->at_ms)
			child++;
		if (l->heap[child]->at_ms >= t->at_ms)
			break;
		put(l, slot, l->heap[child]);
		slot = child;
	}
	put(l, slot, t);
}

void loop_cancel(struct loop *l, struct loop_timer *t)
{
	const size_t slot = t->slot;

	if (slot == 0)
		return;
	t->slot = 0;
	l->n--;
	if (slot > l->n)
		return;
	put(l, slot, l->heap[l->n + 1]);
	sift(l, slot);
}

void loop_after(struct loop *l, struct loop_timer *t, uint64_t ms)
{
	assert(t->on != NULL);
	loop_cancel(l, t);
	t->at_ms = loop_now() + (ms > 0 ? ms : 1); /* never in the round that sets it */
	if (l->n + 1 >= l->cap) {
		l->cap = l->cap > 0 ? 2 * l->cap : 16;
		l->heap = ss_reallocarray(l->heap, l->cap, sizeof(struct loop_timer *));
	}
	l->n++;
	put(l, l->n, t);
	sift(l, l->n);
}

static int wait_ms(const struct loop *l, int max_ms)
{
	uint64_t now, left;

	if (l->n == 0)
		return max_ms;
	now = loop_now();
	left = l->heap[1]->at_ms > now ? l->heap[1]->at_ms - now : 0;
	if (max_ms >= 0 && left > (uint64_t)max_ms)
		return max_ms;
	return left < INT_MAX ? (int)left : INT_MAX;
}

int loop_turn(struct loop *l, int max_ms, struct ss_err *err)
{
	uint64_t now;
	int n;

	n = epoll_wait(l->epoll_fd, l->events, EVENTS_A_TURN, wait_ms(l, max_ms));
	if (n < 0 && errno != EINTR)
		return ss_fail_sys(err, "cannot wait for events");
	l->n_events = n > 0 ? n : 0;
	for (l->at = 0; l->at < l->n_events;) {
		const struct epoll_event *ev = &l->events[l->at++];
		struct loop_fd *f = ev->data.ptr;

		if (f != NULL)
			f->on(f, ev->events);
	}
	l->n_events = 0;
	now = loop_now();
	while (l->n > 0 && l->heap[1]->at_ms <= now) {
		struct loop_timer *t = l->heap[1];

		loop_cancel(l, t);
		t->on(t);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "runtime/dp_loop.h"

#include <string.h>
#include <sys/socket.h>

struct item {
	struct dp_timer timer;
	struct dp_watch w;
	unsigned number;
};

#define ITEMS 8u
static struct {
	struct dp_loop loop;
	struct dp_timers list, other;
	struct dp_slots slots;
	uint32_t next[ITEMS];
	struct item items[ITEMS];
	unsigned seen[64];
	size_t n_seen;
} f;

/* Handlers are given the world they work in; here it is only a name. */
static struct dp *const world = (struct dp *)(void *)&f;

static void note(unsigned number)
{
	assert_true(f.n_seen < SS_NELEMS(f.seen));
	f.seen[f.n_seen++] = number;
}

static void expired(struct dp *d, struct dp_timer *t)
{
	assert_ptr_equal(d, world);
	note(DP_OWNER(t, struct item, timer)->number);
}

/* Sets itself again for now, and stops its neighbour. */
static void again(struct dp *d, struct dp_timer *t)
{
	(void)d;
	note(DP_OWNER(t, struct item, timer)->number);
	dp_timer_set(&f.loop, &f.other, t);
	dp_timer_stop(&f.items[7].timer);
}

/* Closes what is ready and gives its slot back; so does the first for all. */
static void ready(struct dp *d, struct dp_watch *w, uint32_t events)
{
	(void)d;
	assert_true((events & EPOLLIN) != 0);
	note(DP_OWNER(w, struct item, w)->number);
	for (size_t i = 0; i < ITEMS; i++) {
		if (f.items[i].w.fd < 0)
			continue;
		dp_watch_close(&f.items[i].w);
		dp_slots_give(&f.slots, &f.items[i]);
	}
	/* A slot that is taken now must not get the events of the old one. */
	assert_null(dp_slots_take(&f.slots));
}

static const dp_handler handlers[DP_K_LAST + 1] = { [DP_K_UDP] = ready };

static int setup(void **state)
{
	struct ss_err err = { 0 };

	(void)state;
	memset(&f, 0, sizeof(f));
	expect_ok(dp_loop_init(&f.loop, world, handlers, &err), &err);
	dp_timers_init(&f.loop, &f.list, 0, expired);
	dp_timers_init(&f.loop, &f.other, 0, again);
	dp_slots_init(&f.loop, &f.slots, f.items, sizeof(f.items[0]), f.next, ITEMS);
	for (unsigned i = 0; i < ITEMS; i++) {
		f.items[i].number = i;
		f.items[i].w.fd = -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(f.loop.epoll_fd);
	return 0;
}

static void rounds(size_t n)
{
	struct ss_err err = { 0 };

	for (size_t i = 0; i < n; i++)
		expect_ok(dp_loop_round(&f.loop, &err), &err);
}

static void timers_come_in_the_order_of_their_times(void **state)
{
	static const unsigned at[] = { 5, 3, 9, 3, 0, 5 };
	static const unsigned order[] = { 4, 1, 3, 0, 5 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(at); i++)
		dp_timer_set_at(&f.list, &f.items[i].timer, f.loop.now_ms + at[i]);
	assert_ptr_equal(dp_timers_first(&f.list), &f.items[4].timer);
	dp_timer_stop(&f.items[2].timer);
	dp_timer_stop(&f.items[2].timer);
	for (unsigned i = 0; i < 50 && f.n_seen < SS_NELEMS(order); i++)
		rounds(1);
	assert_int_equal(f.n_seen, SS_NELEMS(order));
	assert_memory_equal(f.seen, order, sizeof(order));
	assert_null(dp_timers_first(&f.list));
}

static void a_timer_set_again_moves(void **state)
{
	(void)state;
	dp_timer_set_at(&f.list, &f.items[0].timer, 10);
	dp_timer_set_at(&f.list, &f.items[1].timer, 20);
	dp_timer_set_at(&f.list, &f.items[0].timer, 30);
	assert_ptr_equal(dp_timers_first(&f.list), &f.items[1].timer);
	dp_timer_set_at(&f.list, &f.items[0].timer, 5);
	dp_timer_set_at(&f.list, &f.items[0].timer, 6);
	assert_ptr_equal(dp_timers_first(&f.list), &f.items[0].timer);
	dp_timer_set_at(&f.other, &f.items[0].timer, 6); /* to another list */
	assert_ptr_equal(dp_timers_first(&f.list), &f.items[1].timer);
	assert_ptr_equal(dp_timers_first(&f.other), &f.items[0].timer);
}

static void what_is_set_again_for_now_comes_once_a_round(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		dp_timer_set(&f.loop, &f.other, &f.items[i].timer);
	rounds(2);
	assert_int_equal(f.n_seen, 6);
}

static void a_timer_that_another_stops_does_not_come(void **state)
{
	(void)state;
	dp_timer_set(&f.loop, &f.other, &f.items[0].timer);
	dp_timer_set(&f.loop, &f.other, &f.items[7].timer);
	rounds(1);
	assert_int_equal(f.n_seen, 1);
	assert_int_equal(f.seen[0], 0);
}

static void a_closed_watch_gets_no_event_of_the_round(void **state)
{
	int pair[ITEMS][2];

	(void)state;
	for (unsigned i = 0; i < ITEMS; i++) {
		struct item *it = dp_slots_take(&f.slots);

		assert_ptr_equal(it, &f.items[i]);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]), 0);
		it->w = (struct dp_watch){ .fd = pair[i][0], .kind = DP_K_UDP };
		assert_true(dp_watch_set(&f.loop, &it->w, EPOLLIN));
		assert_int_equal(write(pair[i][1], "x", 1), 1);
	}
	assert_null(dp_slots_take(&f.slots));
	rounds(1);
	assert_int_equal(f.n_seen, 1);
	assert_non_null(dp_slots_take(&f.slots)); /* the round is over */
	for (unsigned i = 0; i < ITEMS; i++)
		(void)close(pair[i][1]);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(timers_come_in_the_order_of_their_times),
		ROW(a_timer_set_again_moves),
		ROW(what_is_set_again_for_now_comes_once_a_round),
		ROW(a_timer_that_another_stops_does_not_come),
		ROW(a_closed_watch_gets_no_event_of_the_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

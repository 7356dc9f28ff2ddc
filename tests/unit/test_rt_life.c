/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/app_life.h"

#include <stdbool.h>

#define EXITED(n) ((n) << 8) /* as waitpid() says it */
#define KILLED(n) (n)

static struct rt_life running(enum mc_restart restart, uint32_t grace_ms)
{
	struct rt_life l;

	rt_life_init(&l, restart, grace_ms);
	assert_int_equal(rt_life_begin(&l, 1000), RT_LIFE_START);
	return l;
}

static void life_ends_or_goes_on_as_the_policy_says(void **state)
{
	static const struct {
		enum mc_restart restart;
		int status;
		enum rt_life_do want;
	} cases[] = {
		{ MC_RESTART_NEVER, EXITED(0), RT_LIFE_END },
		{ MC_RESTART_NEVER, EXITED(7), RT_LIFE_END },
		{ MC_RESTART_NEVER, KILLED(9), RT_LIFE_END },
		{ MC_RESTART_ON_FAILURE, EXITED(0), RT_LIFE_END },
		{ MC_RESTART_ON_FAILURE, EXITED(1), RT_LIFE_PAUSE },
		{ MC_RESTART_ON_FAILURE, EXITED(255), RT_LIFE_PAUSE },
		{ MC_RESTART_ON_FAILURE, KILLED(15), RT_LIFE_PAUSE },
		{ MC_RESTART_ALWAYS, EXITED(0), RT_LIFE_PAUSE },
		{ MC_RESTART_ALWAYS, KILLED(11), RT_LIFE_PAUSE },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct rt_life l = running(cases[i].restart, 10);

		assert_int_equal(rt_life_tick(&l, UINT64_MAX - 1), RT_LIFE_WAIT);
		assert_int_equal(rt_life_ended(&l, cases[i].status, 2000), cases[i].want);
		assert_true(l.ran);
		assert_int_equal(l.status, cases[i].status);
	}
}

static void life_pauses_grow_to_a_limit(void **state)
{
	static const uint32_t pauses[] = { 100,  200,   400,   800,   1600,  3200,
					   6400, 12800, 25600, 30000, 30000, 30000 };
	struct rt_life l = running(MC_RESTART_ALWAYS, 10);
	uint64_t now = 1000;

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(pauses); i++) {
		now += 5; /* it ran so long */
		assert_int_equal(rt_life_ended(&l, EXITED(0), now), RT_LIFE_PAUSE);
		assert_int_equal(l.pause_ms, pauses[i]);
		assert_int_equal(l.due, now + pauses[i]);
		assert_int_equal(rt_life_tick(&l, now + pauses[i] - 1), RT_LIFE_WAIT);
		now += pauses[i];
		assert_int_equal(rt_life_tick(&l, now), RT_LIFE_START);
		assert_int_equal(l.starts, i + 2);
		assert_int_equal(rt_life_tick(&l, now), RT_LIFE_WAIT);
	}
}

static void life_pauses_are_short_again_after_a_minute(void **state)
{
	struct rt_life l = running(MC_RESTART_ALWAYS, 10);
	uint64_t now = 1000;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(rt_life_ended(&l, EXITED(1), now), RT_LIFE_PAUSE);
		now = l.due;
		assert_int_equal(rt_life_tick(&l, now), RT_LIFE_START);
	}
	assert_int_equal(l.pause_ms, 1600);
	now += RT_LIFE_SETTLED_MS - 1;
	assert_int_equal(rt_life_ended(&l, EXITED(1), now), RT_LIFE_PAUSE);
	assert_int_equal(l.pause_ms, 3200);
	now = l.due;
	assert_int_equal(rt_life_tick(&l, now), RT_LIFE_START);
	assert_int_equal(rt_life_ended(&l, EXITED(1), now + RT_LIFE_SETTLED_MS), RT_LIFE_PAUSE);
	assert_int_equal(l.pause_ms, 100);
}

static void life_stops_by_signal_grace_and_kill(void **state)
{
	struct rt_life l = running(MC_RESTART_ALWAYS, 5000);

	(void)state;
	assert_int_equal(rt_life_stop(&l, 0, 2000), RT_LIFE_SIGNAL);
	assert_int_equal(l.due, 7000);
	assert_int_equal(rt_life_tick(&l, 6999), RT_LIFE_WAIT);
	assert_int_equal(rt_life_tick(&l, 7000), RT_LIFE_KILL);
	assert_int_equal(rt_life_tick(&l, 8000), RT_LIFE_WAIT); /* once */
	assert_int_equal(rt_life_ended(&l, KILLED(9), 8001), RT_LIFE_END);
	assert_int_equal(l.status, KILLED(9));
	assert_int_equal(rt_life_stop(&l, 0, 9000), RT_LIFE_WAIT);
	assert_int_equal(rt_life_begin(&l, 9000), RT_LIFE_WAIT);
}

static void life_that_stops_in_time_is_not_killed_nor_started(void **state)
{
	struct rt_life l = running(MC_RESTART_ALWAYS, 5000);

	(void)state;
	assert_int_equal(rt_life_stop(&l, 0, 2000), RT_LIFE_SIGNAL);
	assert_int_equal(rt_life_ended(&l, EXITED(3), 2500), RT_LIFE_END);
	assert_int_equal(rt_life_tick(&l, 100000), RT_LIFE_WAIT);
	assert_int_equal(l.starts, 1);
}

static void life_takes_the_hosts_grace_and_only_a_shorter_second_one(void **state)
{
	struct rt_life l = running(MC_RESTART_NEVER, 5000);

	(void)state;
	assert_int_equal(rt_life_stop(&l, 20000, 1000), RT_LIFE_SIGNAL);
	assert_int_equal(l.due, 21000);
	assert_int_equal(rt_life_stop(&l, 60000, 1500), RT_LIFE_WAIT);
	assert_int_equal(l.due, 21000);
	assert_int_equal(rt_life_stop(&l, 100, 1500), RT_LIFE_WAIT);
	assert_int_equal(rt_life_tick(&l, 1600), RT_LIFE_KILL);
	/* No sum wraps, whatever is asked for. */
	l = running(MC_RESTART_NEVER, 0);
	assert_int_equal(rt_life_stop(&l, UINT64_MAX, 1000), RT_LIFE_SIGNAL);
	assert_int_equal(rt_life_tick(&l, UINT64_MAX - 1), RT_LIFE_WAIT);
	/* No grace at all. */
	l = running(MC_RESTART_NEVER, 0);
	assert_int_equal(rt_life_stop(&l, 0, 1000), RT_LIFE_SIGNAL);
	assert_int_equal(rt_life_tick(&l, 1000), RT_LIFE_KILL);
}

static void life_that_has_not_begun_or_pauses_just_ends(void **state)
{
	struct rt_life l;

	(void)state;
	rt_life_init(&l, MC_RESTART_ALWAYS, 5000);
	assert_int_equal(rt_life_stop(&l, 0, 10), RT_LIFE_END);
	assert_false(l.ran);
	l = running(MC_RESTART_ALWAYS, 5000);
	assert_int_equal(rt_life_ended(&l, EXITED(4), 1100), RT_LIFE_PAUSE);
	assert_int_equal(rt_life_stop(&l, 0, 1150), RT_LIFE_END);
	assert_int_equal(rt_life_tick(&l, 5000), RT_LIFE_WAIT);
	assert_int_equal(l.status, EXITED(4));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(life_ends_or_goes_on_as_the_policy_says),
		cmocka_unit_test(life_pauses_grow_to_a_limit),
		cmocka_unit_test(life_pauses_are_short_again_after_a_minute),
		cmocka_unit_test(life_stops_by_signal_grace_and_kill),
		cmocka_unit_test(life_that_stops_in_time_is_not_killed_nor_started),
		cmocka_unit_test(life_takes_the_hosts_grace_and_only_a_shorter_second_one),
		cmocka_unit_test(life_that_has_not_begun_or_pauses_just_ends),
	};

	return cmocka_run_group_tests_name("rt_life", tests, NULL, NULL);
}

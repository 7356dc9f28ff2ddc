/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/wall_clock.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define NOW (UINT64_C(1800000000) * S) /* 2027 */

static struct rt_clock fresh(uint32_t bound_ms)
{
	return (struct rt_clock){ .source = RT_CLOCK_HOST, .ptp = -1, .bound_ms = bound_ms };
}

static int64_t moved;

static enum rt_clock_verdict judge(struct rt_clock *c, uint64_t host, uint64_t real, uint64_t raw)
{
	return rt_clock_judge(c, host, (struct rt_clock_now){ real, raw }, &moved);
}

static void clock_is_set_by_the_hosts_first_time_and_once(void **state)
{
	struct rt_clock c = fresh(500);

	(void)state;
	assert_int_equal(judge(&c, NOW, 5 * S, 3 * S), RT_CLOCK_SET);
	/* The next is judged by the first, before the application starts and after. */
	assert_int_equal(judge(&c, NOW + 2 * S + 100 * MS, NOW + 2 * S, 5 * S), RT_CLOCK_SLEW);
	assert_int_equal(moved, 100 * MS);
	rt_clock_start(&c, (struct rt_clock_now){ NOW + 2 * S, 5 * S });
	assert_int_equal(judge(&c, NOW + 7 * S, NOW + 7 * S + 200 * MS, 10 * S), RT_CLOCK_SLEW);
	assert_int_equal(moved, -200 * (int64_t)MS);
}

static void clock_that_was_never_set_counts_from_the_start(void **state)
{
	struct rt_clock c = fresh(1000);

	(void)state;
	rt_clock_start(&c, (struct rt_clock_now){ NOW, 3 * S });
	assert_int_equal(judge(&c, NOW + 10 * S + 900 * MS, NOW + 10 * S, 13 * S), RT_CLOCK_SLEW);
	assert_int_equal(judge(&c, NOW + 3600 * S, NOW + 10 * S, 13 * S), RT_CLOCK_REFUSE);
	assert_int_equal(moved, (int64_t)(3590 * S));
}

static void clock_refuses_what_is_over_the_bound_either_way(void **state)
{
	static const struct {
		int64_t away_ns;
		enum rt_clock_verdict want;
	} cases[] = {
		{ 500 * (int64_t)MS, RT_CLOCK_SLEW },
		{ 500 * (int64_t)MS + 1, RT_CLOCK_REFUSE },
		{ -500 * (int64_t)MS, RT_CLOCK_SLEW },
		{ -500 * (int64_t)MS - 1, RT_CLOCK_REFUSE },
		{ -100000 * (int64_t)S, RT_CLOCK_REFUSE },
		{ 0, RT_CLOCK_SLEW },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct rt_clock c = fresh(500);

		assert_int_equal(judge(&c, NOW, 0, S), RT_CLOCK_SET);
		assert_int_equal(judge(&c, NOW + S + (uint64_t)cases[i].away_ns, NOW + S, 2 * S),
				 cases[i].want);
		assert_int_equal(moved, cases[i].away_ns);
	}
}

/* Step by step within the bound, the host comes no further than the bound. */
static void clock_bound_is_for_all_steps_together(void **state)
{
	struct rt_clock c = fresh(500);
	uint64_t real = NOW, raw = S;
	unsigned taken = 0;

	(void)state;
	assert_int_equal(judge(&c, NOW, 0, S), RT_CLOCK_SET);
	for (unsigned i = 1; i <= 20; i++) {
		real += 1000 * S;
		raw += 1000 * S;
		if (judge(&c, real + 100 * MS, real, raw) != RT_CLOCK_SLEW)
			break;
		real += 100 * MS; /* the slew was done */
		taken++;
	}
	assert_int_equal(taken, 5);
	assert_int_equal(real - NOW, raw - S + 500 * MS);
}

static void clock_without_a_bound_is_never_moved(void **state)
{
	struct rt_clock c = fresh(0);

	(void)state;
	assert_int_equal(judge(&c, NOW, 0, S), RT_CLOCK_SET);
	assert_int_equal(judge(&c, NOW + S, NOW + S, 2 * S), RT_CLOCK_SLEW); /* by nothing */
	assert_int_equal(moved, 0);
	assert_int_equal(judge(&c, NOW + S + 1, NOW + S, 2 * S), RT_CLOCK_REFUSE);
}

static void clock_refuses_times_of_no_age(void **state)
{
	static const uint64_t times[] = { 0, S, UINT64_C(1577836800) * S - 1,
					  UINT64_C(7258118400) * S + 1, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(times); i++) {
		struct rt_clock c = fresh(500);

		assert_int_equal(judge(&c, times[i], NOW, S), RT_CLOCK_REFUSE);
		assert_int_equal(moved, 0);
		assert_int_equal(judge(&c, NOW, NOW, S), RT_CLOCK_SET); /* the first that counts */
	}
}

static void clock_says_refusals_once_a_minute(void **state)
{
	struct rt_clock c = fresh(500);

	(void)state;
	assert_int_equal(judge(&c, NOW, 0, S), RT_CLOCK_SET);
	assert_int_equal(judge(&c, NOW - S, NOW, S), RT_CLOCK_REFUSE);
	for (unsigned i = 0; i < 59; i++)
		assert_int_equal(judge(&c, NOW - S, NOW, S + i * S), RT_CLOCK_REFUSE_QUIETLY);
	assert_int_equal(c.unsaid, 59);
	assert_int_equal(judge(&c, NOW - S, NOW, 61 * S), RT_CLOCK_REFUSE);
}

static void clock_of_the_hypervisor_leaves_the_host_unasked(void **state)
{
	struct rt_clock c = fresh(500);

	(void)state;
	c.source = RT_CLOCK_KVM;
	assert_int_equal(judge(&c, NOW, NOW + 50 * S, S), RT_CLOCK_IGNORE);
	c.source = RT_CLOCK_PTP;
	assert_int_equal(judge(&c, 0, NOW, S), RT_CLOCK_IGNORE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_is_set_by_the_hosts_first_time_and_once),
		cmocka_unit_test(clock_that_was_never_set_counts_from_the_start),
		cmocka_unit_test(clock_refuses_what_is_over_the_bound_either_way),
		cmocka_unit_test(clock_bound_is_for_all_steps_together),
		cmocka_unit_test(clock_without_a_bound_is_never_moved),
		cmocka_unit_test(clock_refuses_times_of_no_age),
		cmocka_unit_test(clock_says_refusals_once_a_minute),
		cmocka_unit_test(clock_of_the_hypervisor_leaves_the_host_unasked),
	};

	return cmocka_run_group_tests_name("rt_clock", tests, NULL, NULL);
}

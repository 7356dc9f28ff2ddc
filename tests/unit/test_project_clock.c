/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "project/steps.h"

#define NOW INT64_C(1795000000)

static uint32_t clock_of(uint32_t epoch, uint64_t newest, int64_t now)
{
	struct ss_err err = { 0 };
	uint32_t ret = 1;

	expect_ok(project_clock_of(epoch, newest, now, &ret, &err), &err);
	return ret;
}

static void an_epoch_that_is_set_is_the_clock_of_the_steps(void **state)
{
	(void)state;
	assert_int_equal(clock_of(1700000000, 0, NOW), 1700000000);
	assert_int_equal(clock_of(1700000000, 1790000000, NOW), 1700000000);
	assert_int_equal(clock_of(1, 0, NOW), 1);
	/* Whoever sets it to what this machine has not seen knows why. */
	assert_true(clock_of(UINT32_MAX, 0, 0) == UINT32_MAX);
}

static void without_one_it_is_the_newest_bases_but_not_less_than_the_layouts(void **state)
{
	static const uint64_t early[] = { 0, 1, 1700000000, PROJECT_CLOCK_LEAST };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(early); i++)
		assert_int_equal(clock_of(0, early[i], NOW), 1767225600);
	assert_int_equal(clock_of(0, PROJECT_CLOCK_LEAST + 1, NOW), 1767225601);
	assert_int_equal(clock_of(0, NOW, NOW), NOW);
}

static void a_clock_that_this_machine_has_not_reached_is_refused(void **state)
{
	struct ss_err err = { 0 };
	uint32_t clock;

	(void)state;
	expect_fails(project_clock_of(0, NOW + 1, NOW, &clock, &err), &err, SS_ESYS,
		     "steps are to see 2026-11-18T11:06:41+00:00, which is later than what this "
		     "machine's clock says");
	expect_fails(project_clock_of(0, UINT64_MAX, NOW, &clock, &err), &err, SS_ESYS,
		     "steps are to see 2106-02-07T06:28:15+00:00, which is later than what this "
		     "machine's clock says");
	expect_fails(project_clock_of(0, 0, 0, &clock, &err), &err, SS_ESYS,
		     "steps are to see 2026-01-01T00:00:00+00:00, which is later than what this "
		     "machine's clock says");
	expect_fails(project_clock_check(6, 5, &err), &err, SS_ESYS,
		     "steps are to see 1970-01-01T00:00:06+00:00, which is later than what this "
		     "machine's clock says");
	expect_ok(project_clock_check(6, 6, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_epoch_that_is_set_is_the_clock_of_the_steps),
		cmocka_unit_test(without_one_it_is_the_newest_bases_but_not_less_than_the_layouts),
		cmocka_unit_test(a_clock_that_this_machine_has_not_reached_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

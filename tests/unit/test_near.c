/* SPDX-License-Identifier: Apache-2.0 */
#include "base/near.h"
#include "expect.h"

static const char *nearest(const char *word)
{
	static const char *const names[] = { "name", "dockerfile", "ingress", "egress", "id" };
	struct ss_near near = ss_near_init(word);

	for (size_t i = 0; i < SS_NELEMS(names); i++)
		ss_near_offer(&near, names[i]);
	return near.best;
}

static void near_one_slip_is_recognised(void **state)
{
	(void)state;
	assert_string_equal(nearest("nmae"), "name");             /* swapped */
	assert_string_equal(nearest("nam"), "name");              /* dropped */
	assert_string_equal(nearest("names"), "name");            /* inserted */
	assert_string_equal(nearest("dokcerfiel"), "dockerfile"); /* two swaps */
	assert_string_equal(nearest("Ingress"), "ingress");       /* changed */
	assert_string_equal(nearest("ie"), "id");
}

static void near_what_is_far_is_not_offered(void **state)
{
	(void)state;
	assert_null(nearest("frobnicate"));
	assert_null(nearest("xyz"));
	assert_null(nearest(""));
}

static void near_words_over_the_limit_have_no_neighbour(void **state)
{
	static const char sixty_four[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct ss_near near = ss_near_init(sixty_four);

	(void)state;
	ss_near_offer(&near, sixty_four);
	assert_null(near.best);
	near = ss_near_init(sixty_four + 1);
	ss_near_offer(&near, sixty_four + 2);
	assert_ptr_equal(near.best, sixty_four + 2);
}

static void near_the_first_of_two_equals_wins(void **state)
{
	struct ss_near near = ss_near_init("gress1");

	(void)state;
	ss_near_offer(&near, "gress2");
	ss_near_offer(&near, "gress3");
	assert_string_equal(near.best, "gress2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_one_slip_is_recognised),
		cmocka_unit_test(near_what_is_far_is_not_offered),
		cmocka_unit_test(near_words_over_the_limit_have_no_neighbour),
		cmocka_unit_test(near_the_first_of_two_equals_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/dp_names.h"

#include <stdio.h>
#include <string.h>

static struct dp_names t;

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	dp_names_init(&t, 42);
	return 0;
}

static struct dp_name *give(const char *name, uint64_t now)
{
	return dp_names_give(&t, (struct ss_span){ (const uint8_t *)name, strlen(name) }, now);
}

static struct dp_name *give_number(unsigned i, uint64_t now)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "host-%u.example", i);
	return give(name, now);
}

static void a_name_keeps_its_addresses(void **state)
{
	struct dp_name *a = give("a.example", 0), *b = give("b.example", 0);
	struct dp_addr a4, a6, b4;

	(void)state;
	assert_non_null(a);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(give("a.example", 5), a);
	a4 = dp_names_addr(&t, a, true);
	a6 = dp_names_addr(&t, a, false);
	b4 = dp_names_addr(&t, b, true);
	assert_int_equal(a4.n, 4);
	assert_int_equal(a6.n, 16);
	assert_false(dp_addr_is(&a4, &b4));
	assert_ptr_equal(dp_names_find(&t, &a4), a);
	assert_ptr_equal(dp_names_find(&t, &a6), a);
	assert_ptr_equal(dp_names_find(&t, &b4), b);
	assert_string_equal(a->name, "a.example");
}

static void the_longest_name_fits(void **state)
{
	char name[DNS_MAX_NAME + 1];
	struct dp_name *e;

	(void)state;
	memset(name, 'x', DNS_MAX_NAME);
	name[DNS_MAX_NAME] = '\0';
	e = give(name, 0);
	assert_non_null(e);
	assert_string_equal(e->name, name);
	assert_ptr_equal(give(name, 0), e);
}

static void an_address_is_held_then_given_to_another(void **state)
{
	struct dp_addr old4, old6, new4;
	struct dp_name *e;

	(void)state;
	for (unsigned i = 0; i < DP_MAX_NAMES; i++)
		assert_non_null(give_number(i, i == 7 ? 0 : 10));
	e = give_number(7, 0);
	old4 = dp_names_addr(&t, e, true);
	old6 = dp_names_addr(&t, e, false);
	/* all are held */
	assert_null(give("new.example", DP_NAME_HOLD_MS - 1));
	assert_ptr_equal(give("new.example", DP_NAME_HOLD_MS), e);
	assert_null(dp_names_find(&t, &old4)); /* nobody reaches the new name by the old address */
	assert_null(dp_names_find(&t, &old6));
	new4 = dp_names_addr(&t, e, true);
	assert_ptr_equal(dp_names_find(&t, &new4), e);
	assert_null(give("newer.example", DP_NAME_HOLD_MS)); /* the others: 10 ms later */
	assert_non_null(give("newer.example", DP_NAME_HOLD_MS + 10));
}

static void an_address_in_use_is_not_given_away(void **state)
{
	struct dp_name *used;

	(void)state;
	for (unsigned i = 0; i < DP_MAX_NAMES; i++)
		assert_non_null(give_number(i, 0));
	used = give_number(0, 0);
	used->uses = 1;
	for (unsigned i = 0; i < DP_MAX_NAMES - 1; i++) {
		struct dp_name *e = give_number(DP_MAX_NAMES + i, DP_NAME_HOLD_MS);

		assert_non_null(e);
		assert_ptr_not_equal(e, used);
	}
	assert_null(give("one-more.example", DP_NAME_HOLD_MS));
	used->uses = 0;
	assert_ptr_equal(give("one-more.example", DP_NAME_HOLD_MS), used);
}

static void an_ipv4_address_comes_again_after_all_others_only(void **state)
{
	uint64_t now = 0;
	struct dp_addr first;

	(void)state;
	first = dp_names_addr(&t, give_number(0, 0), true);
	for (unsigned i = 1; i < 15 * DP_MAX_NAMES; i++) {
		struct dp_addr a;

		if (i % DP_MAX_NAMES == 0)
			now += DP_NAME_HOLD_MS;
		a = dp_names_addr(&t, give_number(i, now), true);
		assert_false(dp_addr_is(&a, &first));
		assert_true(dp_names_has(&t, &a));
	}
}

static void other_addresses_stand_for_nothing(void **state)
{
	static const struct {
		const char *text;
		bool has;
	} rows[] = {
		{ "198.18.0.1", false },          { "198.18.15.255", false },
		{ "198.18.16.5", true },          { "198.18.255.255", true },
		{ "198.19.0.0", false },          { "fd53:656c:6673::1", false },
		{ "fd53:656c:6673:1::5", true },  { "fd53:656c:6673:1:ffff:ffff:ffff:ffff", true },
		{ "fd53:656c:6673:1:1::", true }, { "fd53:656c:6673:2::", false },
		{ "127.0.0.1", false },
	};

	(void)state;
	(void)give("a.example", 0);
	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		const struct dp_addr a = dp_addr_text(rows[i].text);

		if (dp_names_has(&t, &a) != rows[i].has || dp_names_find(&t, &a) != NULL)
			fail_msg("%s", rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_name_keeps_its_addresses, setup),
		cmocka_unit_test_setup(the_longest_name_fits, setup),
		cmocka_unit_test_setup(an_address_is_held_then_given_to_another, setup),
		cmocka_unit_test_setup(an_address_in_use_is_not_given_away, setup),
		cmocka_unit_test_setup(an_ipv4_address_comes_again_after_all_others_only, setup),
		cmocka_unit_test_setup(other_addresses_stand_for_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

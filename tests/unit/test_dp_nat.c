/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/dp_nat.h"
#include "runtime/plane_net.h"

#include <string.h>

static struct dp_loop loop;
static struct dp_nat nat;

static void expired(struct dp *d, struct dp_timer *t)
{
	(void)d;
	(void)t;
}

static int setup(void **state)
{
	(void)state;
	memset(&nat, 0, sizeof(nat));
	loop = (struct dp_loop){ .now_ms = 1000 };
	dp_nat_init(&loop, &nat, 42, expired);
	return 0;
}

static struct dp_place place(const char *addr, unsigned port)
{
	return (struct dp_place){ dp_addr_text(addr), (uint16_t)port };
}

static void a_flow_is_found_from_all_sides(void **state)
{
	static const char *const rows[2][2] = { { PLANE_NET_OWN4, "192.0.2.1" },
						{ PLANE_NET_OWN6, "2001:db8::1" } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct dp_place app = place(rows[i][0], 40000), to = place(rows[i][1], 443);
		const struct dp_place other = place(rows[i][1], 444);
		struct dp_place peer;
		struct dp_flow *f;

		assert_null(dp_nat_find(&nat, &app, &to));
		f = dp_nat_new(&nat, &app, &to);
		assert_non_null(f);
		assert_int_equal(f->state, DP_F_HELD);
		assert_ptr_equal(dp_nat_find(&nat, &app, &to), f);
		assert_null(dp_nat_find(&nat, &app, &other));
		peer = dp_nat_peer(&nat, f);
		assert_true(dp_nat_is_peer(&nat, &peer.addr));
		assert_false(dp_nat_is_peer(&nat, &to.addr));
		assert_ptr_equal(dp_nat_by_peer(&nat, &peer), f);
		peer.port++;
		assert_null(dp_nat_by_peer(&nat, &peer));
		dp_nat_forget(&nat, f);
		assert_null(dp_nat_find(&nat, &app, &to));
		peer.port--;
		assert_null(dp_nat_by_peer(&nat, &peer));
	}
}

static void a_slot_used_again_is_another_peer(void **state)
{
	const struct dp_place app = place(PLANE_NET_OWN4, 40000), to = place("192.0.2.1", 443);
	struct dp_place before = { .port = 0 };

	(void)state;
	for (unsigned i = 0; i < 70000; i++) { /* the port goes round */
		struct dp_flow *f = dp_nat_new(&nat, &app, &to);
		const struct dp_place peer = dp_nat_peer(&nat, f);

		assert_true(peer.port >= 1024);
		assert_false(dp_place_is(&peer, &before));
		if (i > 0)
			assert_null(dp_nat_by_peer(&nat, &before));
		before = peer;
		dp_nat_forget(&nat, f);
		dp_slots_settle(&nat.slots);
	}
}

static void all_slots_are_found_again(void **state)
{
	static struct dp_place peers[DP_MAX_FLOWS];

	(void)state;
	for (unsigned i = 0; i < DP_MAX_FLOWS; i++) {
		const struct dp_place app = place(PLANE_NET_OWN4, 1024 + i % 60000);
		const struct dp_place to = place("192.0.2.1", 1 + i / 60000);
		struct dp_flow *f = dp_nat_new(&nat, &app, &to);

		assert_non_null(f);
		f->owner = i;
		peers[i] = dp_nat_peer(&nat, f);
	}
	for (unsigned i = 0; i < DP_MAX_FLOWS; i++) {
		const struct dp_flow *f = dp_nat_by_peer(&nat, &peers[i]);

		assert_non_null(f);
		assert_int_equal(f->owner, i);
		assert_ptr_equal(dp_nat_find(&nat, &f->app, &f->remote), f);
	}
}

static void only_what_lingers_gives_way_the_oldest_first(void **state)
{
	const struct dp_place to = place("192.0.2.1", 443);
	struct dp_flow *first = NULL, *second = NULL;
	struct dp_place app;

	(void)state;
	for (unsigned i = 0; i < DP_MAX_FLOWS; i++) {
		struct dp_flow *f;

		app = place(PLANE_NET_OWN4, 1024 + i);
		f = dp_nat_new(&nat, &app, &to);
		assert_non_null(f);
		if (i == 5)
			second = f;
		if (i == 9)
			first = f;
	}
	app = place(PLANE_NET_OWN4, 1);
	assert_null(dp_nat_new(&nat, &app, &to));
	dp_nat_linger(&loop, &nat, first);
	loop.now_ms += 10;
	dp_nat_linger(&loop, &nat, second);
	assert_int_equal(second->state, DP_F_LINGER);
	assert_ptr_equal(dp_nat_new(&nat, &app, &to), first);
	app = place(PLANE_NET_OWN4, 1024 + 9);
	assert_null(dp_nat_find(&nat, &app, &to));
	app = place(PLANE_NET_OWN4, 2);
	assert_ptr_equal(dp_nat_new(&nat, &app, &to), second);
	app = place(PLANE_NET_OWN4, 3);
	assert_null(dp_nat_new(&nat, &app, &to));
}

static void addresses_that_stand_for_nothing_find_nothing(void **state)
{
	static const char *const rows[] = { "198.19.0.0",
					    "198.19.63.255",
					    "198.19.64.0",
					    "198.19.255.255",
					    "198.18.0.1",
					    "fd53:656c:6673:2::",
					    "fd53:656c:6673:2::ffff",
					    "fd53:656c:6673:2:ffff::",
					    "::1",
					    "127.0.0.1" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		const struct dp_place p = place(rows[i], 1024), zero = place(rows[i], 0);

		assert_null(dp_nat_by_peer(&nat, &p));
		assert_null(dp_nat_by_peer(&nat, &zero));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_flow_is_found_from_all_sides, setup),
		cmocka_unit_test_setup(a_slot_used_again_is_another_peer, setup),
		cmocka_unit_test_setup(all_slots_are_found_again, setup),
		cmocka_unit_test_setup(only_what_lingers_gives_way_the_oldest_first, setup),
		cmocka_unit_test_setup(addresses_that_stand_for_nothing_find_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "fmt/measured.h"
#include "runtime/app_room.h"

#define MIB (UINT64_C(1) << 20)

static const struct {
	uint64_t entries, pages;
} trees[] = { { 1, 0 }, { 2, 200 }, { 20000, 40000 }, { 1001001, 1000200 }, { 1500000, 10 } };

/* What the kernel pays when every bound is reached. */
static uint64_t cost(const struct rt_room *r)
{
	return (r->files + r->shm) / 4096 * 4112 + (r->inodes + r->shm_inodes) * 1280 +
	       r->segment_pages * 4112;
}

static void room_leaves_the_reserve_whatever_is_filled(void **state)
{
	(void)state;
	for (size_t i = 0; i < SS_NELEMS(trees); i++) {
		const uint64_t need = mc_tree_need(trees[i].entries, trees[i].pages);

		for (uint64_t more = 0; more < 64 * 1024 * MIB; more += more / 3 + 12345) {
			const struct rt_room r =
				rt_room_divide(need + more, trees[i].entries, trees[i].pages);
			const uint64_t reserve = mc_tree_need(0, 0);

			/* Of the 16 MiB, 11 are always left. */
			assert_true(cost(&r) <= need + more - reserve + 5 * MIB);
			assert_true(r.files >= trees[i].pages * 4096 + RT_ROOM_SLACK_BYTES);
			assert_true(r.inodes >= trees[i].entries + RT_ROOM_SLACK_INODES);
			assert_true(r.shm >= RT_ROOM_LEAST && r.shm_inodes > 0);
		}
	}
}

static void room_is_not_wasted(void **state)
{
	const struct rt_room r = rt_room_divide(mc_tree_need(10, 100) + 800 * MIB, 10, 100);

	(void)state;
	assert_true(cost(&r) > mc_tree_need(10, 100) - mc_tree_need(0, 0) + 799 * MIB);
	assert_in_range(r.files / MIB, 436, 440);
	assert_in_range(r.shm / MIB, 173, 175);
	assert_in_range(r.segment_pages * 4096 / MIB, 99, 100);
}

static void room_without_enough_is_the_least(void **state)
{
	const struct rt_room r = rt_room_divide(0, 5, 7);

	(void)state;
	assert_int_equal(r.files, 7 * 4096 + RT_ROOM_SLACK_BYTES);
	assert_int_equal(r.inodes, 5 + RT_ROOM_SLACK_INODES);
	assert_int_equal(r.shm, RT_ROOM_LEAST);
	assert_int_equal(r.segment_pages, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_leaves_the_reserve_whatever_is_filled),
		cmocka_unit_test(room_is_not_wasted),
		cmocka_unit_test(room_without_enough_is_the_least),
	};

	return cmocka_run_group_tests_name("rt_room", tests, NULL, NULL);
}

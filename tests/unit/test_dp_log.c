/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/dp_log.h"

#include <string.h>

static struct dp_log l;
static uint8_t room[FRAME_MAX_LINE];

static int setup(void **state)
{
	(void)state;
	memset(&l, 0, sizeof(l));
	return 0;
}

static void put(unsigned number, size_t n)
{
	static uint8_t text[FRAME_MAX_LINE + 100];
	const struct dp_line line = { FRAME_STDERR, FRAME_LINE_GOES_ON, number, { text, n } };

	memset(text, (int)(number & 0xff), sizeof(text));
	dp_log_put(&l, &line);
}

static void expect_line(unsigned number, size_t n)
{
	struct dp_line line;

	assert_true(dp_log_take(&l, room, &line));
	assert_int_equal(line.source, FRAME_STDERR);
	assert_int_equal(line.flags, FRAME_LINE_GOES_ON);
	assert_int_equal(line.time_ns, number);
	assert_int_equal(line.text.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(line.text.p[i], number & 0xff);
}

static void lines_come_out_as_they_went_in(void **state)
{
	struct dp_line line;

	(void)state;
	assert_false(dp_log_take(&l, room, &line));
	put(1, 0);
	put(2, 1);
	put(3, FRAME_MAX_LINE);
	expect_line(1, 0);
	put(4, 7);
	expect_line(2, 1);
	expect_line(3, FRAME_MAX_LINE);
	expect_line(4, 7);
	assert_false(dp_log_take(&l, room, &line));
	assert_int_equal(l.used, 0);
	assert_int_equal(l.lost_lines, 0);
}

static void a_line_that_is_too_long_is_cut(void **state)
{
	(void)state;
	put(1, FRAME_MAX_LINE + 1);
	expect_line(1, FRAME_MAX_LINE);
}

static void the_oldest_give_way_and_are_counted(void **state)
{
	uint64_t bytes = 0;
	unsigned oldest = 0;
	size_t sizes[4000];
	uint32_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < SS_NELEMS(sizes); i++) {
		seed = seed * 1664525u + 1013904223u;
		sizes[i] = (seed >> 16) % 300;
		put(i, sizes[i]);
		assert_true(l.used <= DP_LOG_RING);
		for (; oldest < l.lost_lines; oldest++) /* always the front */
			bytes += sizes[oldest];
		assert_int_equal(l.lost_bytes, bytes);
	}
	assert_in_range(oldest, 1000, 3000);
	for (unsigned i = oldest; i < SS_NELEMS(sizes); i++)
		expect_line(i, sizes[i]);
	assert_int_equal(l.used, 0);
	assert_int_equal(l.lines, SS_NELEMS(sizes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_come_out_as_they_went_in, setup),
		cmocka_unit_test_setup(a_line_that_is_too_long_is_cut, setup),
		cmocka_unit_test_setup(the_oldest_give_way_and_are_counted, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

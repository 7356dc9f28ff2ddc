/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/store.h"

#include <string.h>

static void put(struct store *s, const char *text)
{
	store_put(s, (struct ss_span){ (const uint8_t *)text, strlen(text) });
}

static void expect_record(const struct store *s, struct store_place *p, const char *text,
			  uint64_t lost)
{
	static uint8_t got[STORE_MAX_RECORD];
	uint64_t n_lost;
	size_t n;

	assert_true(store_next(s, p, got, &n, &n_lost));
	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, n);
	assert_int_equal(n_lost, lost);
}

static void expect_none(const struct store *s, struct store_place *p)
{
	uint8_t got[1];
	uint64_t lost;
	size_t n;

	assert_false(store_next(s, p, got, &n, &lost));
	assert_int_equal(lost, 0);
}

static void store_each_reader_sees_every_record_once(void **state)
{
	SS_CLEANUP(store_done) struct store s = { 0 };
	struct store_place a = { 0 }, b = { 0 };

	(void)state;
	store_init(&s, 1000);
	expect_none(&s, &a);
	put(&s, "one");
	put(&s, "");
	expect_record(&s, &a, "one", 0);
	put(&s, "three");
	expect_record(&s, &a, "", 0);
	expect_record(&s, &a, "three", 0);
	expect_none(&s, &a);
	expect_record(&s, &b, "one", 0);
	put(&s, "four");
	expect_record(&s, &a, "four", 0);
	expect_record(&s, &b, "", 0);
}

static void store_the_oldest_go_and_are_counted(void **state)
{
	SS_CLEANUP(store_done) struct store s = { 0 };
	struct store_place slow = { 0 }, fresh = { 0 }, middle = { 0 };

	(void)state;
	store_init(&s, 3 * (4 + 5)); /* three records of five bytes */
	put(&s, "11111");
	expect_record(&s, &middle, "11111", 0);
	put(&s, "22222");
	put(&s, "33333");
	put(&s, "44444");
	put(&s, "55555");
	expect_record(&s, &slow, "33333", 2);
	expect_record(&s, &middle, "33333", 1);
	put(&s, "66666");
	expect_record(&s, &slow, "44444", 0);
	expect_record(&s, &fresh, "44444", 3);
	put(&s, "666");
	expect_record(&s, &slow, "55555", 0);
	expect_record(&s, &slow, "66666", 0);
	expect_record(&s, &slow, "666", 0);
	expect_none(&s, &slow);
}

/* Against a plain list: sizes of all kinds, so that records lie across the end everywhere. */
static void store_is_the_tail_of_what_was_put(void **state)
{
	enum { ROUNDS = 4000, CAP = 257 };
	SS_CLEANUP(store_done) struct store s = { 0 };
	AUTO_FREE uint8_t *got = ss_calloc(STORE_MAX_RECORD, 1);
	struct store_place all = { 0 };
	uint64_t expected = 0, seed = 1;

	(void)state;
	store_init(&s, CAP);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint8_t bytes[64];
		uint64_t lost;
		size_t n;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		n = (size_t)(seed >> 33) % sizeof(bytes);
		memset(bytes, (int)(i & 0xff), sizeof(bytes));
		store_put(&s, (struct ss_span){ bytes, n });
		assert_true(s.n <= CAP);
		if ((seed >> 50) % 7 != 0)
			continue;
		while (store_next(&s, &all, got, &n, &lost)) {
			expected += lost;
			for (size_t k = 0; k < n; k++)
				assert_int_equal(got[k], expected & 0xff);
			expected++;
		}
		assert_int_equal(expected, i + 1);
	}
}

static void store_a_record_is_cut_to_what_fits(void **state)
{
	SS_CLEANUP(store_done) struct store s = { 0 };
	struct store_place p = { 0 };

	(void)state;
	store_init(&s, 10);
	put(&s, "0123456789");
	expect_record(&s, &p, "012345", 0);
	put(&s, "x");
	expect_record(&s, &p, "x", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(store_each_reader_sees_every_record_once),
		cmocka_unit_test(store_the_oldest_go_and_are_counted),
		cmocka_unit_test(store_is_the_tail_of_what_was_put),
		cmocka_unit_test(store_a_record_is_cut_to_what_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

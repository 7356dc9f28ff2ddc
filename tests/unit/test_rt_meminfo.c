/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/meminfo.h"

#include <string.h>

static int read_text(const char *text, uint64_t *ret, struct ss_err *err)
{
	return rt_meminfo_read((struct ss_span){ (const uint8_t *)text, strlen(text) }, ret, err);
}

static void meminfo_available_is_in_bytes(void **state)
{
	uint64_t v = 0;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(read_text("MemTotal:   1 kB\nMemFree: 2 kB\nMemAvailable:   229340 kB\nB: 3 kB\n",
			    &v, &err),
		  &err);
	assert_int_equal(v, 229340u * 1024u);
}

static void meminfo_without_a_number_is_refused(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "", "/proc/meminfo without MemAvailable" },
		{ "MemAvailable: 1 kB\n", "/proc/meminfo without MemAvailable" },
		{ "A: 1 kB\nMemAvailable:", "/proc/meminfo: MemAvailable is no number" },
		{ "A: 1 kB\nMemAvailable: 12", "/proc/meminfo: MemAvailable is no number" },
		{ "A: 1 kB\nMemAvailable: x kB\n", "/proc/meminfo: MemAvailable is no number" },
		{ "A: 1 kB\nMemAvailable: 99999999999999999999999 kB\n",
		  "/proc/meminfo: MemAvailable is no number" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		uint64_t v;
		struct ss_err err = { 0 };

		expect_fails(read_text(cases[i].text, &v, &err), &err, SS_EINPUT, cases[i].msg);
	}
}

static void meminfo_of_this_machine_can_be_read(void **state)
{
	uint64_t v = 0;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(rt_meminfo_available(&v, &err), &err);
	assert_true(v > 1024 * 1024);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(meminfo_available_is_in_bytes),
		cmocka_unit_test(meminfo_without_a_number_is_refused),
		cmocka_unit_test(meminfo_of_this_machine_can_be_read),
	};

	return cmocka_run_group_tests_name("rt_meminfo", tests, NULL, NULL);
}

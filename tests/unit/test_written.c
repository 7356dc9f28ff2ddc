/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "expect.h"
#include "project/written.h"

#include <stdio.h>
#include <string.h>

static struct ss_span list(const char *s, size_t n)
{
	return (struct ss_span){ (const uint8_t *)s, n };
}
#define LIST(s) list((s), sizeof(s) - 1)

static void the_last_step_that_wrote_a_file_is_named(void **state)
{
	struct project_written w = { .n = 0 };

	(void)state;
	assert_int_equal(project_written_by(&w, ss_text("/a")), 0);
	project_written_add(&w, 1, LIST("/b\0/a\0/c d\0"));
	project_written_add(&w, 2, LIST("/a/x\0/ab\0"));
	assert_int_equal(project_written_by(&w, ss_text("/a")), 1);
	project_written_add(&w, 12, LIST("/a\0"));
	assert_int_equal(project_written_by(&w, ss_text("/a")), 12);
	assert_int_equal(project_written_by(&w, ss_text("/b")), 1);
	assert_int_equal(project_written_by(&w, ss_text("/c d")), 1);
	assert_int_equal(project_written_by(&w, ss_text("/a/x")), 2);
	assert_int_equal(project_written_by(&w, ss_text("/ab")), 2);
	assert_int_equal(project_written_by(&w, ss_text("/abc")), 0);
	assert_int_equal(project_written_by(&w, ss_text("/")), 0);
	assert_int_equal(project_written_by(&w, ss_text("")), 0);
	assert_int_equal(project_written_by(&w, ss_text("/zzz")), 0);
	project_written_done(&w);
}

/* A supervisor that was killed in the middle of a name, and what is no path. */
static void what_is_no_path_is_left_out(void **state)
{
	struct project_written w = { .n = 0 };

	(void)state;
	project_written_add(&w, 1, LIST("/whole\0/cut"));
	project_written_add(&w, 2, LIST("\0\0relative\0/\0/last\0"));
	project_written_add(&w, 3, LIST(""));
	assert_int_equal(w.n, 2);
	assert_int_equal(project_written_by(&w, ss_text("/whole")), 1);
	assert_int_equal(project_written_by(&w, ss_text("/last")), 2);
	assert_int_equal(project_written_by(&w, ss_text("/cut")), 0);
	assert_int_equal(project_written_by(&w, ss_text("relative")), 0);
	project_written_done(&w);
}

static void many_files_are_found(void **state)
{
	struct project_written w = { .n = 0 };
	char path[32];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		const int n = snprintf(path, sizeof(path), "/f%u", i * 7919 % 5000);

		project_written_add(&w, i + 1, list(path, (size_t)n + 1));
	}
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(path, sizeof(path), "/f%u", i * 7919 % 5000);
		assert_int_equal(project_written_by(&w, ss_text(path)), i + 1);
	}
	project_written_done(&w);
}

/* More than is kept: then it is said of nobody, not of the wrong one. */
static void too_many_are_nobodys(void **state)
{
	struct project_written w = { .text = { .max = 8 } };

	(void)state;
	project_written_add(&w, 1, LIST("/a\0"));
	assert_int_equal(project_written_by(&w, ss_text("/a")), 1);
	project_written_add(&w, 2, LIST("/0123456789\0/a\0"));
	assert_int_equal(project_written_by(&w, ss_text("/a")), 0);
	project_written_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_step_that_wrote_a_file_is_named),
		cmocka_unit_test(what_is_no_path_is_left_out),
		cmocka_unit_test(many_files_are_found),
		cmocka_unit_test(too_many_are_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "project/paths.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void relative_is(const char *dir, const char *file, const char *want)
{
	char *got = project_path_relative(dir, file);

	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
	free(got);
}

static void paths_a_file_is_named_from_a_folder(void **state)
{
	char top[] = "/tmp/paths.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	assert_int_equal(mkdir("a", 0700) | mkdir("a/b", 0700) | mkdir("ab", 0700), 0);
	relative_is(".", "file", "file");
	relative_is("a", "a/b/file", "b/file");
	relative_is("a/b", "a/file", "../file");
	relative_is("a/b/", "file", "../../file");
	relative_is("a", "ab/file", "../ab/file");
	relative_is("ab", "a/file", "../a/file");
	relative_is("a/../ab", "./a//b/../file", "../a/file");
	relative_is("/", "/tmp/file", "tmp/file");
	relative_is("/usr", "/file", "../file");
	relative_is("a", "none/file", NULL);
	relative_is("none", "a/file", NULL);
	assert_int_equal(rmdir("a/b") | rmdir("a") | rmdir("ab") | chdir("/") | rmdir(top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_a_file_is_named_from_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

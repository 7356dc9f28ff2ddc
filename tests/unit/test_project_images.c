/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "project/project.h"

#include <string.h>

#define SUM "2121212121212121212121212121212121212121212121212121212121212121"

static bool has_for(const char *text, const char *arch)
{
	uint8_t sha256[CRYPTO_SHA256_SIZE];
	bool ret;
	/* exactly its bytes, without a NUL behind them */
	const size_t n = strlen(text);
	uint8_t *copy = test_malloc(n + 1);

	memset(sha256, 0x21, sizeof(sha256));
	memcpy(copy + 1, text, n);
	ret = project_images_has((struct ss_span){ copy + 1, n }, arch, sha256);
	test_free(copy);
	return ret;
}

static bool has(const char *text)
{
	return has_for(text, "x86_64");
}

static void project_images_a_kernel_of_the_list_is_known(void **state)
{
	(void)state;
	assert_true(has("x86_64 kernel-nitro 00ff " SUM " 4285440\n"));
	assert_true(has("x86_64 kernel-local 00ff " SUM " 4285440"));
	assert_true(has("# rows\n\nx86_64 cmdline - 00 108\nx86_64 kernel-nitro 00ff " SUM " 1\n"));
}

static void project_images_of_another_architecture_it_is_unknown(void **state)
{
	(void)state;
	assert_false(has("aarch64 kernel-nitro 00ff " SUM " 4285440\n"));
	assert_true(has_for("aarch64 kernel-nitro 00ff " SUM " 4285440\n", "aarch64"));
	assert_false(has_for("aarch64 kernel-nitro 00ff " SUM " 4285440\n", "aarch"));
	assert_false(has_for("aarch kernel-nitro 00ff " SUM " 4285440\n", "aarch64"));
}

static void project_images_the_hash_counts_in_its_place_only(void **state)
{
	(void)state;
	assert_false(has("x86_64 stage0 00ff " SUM " 26672\n"));
	assert_false(has("x86_64 kernel-nitro.config 00ff " SUM " 54549\n"));
	assert_false(has("x86_64 kernel- 00ff " SUM " 54549\n"));
	assert_false(has("x86_64 kernel-nitro " SUM " 00 4285440\n"));
	assert_false(has("# x86_64 kernel-nitro 00ff " SUM " 4285440\n"));
	assert_false(has("x86_64 kernel-nitro 00ff\n" SUM " 4285440\n"));
	assert_false(has("x86_64 kernel-nitro 00ff " SUM));
	assert_false(has("x86_64 kernel-nitro 00ff " SUM "21 4285440\n"));
	assert_false(has("x86_64 kernel-nitro 00ff 21 4285440\n"));
	assert_false(has(""));
}

static void project_images_every_shorter_text_names_nothing(void **state)
{
	static const char row[] = "x86_64 kernel-nitro 00ff " SUM " 1\n";
	char part[sizeof(row)];

	(void)state;
	for (size_t n = 0; n < sizeof(row) - 3; n++) { /* to the space before the size */
		memcpy(part, row, n);
		part[n] = '\0';
		assert_false(has(part));
	}
	assert_true(has(row));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(project_images_a_kernel_of_the_list_is_known),
		cmocka_unit_test(project_images_of_another_architecture_it_is_unknown),
		cmocka_unit_test(project_images_the_hash_counts_in_its_place_only),
		cmocka_unit_test(project_images_every_shorter_text_names_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

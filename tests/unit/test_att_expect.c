/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_expect.h"
#include "base/hex.h"
#include "expect.h"

#include <string.h>

static void versions_are_numbers_with_dots(void **state)
{
	static const char *const good[] = {
		"0", "1", "1.10", "1.2.3.4.5.6.7.8", "999999999", "01"
	};
	static const char *const bad[] = { "",    ".",     "1.", ".1",         "1..2",
					   "v1",  "1.2-3", "1 ", "1000000000", "1.2.3.4.5.6.7.8.9",
					   "1.x", "-1",    "1,2" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(good); i++)
		assert_true(att_is_version(good[i]));
	for (size_t i = 0; i < SS_NELEMS(bad); i++)
		assert_false(att_is_version(bad[i]));
}

static void versions_are_compared_number_by_number(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		int want;
	} cases[] = {
		{ "1", "1", 0 },
		{ "1", "1.0.0", 0 },
		{ "1.9", "1.10", -1 },
		{ "2", "1.99", 1 },
		{ "1.0.1", "1", 1 },
		{ "0.9", "0.10", -1 },
		{ "999999999", "1", 1 },
		{ "01.1", "1.01", 0 },
		{ "1.2.3.4.5.6.7.8", "1.2.3.4.5.6.7", 1 },
		{ "2026.11", "2026.2", 1 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		assert_int_equal(att_version_compare(cases[i].a, cases[i].b), cases[i].want);
		assert_int_equal(att_version_compare(cases[i].b, cases[i].a), -cases[i].want);
	}
}

/* Values of genuine documents, whose module_id names the instance. */
static void pcr4_is_that_of_the_instance_id(void **state)
{
	static const struct {
		const char *id;
		const char *pcr;
	} cases[] = {
		{ "i-0df237f0418feb41e", "bed9c17c27bdec410da8cabfa9aeb868e557679c88f49f90f5b538460"
					 "c5538c2c674049f1122951f4655"
					 "4bdf2fb0ce74" },
		{ "i-07e25f3bada361dec", "7021a47677bff47b7623ed573cb71326925d51773cb4f5af33f346d9f"
					 "fceb3d6e2c4aa85f1e2b352e4b2"
					 "95ff22d16485" },
		{ "i-020b6af9246d90e92", "1f442c86d494a88185642086d904ed89f62fb66ee9997d7b1a4f040fa"
					 "ab3bba4244c768a584e5778195b"
					 "3afc715637c6" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		uint8_t pcr[ATT_PCR_SIZE];
		char hex[2 * ATT_PCR_SIZE + 1];

		att_pcr_of_text(cases[i].id, pcr);
		ss_hex((struct ss_span){ pcr, sizeof(pcr) }, hex);
		assert_string_equal(hex, cases[i].pcr);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_numbers_with_dots),
		cmocka_unit_test(versions_are_compared_number_by_number),
		cmocka_unit_test(pcr4_is_that_of_the_instance_id),
	};

	return cmocka_run_group_tests_name("att_expect", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements of an image, through the public header: the forms that others write, what is refused
 * and how it is said, and what a document is then compared with. */
#include "nov.h"

#define REGISTERS                                                                                  \
	"\"HashAlgorithm\": \"Sha384 { ... }\", \"PCR0\": \"" NOV_PCR0 "\", \"PCR1\": \"" NOV_PCR1 \
	"\", \"PCR2\": \"" NOV_PCR2 "\""
#define PART(type, hash) "{\"type\": \"" type "\", \"size\": 1, \"sha384\": \"" hash "\"}"
#define PARTS(kernel)                                                                              \
	PART("kernel", kernel)                                                                     \
	", " PART("cmdline", ZERO96) ", " PART("ramdisk", ZERO96) ", " PART("ramdisk", ZERO96)
#define WITH_PARTS(parts) "{" REGISTERS ", \"parts\": [" parts "]}"
#define ALL(cases) (sizeof(cases) / sizeof((cases)[0]))

static int measured(struct ssv_question *q, const char *json)
{
	return ssv_expect_measurements(q, json, strlen(json), "m.json");
}

static void every_form_is_an_expectation(void **state)
{
	static const char *const forms[] = {
		"{" REGISTERS "}",
		"{\"Measurements\": {" REGISTERS "}}",
		"{" REGISTERS ", \"eif\": {}, \"source\": null}",
		WITH_PARTS(PART("kernel", ZERO96) ", " PART("ramdisk", ZERO96)),
	};
	struct document d;

	(void)state;
	load_document(NOV, &d);
	for (size_t i = 0; i < ALL(forms); i++) {
		struct ssv_question *q = ssv_question_new();

		assert_int_equal(measured(q, forms[i]), SSV_OK);
		assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
		expect_code(q, &d, "");
		ssv_question_free(q);
	}
}

static void another_register_is_a_no(void **state)
{
	static const struct {
		const char *json;
		const char *code;
	} cases[] = {
		{ "{\"HashAlgorithm\": \"Sha384\", \"PCR0\": \"" ZERO96 "\", \"PCR1\": \"" NOV_PCR1
		  "\", \"PCR2\": \"" NOV_PCR2 "\"}",
		  "pcr0" },
		{ "{\"HashAlgorithm\": \"Sha384\", \"PCR0\": \"" NOV_PCR0 "\", \"PCR1\": \"" ZERO96
		  "\", \"PCR2\": \"" NOV_PCR2 "\"}",
		  "pcr1" },
		{ "{\"HashAlgorithm\": \"Sha384\", \"PCR0\": \"" NOV_PCR0
		  "\", \"PCR1\": \"" NOV_PCR1 "\", \"PCR2\": \"" ZERO96 "\"}",
		  "pcr2" },
		{ "{" REGISTERS ", \"PCR8\": \"" NOV_PCR0 "\"}", "signer" },
	};
	struct document d;

	(void)state;
	load_document(NOV, &d);
	for (size_t i = 0; i < ALL(cases); i++) {
		struct ssv_question *q = ssv_question_new();

		assert_int_equal(measured(q, cases[i].json), SSV_OK);
		assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
		expect_code(q, &d, cases[i].code);
		ssv_question_free(q);
	}
}

static void what_is_no_measurement_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *json;
		const char *error;
	} cases[] = {
		{ "", "'m.json': measurements: the JSON ends too early (line 1, column 0)" },
		{ "[]", "'m.json': measurements must be an object" },
		{ "{}", "'m.json': 'HashAlgorithm' is missing" },
		{ "{\"Measurements\": []}", "'m.json': 'Measurements' is not an object" },
		{ "{\"HashAlgorithm\": \"Sha512\"}",
		  "'m.json': 'HashAlgorithm' must be Sha384 { ... }" },
		{ "{\"HashAlgorithm\": \"Sha384\", \"PCR0\": \"" NOV_PCR0 "\"}",
		  "'m.json': 'PCR1' is missing" },
		{ "{\"HashAlgorithm\": \"Sha384\", \"PCR0\": \"00\"}",
		  "'m.json': 'PCR0' must be 96 hexadecimal digits" },
		{ "{" REGISTERS ", \"PCR3\": \"" ZERO96 "\"}",
		  "'m.json': 'PCR3' is no register of an image" },
		{ "{\"Measurements\": {" REGISTERS ", \"PCR31\": null}}",
		  "'m.json': 'PCR31' is no register of an image" },
		{ "{" REGISTERS ", \"parts\": {}}", "'m.json': 'parts' is not an array" },
		{ WITH_PARTS("1"), "'m.json': part 0: 'parts' must hold objects" },
		{ WITH_PARTS(PART("metadata", ZERO96)),
		  "'m.json': part 0: 'type' must be kernel, cmdline or ramdisk" },
		{ WITH_PARTS(PART("kernel", ZERO96) ", " PART("ramdisk", "0")),
		  "'m.json': part 1: 'sha384' must be 96 hexadecimal digits" },
		{ WITH_PARTS("{\"type\": \"kernel\", \"size\": -1}"),
		  "'m.json': part 0: 'size' is not a whole number" },
	};

	(void)state;
	for (size_t i = 0; i < ALL(cases); i++) {
		struct ssv_question *q = ssv_question_new();

		assert_int_equal(measured(q, cases[i].json), SSV_EINPUT);
		assert_string_equal(ssv_question_error(q), cases[i].error);
		ssv_question_free(q);
	}
}

static void cut_at_any_byte_it_is_refused(void **state)
{
	static const char whole[] = WITH_PARTS(PART("kernel", ZERO96));

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		struct ssv_question *q = ssv_question_new();
		char *cut = malloc(n + 1); /* the library must not read the byte behind n */

		assert_non_null(cut);
		memcpy(cut, whole, n);
		assert_int_equal(ssv_expect_measurements(q, cut, n, "m"), SSV_EINPUT);
		ssv_question_free(q);
		free(cut);
	}
}

static void measurements_and_builds_have_a_limit(void **state)
{
	struct ssv_question *q = ssv_question_new();

	(void)state;
	for (unsigned i = 0; i < SSV_IMAGES_MAX; i++)
		assert_int_equal(measured(q, "{" REGISTERS "}"), SSV_OK);
	for (unsigned i = 0; i < SSV_KNOWN_MAX; i++)
		assert_int_equal(ssv_know_measurements(q, "{" REGISTERS "}",
						       strlen("{" REGISTERS "}"), "old"),
				 SSV_OK);
	assert_string_equal(ssv_question_error(q), "");
	assert_int_equal(ssv_know_measurements(q, "{}", 2, "old"), SSV_ELIMIT);
	assert_string_equal(ssv_question_error(q), "over 16 measurements");
	assert_int_equal(measured(q, "{" REGISTERS "}"), SSV_ELIMIT);
	assert_int_equal(ssv_expect_measurements(q, NULL, 0, "m"), SSV_EUSAGE);
	assert_int_equal(ssv_expect_measurements(q, "{}", 2, NULL), SSV_EUSAGE);
	assert_int_equal(ssv_expect_measurements(q, "{}", 2, ""), SSV_EINPUT);
	assert_int_equal(ssv_expect_measurements(NULL, "{}", 2, "m"), SSV_EUSAGE);
	assert_int_equal(ssv_know_measurements(NULL, "{}", 2, "m"), SSV_EUSAGE);
	ssv_question_free(q);
}

/* A known build is never an expectation: alone it is no question, and it makes no yes. */
static void a_known_build_accepts_nothing(void **state)
{
	static const char known[] = WITH_PARTS(PARTS(ZERO96));
	struct ssv_question *q = ssv_question_new();
	struct ssv_verdict *v;
	struct document d;

	(void)state;
	load_document(NOV, &d);
	assert_int_equal(ssv_know_measurements(q, known, strlen(known), "old.json"), SSV_OK);
	assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
	ssv_verify(q, d.bytes, d.n, &v);
	assert_string_equal(ssv_verdict_code(v), "no-question");
	ssv_verdict_free(v);
	assert_int_equal(measured(q, "{\"HashAlgorithm\": \"Sha384\", \"PCR0\": \"" ZERO96
				     "\", \"PCR1\": \"" ZERO96 "\", \"PCR2\": \"" NOV_PCR2
				     "\", \"parts\": [" PARTS(NOV_PCR0) "]}"),
			 SSV_OK);
	ssv_verify(q, d.bytes, d.n, &v);
	assert_string_equal(ssv_verdict_code(v), "pcr0");
	assert_non_null(strstr(ssv_verdict_text(v), "changed    kernel: as in old.json"));
	ssv_verdict_free(v);
	ssv_question_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_an_expectation),
		cmocka_unit_test(another_register_is_a_no),
		cmocka_unit_test(what_is_no_measurement_is_refused_with_its_reason),
		cmocka_unit_test(cut_at_any_byte_it_is_refused),
		cmocka_unit_test(measurements_and_builds_have_a_limit),
		cmocka_unit_test(a_known_build_accepts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

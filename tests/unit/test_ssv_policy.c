/* SPDX-License-Identifier: Apache-2.0 */
/* Policies in JSON, through the public header: what is refused and how it is said; what is accepted
 * and what it then demands. */
#include "nov.h"

#define RELEASE_WITH(more) "{\"release\": [{\"version\": \"1\", " NOV_REGISTERS ", " more "}]}"
#define DEEP16 "[[[[[[[[[[[[[[[["

static void what_is_no_policy_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *json;
		int status;
		const char *error;
	} cases[] = {
		{ "", SSV_EINPUT, "policy: the JSON ends too early (line 1, column 0)" },
		{ "null", SSV_EINPUT, "a policy must be an object" },
		{ "[]", SSV_EINPUT, "a policy must be an object" },
		{ "{} {}", SSV_EINPUT, "policy: something follows the JSON (line 1, column 4)" },
		{ "{\"nonce\": true, \"nonce\": true}", SSV_EINPUT,
		  "policy: a key occurs twice (line 1, column 23)" },
		{ "{\"nonces\": true}", SSV_EINPUT, "unknown key 'nonces'; did you mean 'nonce'?" },
		{ "{\"root\": \"x\"}", SSV_EINPUT, "unknown key 'root'" },
		{ "{\"allow_debug\": true}", SSV_EINPUT, "unknown key 'allow_debug'" },
		{ "{\"\\u001b[31m\": 1}", SSV_EINPUT, "unknown key '\\x1b[31m'" },
		{ "{\"nonce\": null}", SSV_EINPUT, "'nonce' must be true or false" },
		{ "{\"nonce\": 1}", SSV_EINPUT, "'nonce' must be true or false" },
		{ "{\"max_age\": \"300\"}", SSV_EINPUT, "'max_age' must be a whole number" },
		{ "{\"max_age\": 300.0}", SSV_EINPUT, "'max_age' must be a whole number" },
		{ "{\"max_age\": 0}", SSV_EINPUT, "'max_age' must be from 1 to 31536000" },
		{ "{\"max_age\": 31536001}", SSV_EINPUT, "'max_age' must be from 1 to 31536000" },
		{ "{\"max_age\": -1}", SSV_EINPUT, "'max_age' must be from 1 to 31536000" },
		{ "{\"max_age\": 9223372036854775808}", SSV_EINPUT,
		  "policy: a number is too large (line 1, column 31)" },
		{ "{\"min_rebuilders\": 1}", SSV_EINPUT,
		  "'min_rebuilders' is reserved: this version of selfsame counts no rebuilders" },
		{ "{\"minimum_release\": \"1\"}", SSV_EINPUT,
		  "'minimum_release' says nothing without a release" },
		{ "{\"minimum_release\": \"one\"}", SSV_EINPUT,
		  "'minimum_release' must be numbers with dots between" },
		{ "{\"role\": \"web\"}", SSV_EINPUT, "'role' must begin with 'arn:'" },
		{ "{\"role\": \"\"}", SSV_EINPUT, "'role' is empty" },
		{ "{\"role\": \"arn:\\n\"}", SSV_EINPUT, "'role' holds a control character" },
		{ "{\"role\": \"arn:\\u0000\"}", SSV_EINPUT,
		  "policy: a NUL in a string (line 1, column 21)" },
		{ "{\"role\": \"arn:\xff\"}", SSV_EINPUT, NULL },
		{ "{\"instance\": \"enc\"}", SSV_EINPUT, "'instance' must begin with 'i-'" },
		{ "{\"release\": {}}", SSV_EINPUT, "'release' must be a list" },
		{ "{\"release\": []}", SSV_EINPUT,
		  "'release' is an empty list, which says nothing" },
		{ "{\"release\": [" NOV_RELEASE "], \"signer\": []}", SSV_EINPUT,
		  "'signer' is an empty list, which says nothing" },
		{ "{\"release\": [" NOV_RELEASE "], \"pcr\": []}", SSV_EINPUT,
		  "'pcr' is an empty list, which says nothing" },
		{ "{\"release\": [1]}", SSV_EINPUT, "'release[0]' must be an object" },
		{ "{\"release\": [{}]}", SSV_EINPUT, "'release[0].version' is missing" },
		{ "{\"release\": [{\"version\": \"1\", \"pcr0\": \"" ZERO96
		  "\", \"pcr1\": \"" ZERO96 "\"}]}",
		  SSV_EINPUT, "'release[0].pcr2' is missing" },
		{ "{\"release\": [{\"version\": \"1\", \"pcr0\": \"00\"}]}", SSV_EINPUT,
		  "'release[0].pcr0' must be 96 hexadecimal digits" },
		{ "{\"release\": [{\"version\": \"1\", \"pcr0\": \"" ZERO96 "00\"}]}", SSV_EINPUT,
		  "'release[0].pcr0' must be 96 hexadecimal digits" },
		{ "{\"release\": [{\"version\": \"1\", \"PCR0\": \"" ZERO96 "\"}]}", SSV_EINPUT,
		  NULL },
		{ RELEASE_WITH("\"not_after\": \"tomorrow\""), SSV_EINPUT,
		  "'release[0].not_after' must be a time of UTC, as in 2026-11-21T10:30:00Z" },
		{ RELEASE_WITH("\"not_before\": \"2026-01-02\", \"not_after\": \"2026-01-01\""),
		  SSV_EINPUT, "release 1 ends before it begins" },
		{ "{\"release\": [" NOV_RELEASE ", {\"version\": \"1.4.2.0\", " NOV_REGISTERS "}]}",
		  SSV_EINPUT, "release 1.4.2.0 comes twice" },
		{ RELEASE_WITH("\"part\": {}"), SSV_EINPUT, "'release[0].part' must be a list" },
		{ RELEASE_WITH("\"part\": [{\"type\": \"metadata\"}]"), SSV_EINPUT,
		  "'release[0].part[0].type' must be kernel, cmdline, ramdisk0, ramdisk1 "
		  "\xe2\x80\xa6" },
		{ RELEASE_WITH("\"part\": [{\"type\": \"ramdisk100\"}]"), SSV_EINPUT,
		  "'release[0].part[0].type' must be kernel, cmdline, ramdisk0, ramdisk1 "
		  "\xe2\x80\xa6" },
		{ RELEASE_WITH("\"part\": [{\"type\": \"kernel\", \"size\": -1}]"), SSV_EINPUT,
		  "'release[0].part[0].size' must be from 0 to 9223372036854775807" },
		{ RELEASE_WITH("\"part\": [{\"type\": \"kernel\", \"size\": 1}]"), SSV_EINPUT,
		  "'release[0].part[0].sha384' is missing" },
		{ "{\"pcr\": [{\"index\": 32}]}", SSV_EINPUT,
		  "'pcr[0].index' must be from 0 to 31" },
		{ "{\"pcr\": [{\"index\": 3}]}", SSV_EINPUT, "'pcr[0].value' is missing" },
		{ "{\"pcr\": [{\"index\": 3, \"value\": \"" ZERO96
		  "\"}, {\"index\": 3, \"value\": \"" ZERO96 "\"}]}",
		  SSV_EINPUT, "PCR3 comes twice" },
		{ "{\"signer\": [{}]}", SSV_EINPUT,
		  "'signer[0]' must have either 'pem' or 'pcr8'" },
		{ "{\"signer\": [{\"pcr8\": \"" ZERO96 "\", \"pem\": \"x\"}]}", SSV_EINPUT,
		  "'signer[0]' must have either 'pem' or 'pcr8'" },
		{ "{\"signer\": [{\"pem\": \"x\"}]}", SSV_EINPUT, NULL },
		{ "{\"signer\": [{\"certificate\": \"/etc/passwd\"}]}", SSV_EINPUT,
		  "unknown key 'signer[0].certificate'" },
		{ DEEP16 DEEP16 "[", SSV_ELIMIT, "policy: more than 32 levels deep, at offset 32" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ssv_question *q = ssv_question_new();
		char want[512];

		assert_string_equal(ssv_question_error(q), "");
		if (policy(q, cases[i].json) != cases[i].status)
			fail_msg("case %zu, %s: %s", i, cases[i].json, ssv_question_error(q));
		(void)snprintf(want, sizeof(want), "'test': %s",
			       cases[i].error != NULL ? cases[i].error : "");
		if (cases[i].error != NULL)
			assert_string_equal(ssv_question_error(q), want);
		assert_int_equal(strncmp(ssv_question_error(q), "'test': ", 8), 0);
		ssv_question_free(q);
	}
}

static void lists_have_limits(void **state)
{
	static const struct {
		const char *key;
		int n;
		const char *error;
	} cases[] = {
		{ "release", 1025, "'test': 'release' has 1025 elements; the limit is 1024" },
		{ "pcr", 33, "'test': 'pcr' has 33 elements; the limit is 32" },
		{ "signer", 17, "'test': 'signer' has 17 elements; the limit is 16" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ssv_question *q = ssv_question_new();
		char json[4096];
		int n = snprintf(json, sizeof(json), "{\"%s\": [0", cases[i].key);

		for (int k = 1; k < cases[i].n; k++)
			n += snprintf(json + n, sizeof(json) - (size_t)n, ",0");
		(void)snprintf(json + n, sizeof(json) - (size_t)n, "]}");
		assert_int_equal(policy(q, json), SSV_ELIMIT);
		assert_string_equal(ssv_question_error(q), cases[i].error);
		ssv_question_free(q);
	}
}

static void a_policy_over_4_mib_is_refused_unread(void **state)
{
	const size_t n = SSV_POLICY_MAX + 1;
	struct ssv_question *q = ssv_question_new();
	char *json = malloc(n);

	(void)state;
	assert_non_null(json);
	memset(json, ' ', n);
	assert_int_equal(ssv_expect_policy(q, json, n, "test"), SSV_ELIMIT);
	assert_string_equal(ssv_question_error(q),
			    "'test': policy: 4194305 bytes of JSON; the limit is 4194304");
	free(json);
	ssv_question_free(q);
}

static void truncated_at_every_byte_it_is_refused(void **state)
{
	const size_t n = strlen(NOV_POLICY);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct ssv_question *q = ssv_question_new();
		char *cut = malloc(i > 0 ? i : 1); /* exactly, so that a read past it is seen */

		assert_non_null(cut);
		memcpy(cut, NOV_POLICY, i);
		assert_int_equal(ssv_expect_policy(q, cut, i, "test"), SSV_EINPUT);
		assert_true(ssv_question_error(q)[0] != '\0');
		free(cut);
		ssv_question_free(q);
	}
}

/* Of the genuine document, with its nonce, 10 s after it was made. */
static void what_a_policy_says_is_demanded(void **state)
{
	static const struct {
		const char *json;
		const char *code;
	} cases[] = {
		{ NOV_POLICY, "" },
		{ "{\"min_rebuilders\": 0, \"nonce\": true, \"max_age\": 10, \"release\": "
		  "[" NOV_RELEASE "]}",
		  "" },
		{ "{\"max_age\": 9, \"release\": [" NOV_RELEASE "]}", "too-old" },
		{ "{\"minimum_release\": \"1.4.2\", \"release\": [" NOV_RELEASE "]}", "" },
		{ "{\"minimum_release\": \"1.10\", \"release\": [" NOV_RELEASE "]}",
		  "release-too-old" },
		{ RELEASE_WITH("\"not_before\": \"2022-11-09\", \"not_after\": \"2022-11-10\""),
		  "" },
		{ RELEASE_WITH("\"not_before\": \"2022-11-10\""), "release-early" },
		{ RELEASE_WITH("\"not_after\": \"2022-11-09\""), "release-expired" },
		{ RELEASE_WITH(
			  "\"note\": \"a note\", \"part\": [{\"type\": \"kernel\", \"size\": 1, "
			  "\"sha384\": \"" ZERO96 "\"}]"),
		  "" },
		{ RELEASE_WITH("\"pcr8\": \"" ZERO96 "\""), "" }, /* the image is not signed */
		{ "{\"release\": [{\"version\": \"1\", \"pcr0\": \"" NOV_PCR0
		  "\", \"pcr1\": \"" NOV_PCR1 "\", \"pcr2\": \"" NOV_PCR1 "\"}]}",
		  "release-unknown" },
		{ "{\"release\": [" NOV_RELEASE
		  "], \"pcr\": [{\"index\": 15, \"value\": \"" NOV_PCR0 "\"}]}",
		  "pcr" },
		{ "{\"release\": [" NOV_RELEASE
		  "], \"pcr\": [{\"index\": 16, \"value\": \"" NOV_PCR0 "\"}]}",
		  "pcr-absent" },
		{ "{\"release\": [" NOV_RELEASE "], \"instance\": \"i-04fd167167daacf3b\"}", "" },
		{ "{\"release\": [" NOV_RELEASE "], \"instance\": \"i-04fd167167daacf3c\"}",
		  "instance" },
		{ "{\"release\": [" NOV_RELEASE "], \"role\": \"arn:aws:iam::1:role/x\"}", "role" },
		{ "{\"release\": [" NOV_RELEASE "], \"signer\": [{\"pcr8\": \"" NOV_PCR0 "\"}]}",
		  "signer" },
		{ "{\"release\": [" NOV_RELEASE "], \"signer\": [{\"pcr8\": \"" NOV_PCR0
		  "\"}, {\"pcr8\": \"" ZERO96 "\"}]}",
		  "" },
		{ "{\"pcr\": [{\"index\": 0, \"value\": \"" NOV_PCR0
		  "\"}, {\"index\": 1, \"value\": \"" NOV_PCR1
		  "\"}, {\"index\": 2, \"value\": \"" NOV_PCR2 "\"}]}",
		  "" },
		{ "{\"pcr\": [{\"index\": 0, \"value\": \"" NOV_PCR0 "\"}]}", "no-question" },
		{ "{}", "no-question" },
	};
	static uint8_t nonce[32];
	struct document d;

	(void)state;
	unhex("c678c86135de539d183acff58886d98dfb9823041af9f934bf909ac0f8d96245", nonce, 32);
	load_document(NOV, &d);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ssv_question *q = ssv_question_new();

		assert_int_equal(ssv_at_time(q, NOV_AT + 10), SSV_OK);
		assert_int_equal(ssv_expect_nonce(q, nonce, sizeof(nonce)), SSV_OK);
		if (policy(q, cases[i].json) != SSV_OK)
			fail_msg("case %zu: %s", i, ssv_question_error(q));
		expect_code(q, &d, cases[i].code);
		ssv_question_free(q);
	}
}

static void a_nonce_that_a_policy_demands_is_needed(void **state)
{
	struct ssv_question *q = ssv_question_new();
	struct document d;

	(void)state;
	load_document(NOV, &d);
	assert_int_equal(ssv_at_document(q), SSV_OK);
	assert_int_equal(policy(q, "{\"nonce\": true, \"release\": [" NOV_RELEASE "]}"), SSV_OK);
	expect_no_question(q, &d, "'test' demands a nonce");
	ssv_question_free(q);
}

static void of_several_policies_all_must_hold(void **state)
{
	struct ssv_question *q = ssv_question_new();
	struct document d;

	(void)state;
	load_document(NOV, &d);
	assert_int_equal(ssv_at_time(q, NOV_AT + 10), SSV_OK);
	assert_int_equal(policy(q, "{\"max_age\": 20, \"release\": [" NOV_RELEASE "]}"), SSV_OK);
	expect_code(q, &d, "");
	assert_int_equal(policy(q, "{\"max_age\": 5}"), SSV_OK);
	expect_code(q, &d, "too-old");
	assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
	expect_code(q, &d, "");
	assert_int_equal(policy(q, "{\"instance\": \"i-0\"}"), SSV_OK);
	expect_code(q, &d, "instance");
	assert_int_equal(policy(q, "{}"), SSV_OK);
	assert_int_equal(policy(q, "{}"), SSV_ELIMIT);
	assert_string_equal(ssv_question_error(q), "over 4 policies");
	ssv_question_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_policy_is_refused_with_its_reason),
		cmocka_unit_test(lists_have_limits),
		cmocka_unit_test(a_policy_over_4_mib_is_refused_unread),
		cmocka_unit_test(truncated_at_every_byte_it_is_refused),
		cmocka_unit_test(what_a_policy_says_is_demanded),
		cmocka_unit_test(a_nonce_that_a_policy_demands_is_needed),
		cmocka_unit_test(of_several_policies_all_must_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* libselfsame-verify through its public header: what is asked, what is answered, and that nothing
 * but a proof can be taken for a yes. */
#include "certs.h"
#include "nov.h"

#include <pthread.h>

#define ALL(cases) (sizeof(cases) / sizeof((cases)[0]))

static const uint8_t user_data_of_nov[32] = {
	0x7c, 0x37, 0x10, 0x80, 0x79, 0xb3, 0xe8, 0xa3, 0x6d, 0x8a, 0x79,
	0x70, 0xde, 0x1d, 0x6d, 0x4f, 0xf1, 0x46, 0x1e, 0x0e, 0x35, 0xd9,
	0x55, 0x7c, 0x4d, 0x78, 0x9d, 0xf5, 0xe0, 0x57, 0x66, 0x20,
};

/* The registers of the genuine document, at its time. */
static struct ssv_question *good_question(void)
{
	struct ssv_question *q = ssv_question_new();

	assert_int_equal(policy(q, NOV_POLICY), SSV_OK);
	assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
	return q;
}

static void a_yes_lends_what_the_document_says(void **state)
{
	struct ssv_question *q = good_question();
	const struct ssv_verified *yes;
	struct ssv_verdict *v;
	struct document d;
	uint8_t pcr2[48];
	const uint8_t *p;
	size_t n;

	(void)state;
	load_document(NOV, &d);
	ssv_verify(q, d.bytes, d.n, &v);
	ssv_question_free(q);     /* a verdict outlives its question, */
	memset(&d, 0, sizeof(d)); /* and the bytes that were handed in */
	yes = ssv_verdict_yes(v);
	assert_non_null(yes);
	assert_string_equal(ssv_verdict_code(v), "");
	assert_string_equal(ssv_verdict_message(v), "");
	p = ssv_verified_module_id(yes, &n);
	assert_int_equal(n, 39);
	assert_memory_equal(p, "i-04fd167167daacf3b-enc01845e97d0b3eb4e", 39);
	assert_true(ssv_verified_timestamp_ms(yes) / 1000 == NOV_AT);
	unhex(NOV_PCR2, pcr2, sizeof(pcr2));
	p = ssv_verified_pcr(yes, 2, &n);
	assert_int_equal(n, SSV_PCR_SIZE);
	assert_memory_equal(p, pcr2, sizeof(pcr2));
	assert_null(ssv_verified_pcr(yes, SSV_PCRS, &n));
	assert_null(ssv_verified_pcr(yes, 31, &n));
	assert_int_equal(n, 0);
	p = ssv_verified_user_data(yes, &n);
	assert_int_equal(n, 32);
	assert_memory_equal(p, user_data_of_nov, 32);
	assert_non_null(ssv_verified_nonce(yes, &n));
	assert_int_equal(n, 32);
	assert_null(ssv_verified_public_key(yes, &n));
	assert_int_equal(n, 0);
	ssv_verdict_free(v);
}

static void the_report_is_text_and_json(void **state)
{
	static const char *const lines[] = { "yes\n", "\nchain      yes\n", "\n  from     test\n",
					     "\nrelease    yes\n" };
	static const char *const members[] = { "\"Verdict\": \"yes\"", "\"Reason\": null",
					       "\"Root\": \"AWS\"" };
	struct ssv_question *q = good_question();
	struct ssv_verdict *v;
	struct document d;

	(void)state;
	load_document(NOV, &d);
	ssv_verify(q, d.bytes, d.n, &v);
	for (size_t i = 0; i < ALL(lines); i++)
		assert_non_null(strstr(ssv_verdict_text(v), lines[i]));
	for (size_t i = 0; i < ALL(members); i++)
		assert_non_null(strstr(ssv_verdict_json(v), members[i]));
	assert_int_equal(strncmp(ssv_verdict_text(v), "yes\n", 4), 0);
	ssv_verdict_free(v);
	assert_int_equal(ssv_expect_instance(q, "i-0"), SSV_OK);
	ssv_verify(q, d.bytes, d.n, &v);
	assert_int_equal(strncmp(ssv_verdict_text(v), "no: instance: PCR4 is not ", 26), 0);
	assert_non_null(strstr(ssv_verdict_json(v), "\"Reason\": \"instance\""));
	assert_null(ssv_verdict_yes(v));
	ssv_verdict_free(v);
	ssv_question_free(q);
}

static void what_was_not_asked_gets_no_answer(void **state)
{
	struct ssv_question *q = ssv_question_new();
	struct ssv_verdict *v;
	struct document d;
	uint8_t pcr[48];

	(void)state;
	load_document(NOV, &d);
	expect_no_question(q, &d, "no time of verification was chosen");
	assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
	expect_no_question(q, &d, "nothing is expected of the code that runs: no verdict");
	unhex(NOV_PCR0, pcr, sizeof(pcr));
	assert_int_equal(ssv_expect_pcr(q, 0, pcr, sizeof(pcr)), SSV_OK);
	expect_no_question(q, &d, "PCR0, PCR1 and PCR2 must all be expected: no verdict");
	unhex(NOV_PCR1, pcr, sizeof(pcr));
	assert_int_equal(ssv_expect_pcr(q, 1, pcr, sizeof(pcr)), SSV_OK);
	expect_no_question(q, &d, "PCR0, PCR1 and PCR2 must all be expected: no verdict");
	unhex(NOV_PCR2, pcr, sizeof(pcr));
	assert_int_equal(ssv_expect_pcr(q, 2, pcr, sizeof(pcr)), SSV_OK);
	expect_code(q, &d, "");
	assert_int_equal(ssv_expect_max_age(q, 1), SSV_OK);
	expect_code(q, &d, "");
	assert_int_equal(ssv_at_document(q), SSV_OK);
	expect_no_question(q, &d, "at the document's own time it has no age");
	ssv_verify(q, d.bytes, d.n, &v);
	assert_string_equal(ssv_verdict_text(v),
			    "no verdict: at the document's own time it has no age\n");
	assert_non_null(strstr(ssv_verdict_json(v), "\"Verdict\": \"none\""));
	ssv_verdict_free(v);
	ssv_question_free(q);
}

static void a_setter_that_failed_is_never_forgotten(void **state)
{
	struct ssv_question *q = good_question();
	const uint8_t byte = 0;
	struct document d;

	(void)state;
	load_document(NOV, &d);
	expect_code(q, &d, "");
	assert_int_equal(ssv_expect_nonce(q, &byte, 0), SSV_EUSAGE);
	assert_string_equal(ssv_question_error(q), "nonce is empty");
	expect_no_question(q, &d, "nonce is empty");
	assert_int_equal(policy(q, NOV_POLICY), SSV_OK);
	assert_int_equal(ssv_expect_role(q, "web"), SSV_EINPUT); /* the first one stays */
	expect_no_question(q, &d, "nonce is empty");
	ssv_question_free(q);
}

/* Each on a question of its own. */
static int set(struct ssv_question *q, int which)
{
	static uint8_t big[SSV_VALUE_MAX + 1];
	static char text[SSV_PEM_MAX + 2] = "arn:";

	memset(text + 4, 'x', sizeof(text) - 5);
	switch (which) {
	case 0:
		return ssv_expect_pcr(q, 32, big, 48);
	case 1:
		return ssv_expect_pcr(q, 0, big, 47);
	case 2:
		return ssv_expect_pcr(q, 0, NULL, 48);
	case 3:
		return ssv_expect_nonce(q, big, sizeof(big));
	case 4:
		return ssv_expect_user_data(q, NULL, 1);
	case 5:
		return ssv_expect_public_key(q, big, sizeof(big));
	case 6:
		return ssv_expect_role(q, NULL);
	case 7:
		return ssv_expect_role(q, text);
	case 8:
		return ssv_expect_instance(q, "arn:");
	case 9:
		return ssv_expect_instance(q, "i-\x1b");
	case 10:
		return ssv_expect_signer_pem(q, "x", 1);
	case 11:
		return ssv_expect_signer_pem(q, text, sizeof(text));
	case 12:
		return ssv_trust_root_pem(q, NULL, 0);
	case 13:
		return ssv_trust_root_pem(q, key_P384, strlen(key_P384));
	case 14:
		return ssv_allow_leeway(q, 301);
	case 15:
		return ssv_expect_max_age(q, 0);
	case 16:
		return ssv_expect_policy(q, NULL, 0, "x");
	default:
		return ssv_expect_policy(q, "{}", 2, NULL);
	}
}

static void every_setter_says_what_is_wrong(void **state)
{
	static const struct {
		int status;
		const char *error; /* NULL = libcrypto's business */
	} cases[] = {
		{ SSV_EUSAGE, "there is no PCR32" },
		{ SSV_EUSAGE, "PCR0 must be of 48 bytes" },
		{ SSV_EUSAGE, "PCR0 must be of 48 bytes" },
		{ SSV_ELIMIT, "nonce: 1025 bytes; the limit is 1024" },
		{ SSV_EUSAGE, "user_data is empty" },
		{ SSV_ELIMIT, "public_key: 1025 bytes; the limit is 1024" },
		{ SSV_EUSAGE, "role is NULL" },
		{ SSV_ELIMIT, "role has over 4096 bytes" },
		{ SSV_EINPUT, "instance must begin with 'i-'" },
		{ SSV_EINPUT, "instance holds a control character" },
		{ SSV_EINPUT, NULL },
		{ SSV_ELIMIT, "signer: 65538 bytes; the limit is 65536" },
		{ SSV_EUSAGE, "root is empty" },
		{ SSV_EINPUT, NULL },
		{ SSV_ELIMIT, "a leeway of 301 seconds; the limit is 300" },
		{ SSV_EUSAGE, "an age of 0 seconds" },
		{ SSV_EUSAGE, "policy: the text is NULL" },
		{ SSV_EUSAGE, "policy: its source is NULL" },
	};
	struct document d;

	(void)state;
	load_document(NOV, &d);
	for (size_t i = 0; i < ALL(cases); i++) {
		struct ssv_question *q = good_question();

		assert_int_equal(set(q, (int)i), cases[i].status);
		if (cases[i].error != NULL)
			assert_string_equal(ssv_question_error(q), cases[i].error);
		expect_no_question(q, &d, ssv_question_error(q));
		assert_int_equal(set(NULL, (int)i), SSV_EUSAGE);
		ssv_question_free(q);
	}
}

static void registers_have_a_limit(void **state)
{
	struct ssv_question *q = ssv_question_new();
	const uint8_t pcr[48] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(ssv_expect_pcr(q, i % 32, pcr, sizeof(pcr)), SSV_OK);
	assert_int_equal(ssv_expect_pcr(q, 0, pcr, sizeof(pcr)), SSV_ELIMIT);
	assert_string_equal(ssv_question_error(q), "over 64 registers are expected");
	ssv_question_free(q);
}

static void a_value_can_be_replaced(void **state)
{
	struct ssv_question *q = good_question();
	struct document d;
	uint8_t nonce[32];

	(void)state;
	unhex("c678c86135de539d183acff58886d98dfb9823041af9f934bf909ac0f8d96245", nonce, 32);
	load_document(NOV, &d);
	assert_int_equal(ssv_expect_nonce(q, nonce, 31), SSV_OK);
	expect_code(q, &d, "nonce");
	assert_int_equal(ssv_expect_nonce(q, nonce, 32), SSV_OK);
	expect_code(q, &d, "");
	assert_int_equal(ssv_expect_user_data(q, user_data_of_nov, 32), SSV_OK);
	expect_code(q, &d, "");
	assert_int_equal(ssv_expect_user_data(q, nonce, 32), SSV_OK);
	expect_code(q, &d, "user-data");
	assert_int_equal(ssv_expect_user_data(q, user_data_of_nov, 32), SSV_OK);
	assert_int_equal(ssv_expect_public_key(q, nonce, 32), SSV_OK);
	expect_code(q, &d, "public-key");
	ssv_question_free(q);
}

static void time_is_an_argument(void **state)
{
	static const struct {
		int64_t at;
		unsigned leeway;
		const char *code;
	} cases[] = {
		{ NOV_AT, 0, "" },
		{ NOV_AT - 1, 0, "future" },
		{ NOV_AT - 1, 1, "" },
		{ NOV_AT + 300, 0, "" },
		{ NOV_AT + 301, 0, "too-old" },
		{ NOV_AT + 4 * 3600, 0, "certificate-expired" },
		{ INT64_MIN, 300, "certificate-early" },
		{ INT64_MAX, 300, "certificate-expired" },
	};
	struct ssv_question *q = good_question();
	struct document d;

	(void)state;
	load_document(NOV, &d);
	assert_int_equal(ssv_expect_max_age(q, 300), SSV_OK);
	for (size_t i = 0; i < ALL(cases); i++) {
		assert_int_equal(ssv_at_time(q, cases[i].at), SSV_OK);
		assert_int_equal(ssv_allow_leeway(q, cases[i].leeway), SSV_OK);
		expect_code(q, &d, cases[i].code);
	}
	ssv_question_free(q);
}

static void debug_mode_is_accepted_by_name_only(void **state)
{
	struct ssv_question *q = ssv_question_new();
	struct ssv_verdict *v;
	struct document d;

	(void)state;
	load_document("debug-2022.cose", &d);
	assert_int_equal(policy(q, NOV_POLICY), SSV_OK);
	assert_int_equal(ssv_at_document(q), SSV_OK);
	expect_code(q, &d, "debug-mode");
	assert_int_equal(ssv_allow_debug(q), SSV_OK);
	assert_int_equal(ssv_allow_emulated(q), SSV_OK);
	ssv_verify(q, d.bytes, d.n, &v);
	assert_non_null(ssv_verdict_yes(v));
	assert_int_equal(strncmp(ssv_verdict_text(v), "yes; DEBUG MODE: ", 17), 0);
	ssv_verdict_free(v);
	ssv_question_free(q);
}

static void another_root_or_signer_is_a_no(void **state)
{
	struct ssv_question *q = good_question();
	struct document d;

	(void)state;
	load_document(NOV, &d);
	expect_code(q, &d, "");
	assert_int_equal(ssv_expect_signer_pem(q, cert_P384, strlen(cert_P384)), SSV_OK);
	expect_code(q, &d, "signer");
	assert_int_equal(ssv_trust_root_pem(q, cert_P384, strlen(cert_P384)), SSV_OK);
	expect_code(q, &d, "root-not-given");
	ssv_question_free(q);
}

static void documents_of_the_wrong_size_are_a_no(void **state)
{
	static uint8_t big[SSV_DOCUMENT_MAX + 1];
	static const struct {
		const uint8_t *p;
		size_t n;
	} cases[] = {
		{ big, 0 },
		{ NULL, 0 },
		{ NULL, 100 },
		{ big, sizeof(big) },
	};
	struct ssv_question *q = good_question();

	(void)state;
	for (size_t i = 0; i < ALL(cases); i++) {
		struct ssv_verdict *v;

		ssv_verify(q, cases[i].p, cases[i].n, &v);
		assert_string_equal(ssv_verdict_code(v), "document-size");
		assert_null(ssv_verdict_yes(v));
		ssv_verdict_free(v);
	}
	ssv_question_free(q);
}

/* On copies of the exact size, so that a read past the end is seen; one question for all. */
static void a_changed_or_shortened_document_is_a_no(void **state)
{
	struct ssv_question *q = good_question();
	struct document d;

	(void)state;
	load_document(NOV, &d);
	for (size_t i = 0; i < d.n; i += 5) {
		uint8_t *copy = malloc(d.n);
		struct ssv_verdict *v;

		assert_non_null(copy);
		memcpy(copy, d.bytes, d.n);
		copy[i] ^= (uint8_t)(1u << (i % 8));
		ssv_verify(q, copy, d.n, &v);
		assert_null(ssv_verdict_yes(v));
		assert_non_null(ssv_reason_meaning(ssv_verdict_code(v)));
		ssv_verdict_free(v);
		free(copy);
		copy = malloc(i + 1);
		assert_non_null(copy);
		memcpy(copy, d.bytes, i + 1 < d.n ? i + 1 : i);
		ssv_verify(q, copy, i + 1 < d.n ? i + 1 : i, &v);
		assert_null(ssv_verdict_yes(v));
		ssv_verdict_free(v);
		free(copy);
	}
	expect_code(q, &d, "");
	ssv_question_free(q);
}

static void nothing_is_never_a_yes(void **state)
{
	struct ssv_question *q = good_question();
	struct ssv_verdict *v = (struct ssv_verdict *)q;
	struct document d;
	size_t n = 7;

	(void)state;
	load_document(NOV, &d);
	ssv_verify(NULL, d.bytes, d.n, &v);
	assert_null(v);
	ssv_verify(q, d.bytes, d.n, NULL);
	assert_null(ssv_verdict_yes(NULL));
	assert_string_equal(ssv_verdict_code(NULL), "no-question");
	assert_string_equal(ssv_verdict_message(NULL), "there is no verdict");
	assert_string_equal(ssv_verdict_text(NULL), "no verdict: there is no verdict\n");
	assert_non_null(strstr(ssv_verdict_json(NULL), "\"none\""));
	assert_null(ssv_verified_nonce(NULL, &n));
	assert_int_equal(n, 0);
	assert_null(ssv_verified_user_data(NULL, NULL));
	assert_null(ssv_verified_public_key(NULL, NULL));
	assert_null(ssv_verified_pcr(NULL, 0, NULL));
	assert_null(ssv_verified_module_id(NULL, NULL));
	assert_true(ssv_verified_timestamp_ms(NULL) == 0);
	assert_string_equal(ssv_question_error(NULL), "");
	assert_int_equal(ssv_at_time(NULL, 0), SSV_EUSAGE);
	assert_int_equal(ssv_at_document(NULL), SSV_EUSAGE);
	assert_int_equal(ssv_allow_debug(NULL), SSV_EUSAGE);
	assert_int_equal(ssv_allow_emulated(NULL), SSV_EUSAGE);
	ssv_verdict_free(NULL);
	ssv_question_free(NULL);
	ssv_question_free(q);
}

static void codes_have_a_meaning(void **state)
{
	(void)state;
	assert_string_equal(ssv_reason_meaning("signer"),
			    "PCR8 is not that of an expected signing certificate");
	assert_null(ssv_reason_meaning(""));
	assert_null(ssv_reason_meaning("no-question"));
	assert_null(ssv_reason_meaning("Signer"));
	assert_null(ssv_reason_meaning(NULL));
	assert_true(strspn(ssv_version(), "0123456789.") == strlen(ssv_version()));
}

struct shared {
	const struct document *d;
	const struct ssv_verdict *v;
	unsigned yes;
};

/* A question of its own, and a verdict that all read. */
static void *ask_often(void *arg)
{
	struct shared *s = arg;
	struct ssv_question *q = ssv_question_new();

	(void)ssv_expect_policy(q, NOV_POLICY, strlen(NOV_POLICY), "test");
	(void)ssv_at_time(q, NOV_AT);
	for (int i = 0; i < 20; i++) {
		struct ssv_verdict *v;

		ssv_verify(q, s->d->bytes, s->d->n, &v);
		if (ssv_verdict_yes(v) != NULL &&
		    strcmp(ssv_verdict_json(v), ssv_verdict_json(s->v)) == 0 &&
		    strcmp(ssv_verdict_text(v), ssv_verdict_text(s->v)) == 0)
			s->yes++;
		ssv_verdict_free(v);
	}
	ssv_question_free(q);
	return NULL;
}

static void threads_with_questions_of_their_own_agree(void **state)
{
	struct ssv_question *q = good_question();
	struct shared s[4];
	pthread_t threads[4];
	struct ssv_verdict *v;
	struct document d;

	(void)state;
	load_document(NOV, &d);
	ssv_verify(q, d.bytes, d.n, &v);
	assert_non_null(ssv_verdict_yes(v));
	for (size_t i = 0; i < ALL(s); i++) {
		s[i] = (struct shared){ .d = &d, .v = v };
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &s[i]), 0);
	}
	for (size_t i = 0; i < ALL(s); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(s[i].yes, 20);
	}
	ssv_verdict_free(v);
	ssv_question_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_yes_lends_what_the_document_says),
		cmocka_unit_test(the_report_is_text_and_json),
		cmocka_unit_test(what_was_not_asked_gets_no_answer),
		cmocka_unit_test(a_setter_that_failed_is_never_forgotten),
		cmocka_unit_test(every_setter_says_what_is_wrong),
		cmocka_unit_test(registers_have_a_limit),
		cmocka_unit_test(a_value_can_be_replaced),
		cmocka_unit_test(time_is_an_argument),
		cmocka_unit_test(debug_mode_is_accepted_by_name_only),
		cmocka_unit_test(another_root_or_signer_is_a_no),
		cmocka_unit_test(documents_of_the_wrong_size_are_a_no),
		cmocka_unit_test(a_changed_or_shortened_document_is_a_no),
		cmocka_unit_test(nothing_is_never_a_yes),
		cmocka_unit_test(codes_have_a_meaning),
		cmocka_unit_test(threads_with_questions_of_their_own_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

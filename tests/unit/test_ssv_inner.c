/* SPDX-License-Identifier: Apache-2.0 */
/* A question as selfsame's own commands put it: of an endpoint there is no answer without its peer,
 * and what the public header refuses to take is refused here by the same rules where it is asked.
 */
#include "nov.h"
#include "verify/ssv_inner.h"

/* Of the genuine document, whose public_key and user_data are no endpoint's. */
static struct ssv_question *endpoint_question(void)
{
	struct ssv_question *q = ssv_question_new();

	ssv_put_endpoint(q);
	assert_int_equal(policy(q, NOV_POLICY), SSV_OK);
	assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
	return q;
}

static void put_nonce_of_nov(struct ssv_question *q, const struct document *d)
{
	struct att_no no = { 0 };
	struct att_doc doc;

	assert_int_equal(att_doc_read((struct ss_span){ d->bytes, d->n }, &doc, &no), 0);
	ssv_put_value(q, SSV_NONCE, doc.nonce);
}

static void an_endpoint_has_no_answer_without_a_peer(void **state)
{
	static const struct att_endpoint peer = { .spki = { (const uint8_t *)"key", 3 },
						  .any_operator = true };
	struct ssv_question *q = endpoint_question();
	AUTO_SSV_VERDICT struct ssv_verdict *v = NULL;
	struct ss_err err = { 0 };
	struct ssv_verdict *other;
	struct document d;

	(void)state;
	load_document(NOV, &d);
	put_nonce_of_nov(q, &d);
	assert_int_equal(ssv_question_check(q, &err), 0);
	assert_int_equal(ssv_answer(q, (struct ss_span){ d.bytes, d.n }, &v, &err), -1);
	assert_string_equal(err.msg, "an endpoint without its peer: no verdict");
	assert_int_equal(err.code, SS_EUSAGE);
	assert_null(v);
	ssv_verify(q, d.bytes, d.n, &other);
	assert_null(ssv_verdict_yes(other));
	assert_string_equal(ssv_verdict_code(other), "no-question");
	ssv_verdict_free(other);

	ssv_put_peer(q, &peer);
	assert_int_equal(ssv_answer(q, (struct ss_span){ d.bytes, d.n }, &v, &err), 0);
	assert_null(ssv_verdict_yes(v));
	assert_string_equal(ssv_verdict_code(v), "endpoint-key");
	ssv_put_peer(q, NULL);
	ssv_verify(q, d.bytes, d.n, &other);
	assert_string_equal(ssv_verdict_code(other), "no-question");
	ssv_verdict_free(other);
	ssv_question_free(q);
}

/* A wrong nonce in a document of before the question answers an older one; by less than the clocks
 * may differ nobody can tell. */
static void an_old_answer_is_told_from_a_wrong_one(void **state)
{
	struct ssv_question *q = endpoint_question();
	struct att_no no = { 0 };
	struct att_doc doc;
	struct document d;

	(void)state;
	load_document(NOV, &d);
	assert_int_equal(att_doc_read((struct ss_span){ d.bytes, d.n }, &doc, &no), 0);
	ssv_put_value(q, SSV_NONCE, (struct ss_span){ (const uint8_t *)"another", 7 });
	assert_int_equal(ssv_allow_leeway(q, 30), SSV_OK);
	for (size_t i = 0; i < 5; i++) {
		const uint64_t made = doc.timestamp_ms;
		const uint64_t asked[] = { 0, made - 1, made, made + 30000, made + 30001 };
		const struct att_endpoint peer = { .spki = { (const uint8_t *)"key", 3 },
						   .asked_ms = asked[i] };
		AUTO_SSV_VERDICT struct ssv_verdict *v = NULL;
		struct ss_err err = { 0 };

		ssv_put_peer(q, &peer);
		assert_int_equal(ssv_answer(q, (struct ss_span){ d.bytes, d.n }, &v, &err), 0);
		assert_null(ssv_verdict_yes(v));
		assert_string_equal(ssv_verdict_code(v), i < 4 ? "nonce" : "replayed");
	}
	ssv_question_free(q);
}

static void a_peer_without_a_nonce_is_no_question(void **state)
{
	static const struct att_endpoint peer = { .spki = { (const uint8_t *)"key", 3 } };
	struct ssv_question *q = endpoint_question();
	struct ss_err err = { 0 };

	(void)state;
	assert_int_equal(ssv_question_check(q, &err), 0); /* it comes with the peer */
	ssv_put_peer(q, &peer);
	assert_int_equal(ssv_question_check(q, &err), -1);
	assert_string_equal(err.msg, "an endpoint needs a nonce: no verdict");
	ssv_question_free(q);
}

static void nothing_has_to_be_fetched_for_no_question(void **state)
{
	struct ssv_question *q = ssv_question_new();
	struct ss_err err = { 0 };

	(void)state;
	assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
	assert_int_equal(ssv_question_check(q, &err), -1);
	assert_string_equal(err.msg, "nothing is expected of the code that runs: no verdict");
	assert_non_null(err.hint);
	assert_int_equal(ssv_expect_role(q, ""), SSV_EINPUT); /* a setter that failed stays */
	assert_int_equal(policy(q, NOV_POLICY), SSV_OK);
	assert_int_equal(ssv_question_check(q, &err), -1);
	assert_string_equal(err.msg, "role is empty");
	ssv_question_free(q);
}

/* A value of no bytes is not the same as none. */
static void an_empty_value_is_an_expectation(void **state)
{
	struct ssv_question *q = ssv_question_new();
	AUTO_SSV_VERDICT struct ssv_verdict *v = NULL;
	struct ss_err err = { 0 };
	struct document d;

	(void)state;
	load_document(NOV, &d);
	assert_int_equal(policy(q, NOV_POLICY), SSV_OK);
	assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
	ssv_put_value(q, SSV_USER_DATA, (struct ss_span){ NULL, 0 });
	assert_int_equal(ssv_answer(q, (struct ss_span){ d.bytes, d.n }, &v, &err), 0);
	assert_string_equal(ssv_verdict_code(v), "user-data");
	ssv_question_free(q);
}

static void images_are_copied_with_their_parts(void **state)
{
	struct ssv_question *q = ssv_question_new();
	AUTO_SSV_VERDICT struct ssv_verdict *v = NULL;
	struct att_part part = { .name = "kernel", .size = 1 };
	struct att_release r = { .name = "1.0", .parts = &part, .n_parts = 1 };
	struct ss_err err = { 0 };
	struct document d;
	char source[] = "--eif app.eif";

	(void)state;
	load_document(NOV, &d);
	unhex(NOV_PCR0, r.pcr[0], ATT_PCR_SIZE);
	unhex(NOV_PCR1, r.pcr[1], ATT_PCR_SIZE);
	unhex(NOV_PCR2, r.pcr[2], ATT_PCR_SIZE);
	for (size_t i = 0; i < SSV_IMAGES_MAX; i++)
		assert_int_equal(ssv_put_image(q, &r, source, &err), 0);
	assert_int_equal(ssv_put_image(q, &r, source, &err), -1);
	assert_string_equal(err.msg, "over 4 measurements");
	assert_int_equal(err.code, SS_ELIMIT);
	memset(&r, 0xff, sizeof(r));
	memset(&part, 0xff, sizeof(part));
	memset(source, 'x', sizeof(source) - 1);
	assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
	assert_int_equal(ssv_answer(q, (struct ss_span){ d.bytes, d.n }, &v, &err), 0);
	assert_non_null(ssv_verdict_yes(v));
	assert_non_null(strstr(ssv_verdict_text(v), "\n  from     --eif app.eif\n"));
	ssv_question_free(q);
}

/* Each of several must hold: two values of one register cannot. */
static void two_values_of_a_register_are_two_expectations(void **state)
{
	static const uint8_t zeros[ATT_PCR_SIZE];
	struct ssv_question *q = ssv_question_new();
	AUTO_SSV_VERDICT struct ssv_verdict *v = NULL;
	struct ss_err err = { 0 };
	struct document d;

	(void)state;
	load_document(NOV, &d);
	assert_int_equal(policy(q, NOV_POLICY), SSV_OK);
	assert_int_equal(ssv_at_time(q, NOV_AT), SSV_OK);
	assert_int_equal(ssv_put_register(q, 1, zeros, "--pcr", &err), 0);
	assert_int_equal(ssv_answer(q, (struct ss_span){ d.bytes, d.n }, &v, &err), 0);
	assert_string_equal(ssv_verdict_code(v), "pcr1");
	ssv_question_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_has_no_answer_without_a_peer),
		cmocka_unit_test(an_old_answer_is_told_from_a_wrong_one),
		cmocka_unit_test(a_peer_without_a_nonce_is_no_question),
		cmocka_unit_test(nothing_has_to_be_fetched_for_no_question),
		cmocka_unit_test(an_empty_value_is_an_expectation),
		cmocka_unit_test(images_are_copied_with_their_parts),
		cmocka_unit_test(two_values_of_a_register_are_two_expectations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

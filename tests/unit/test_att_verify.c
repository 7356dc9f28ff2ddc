/* SPDX-License-Identifier: Apache-2.0 */
/* Genuine documents: yes at their time, and no for every byte that is another or missing. What the
 * rules say of documents that AWS would not make: tests/attest/family.py. */
#include "attest/att_verify.h"
#include "vectors.h"

#include <string.h>

/* Expects of `doc` what it says itself, so that only what is broken can make a no. */
struct question {
	struct att_doc doc;
	uint8_t pcr[3][ATT_PCR_SIZE];
	struct att_register registers[3];
	struct att_expect e;
	struct att_options o;
};

static void ask_what_it_says(struct ss_span document, struct question *q)
{
	struct att_no no = { 0 };

	memset(q, 0, sizeof(*q));
	assert_int_equal(att_doc_read(document, &q->doc, &no), 0);
	for (unsigned i = 0; i < 3; i++) {
		memcpy(q->pcr[i], q->doc.pcr[i].p, ATT_PCR_SIZE);
		q->registers[i] = (struct att_register){
			.index = i, .any = &q->pcr[i], .n = 1, .source = "test"
		};
	}
	q->e = (struct att_expect){ .registers = q->registers, .n_registers = 3 };
	q->o = (struct att_options){ .root = att_root_aws(),
				     .at = (int64_t)(q->doc.timestamp_ms / 1000) };
}

/* The reason of a verdict; ATT_NO_NONE for a yes. */
static enum att_reason verdict(struct ss_span document, const struct question *q)
{
	AUTO_VERDICT struct att_verdict *v = NULL;
	struct ss_err err = { 0 };
	enum att_reason r;

	expect_ok(att_verify(document, &q->e, &q->o, &v, &err), &err);
	r = att_verdict_reason(v);
	assert_true((r == ATT_NO_NONE) == (att_verdict_yes(v) != NULL));
	assert_true((r == ATT_NO_NONE) == (att_verdict_message(v)[0] == '\0'));
	return r;
}

static void genuine_documents_are_a_yes_at_their_time(void **state)
{
	static const struct {
		const char *name;
		size_t size;
		enum att_reason reason;
	} cases[] = {
		{ VECTOR_NOV, VECTOR_NOV_SIZE, ATT_NO_NONE },
		{ VECTOR_DSTACK, VECTOR_DSTACK_SIZE, ATT_NO_NONE },
		{ VECTOR_DEBUG, 4426, ATT_NO_DEBUG_MODE },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(16384);
		struct question q;
		struct ss_span s;

		load_vector(cases[i].name, &b);
		s = (struct ss_span){ b.p, cases[i].size };
		assert_int_equal(att_doc_length(ss_buf_span(&b)), cases[i].size);
		ask_what_it_says(s, &q);
		assert_int_equal(verdict(s, &q), cases[i].reason);
		q.o.when = ATT_AT_DOCUMENT;
		q.o.at = 0;
		assert_int_equal(verdict(s, &q), cases[i].reason);
	}
}

static void a_yes_lends_the_document(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(16384);
	AUTO_VERDICT struct att_verdict *v = NULL;
	struct ss_err err = { 0 };
	const struct att_doc *d;
	struct question q;

	(void)state;
	load_vector(VECTOR_NOV, &b);
	ask_what_it_says(ss_buf_span(&b), &q);
	expect_ok(att_verify(ss_buf_span(&b), &q.e, &q.o, &v, &err), &err);
	d = att_verified_doc(att_verdict_yes(v));
	assert_int_equal(d->module_id.n, 39);
	assert_memory_equal(d->module_id.p, "i-04fd167167daacf3b-enc01845e97d0b3eb4e", 39);
	assert_int_equal(d->nonce.n, 32);
	assert_null(d->public_key.p);
}

static void time_is_an_argument(void **state)
{
	static const struct {
		int64_t at;
		uint64_t leeway;
		enum att_reason reason;
	} cases[] = {
		{ VECTOR_NOV_AT, 0, ATT_NO_NONE },
		{ VECTOR_NOV_AT - 1, 0, ATT_NO_FUTURE },
		{ VECTOR_NOV_AT - 1, 1, ATT_NO_NONE },
		{ VECTOR_NOV_AT - 2, 1, ATT_NO_FUTURE },
		{ 1668034317, 300, ATT_NO_NONE }, /* the leaf's notBefore */
		{ 1668034316, 300, ATT_NO_CERTIFICATE_EARLY },
		{ 1668045120, 0, ATT_NO_NONE }, /* its notAfter */
		{ 1668045121, 0, ATT_NO_CERTIFICATE_EXPIRED },
		{ 0, 300, ATT_NO_CERTIFICATE_EARLY },
		{ -1, 300, ATT_NO_CERTIFICATE_EARLY },
		{ INT64_MIN, 300, ATT_NO_CERTIFICATE_EARLY },
		{ INT64_MAX, 300, ATT_NO_CERTIFICATE_EXPIRED },
	};
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(16384);
	AUTO_ATT_CACHE struct att_cache *cache = att_cache_new();
	struct question q;

	(void)state;
	load_vector(VECTOR_NOV, &b);
	ask_what_it_says(ss_buf_span(&b), &q);
	for (size_t i = 0; i < 2 * SS_NELEMS(cases); i++) {
		q.o.cache = i < SS_NELEMS(cases) ? NULL : cache; /* the same with what was seen */
		q.o.at = cases[i % SS_NELEMS(cases)].at;
		q.o.leeway_s = cases[i % SS_NELEMS(cases)].leeway;
		assert_int_equal(verdict(ss_buf_span(&b), &q), cases[i % SS_NELEMS(cases)].reason);
	}
}

static void another_root_is_a_no_with_or_without_a_cache(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(16384);
	AUTO_ATT_CACHE struct att_cache *cache = att_cache_new();
	struct question q;

	(void)state;
	load_vector(VECTOR_NOV, &b);
	ask_what_it_says(ss_buf_span(&b), &q);
	q.o.cache = cache;
	assert_int_equal(verdict(ss_buf_span(&b), &q), ATT_NO_NONE);
	q.o.root.sha256[31] ^= 1;
	assert_int_equal(verdict(ss_buf_span(&b), &q), ATT_NO_ROOT_NOT_AWS);
	q.o.root.is_aws = false;
	assert_int_equal(verdict(ss_buf_span(&b), &q), ATT_NO_ROOT_NOT_GIVEN);
}

static void every_bit_flip_is_a_no(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(16384);
	AUTO_ATT_CACHE struct att_cache *cache = att_cache_new();
	size_t reasons[ATT_NO_END] = { 0 };
	struct question q;

	(void)state;
	load_vector(VECTOR_NOV, &b);
	ask_what_it_says(ss_buf_span(&b), &q);
	q.o.cache = cache;
	for (size_t i = 0; i < b.n; i++) {
		const uint8_t bit = (uint8_t)(1u << (i * 5 % 8));
		enum att_reason r;

		b.p[i] ^= bit;
		r = verdict(ss_buf_span(&b), &q);
		if (r == ATT_NO_NONE)
			fail_msg("byte %zu, bit %02x: yes", i, bit);
		reasons[r]++;
		b.p[i] ^= bit;
	}
	/* All stages are reached, so none of them says no to everything. */
	assert_true(reasons[ATT_NO_SIGNATURE] > 900);
	assert_true(reasons[ATT_NO_CHAIN_SIGNATURE] > 500);
	assert_true(reasons[ATT_NO_ROOT_NOT_AWS] > 500);
	assert_true(reasons[ATT_NO_CBOR] > 20);
	assert_int_equal(verdict(ss_buf_span(&b), &q), ATT_NO_NONE);
}

static void every_truncation_is_a_no(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(16384);
	struct question q;

	(void)state;
	load_vector(VECTOR_NOV, &b);
	ask_what_it_says(ss_buf_span(&b), &q);
	for (size_t n = 0; n < b.n; n++) {
		/* An exact-size copy: a read one past the end is seen by the sanitizer. */
		AUTO_FREE uint8_t *cut = ss_calloc(n > 0 ? n : 1, 1);
		const enum att_reason want = n == 0 ? ATT_NO_DOCUMENT_SIZE : ATT_NO_CBOR;

		memcpy(cut, b.p, n);
		assert_int_equal(verdict((struct ss_span){ cut, n }, &q), want);
		assert_int_equal(att_doc_length((struct ss_span){ cut, n }), 0);
	}
}

static void without_expectations_there_is_no_verdict(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(16384);
	struct att_verdict *v = NULL;
	struct ss_err err = { 0 };
	struct question q;

	(void)state;
	load_vector(VECTOR_NOV, &b);
	ask_what_it_says(ss_buf_span(&b), &q);
	q.o.allow_debug = q.o.allow_emulated = true;
	q.e.nonce = q.doc.nonce;
	q.e.n_registers = 2;
	expect_fails(att_verify(ss_buf_span(&b), &q.e, &q.o, &v, &err), &err, SS_EUSAGE,
		     "PCR0, PCR1 and PCR2 must all be expected: no verdict");
	q.e.n_registers = 3;
	q.registers[1].n = 0; /* none of no values */
	assert_int_equal(att_verify(ss_buf_span(&b), &q.e, &q.o, &v, &err), -1);
	q.registers[1] = q.registers[0];
	assert_int_equal(att_verify(ss_buf_span(&b), &q.e, &q.o, &v, &err), -1);
	q.e.n_registers = 0;
	expect_fails(att_verify(ss_buf_span(&b), &q.e, &q.o, &v, &err), &err, SS_EUSAGE,
		     "nothing is expected of the code that runs: no verdict");
	assert_null(v);
}

static void reports_hold_what_was_asked(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(16384);
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(65536);
	AUTO_VERDICT struct att_verdict *v = NULL;
	struct ss_err err = { 0 };
	struct question q;
	json_t *j;

	(void)state;
	load_vector(VECTOR_NOV, &b);
	ask_what_it_says(ss_buf_span(&b), &q);
	q.pcr[1][47] ^= 1;
	q.o.root.is_aws = true;
	expect_ok(att_verify(ss_buf_span(&b), &q.e, &q.o, &v, &err), &err);
	assert_int_equal(att_verdict_reason(v), ATT_NO_PCR1);
	assert_string_equal(att_verdict_message(v), "PCR1 is not the expected one");
	att_verdict_text(v, &text);
	assert_memory_equal(text.p, "no: pcr1: PCR1 is not the expected one\n", 39);
	j = att_verdict_json(v);
	assert_string_equal(json_string_value(json_object_get(j, "Verdict")), "no");
	assert_string_equal(json_string_value(json_object_get(j, "Reason")), "pcr1");
	assert_string_equal(json_string_value(json_object_get(j, "Root")), "AWS");
	assert_int_equal(json_array_size(json_object_get(j, "Checks")), 8);
	json_decref(j);
}

static void every_reason_has_its_own_code(void **state)
{
	(void)state;
	assert_string_equal(att_reason_code(ATT_NO_NONE), "");
	for (unsigned i = ATT_NO_NONE + 1; i < ATT_NO_END; i++) {
		const char *code = att_reason_code((enum att_reason)i);

		assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(code));
		assert_true(code[0] != '\0' && att_reason_meaning((enum att_reason)i)[0] != '\0');
		for (unsigned k = ATT_NO_NONE + 1; k < i; k++)
			assert_string_not_equal(code, att_reason_code((enum att_reason)k));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(genuine_documents_are_a_yes_at_their_time),
		cmocka_unit_test(a_yes_lends_the_document),
		cmocka_unit_test(time_is_an_argument),
		cmocka_unit_test(another_root_is_a_no_with_or_without_a_cache),
		cmocka_unit_test(every_bit_flip_is_a_no),
		cmocka_unit_test(every_truncation_is_a_no),
		cmocka_unit_test(without_expectations_there_is_no_verdict),
		cmocka_unit_test(reports_hold_what_was_asked),
		cmocka_unit_test(every_reason_has_its_own_code),
	};

	return cmocka_run_group_tests_name("att_verify", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/mem.h"
#include "expect.h"
#include "fmt/cbor.h"
#include "nsm/nsm_serve.h"

#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static struct nsm_request read_back(const struct ss_buf *b)
{
	struct nsm_request r;
	struct ss_err err = { 0 };

	expect_ok(nsm_request_read(ss_buf_span(b), &r, &err), &err);
	return r;
}

/* What the runtime's half writes, this half reads. */
static void every_request_of_the_runtime_is_read(void **state)
{
	uint8_t room[512];
	struct ss_buf b = SS_BUF_OVER(room);
	struct nsm_request r;

	(void)state;
	nsm_put_describe_nsm(&b);
	assert_int_equal(read_back(&b).call, NSM_DESCRIBE_NSM);
	b.n = 0;
	nsm_put_get_random(&b);
	assert_int_equal(read_back(&b).call, NSM_GET_RANDOM);
	b.n = 0;
	nsm_put_describe_pcr(&b, 31);
	r = read_back(&b);
	assert_true(r.call == NSM_DESCRIBE_PCR && r.index == 31);
	b.n = 0;
	nsm_put_extend_pcr(&b, 16, text("data"));
	r = read_back(&b);
	assert_true(r.call == NSM_EXTEND_PCR && r.index == 16 && r.data.n == 4);
	assert_memory_equal(r.data.p, "data", 4);
	b.n = 0;
	nsm_put_lock_pcr(&b, 300);
	r = read_back(&b);
	assert_true(r.call == NSM_LOCK_PCR && r.index == 300);
	b.n = 0;
	nsm_put_lock_pcrs(&b, 20);
	r = read_back(&b);
	assert_true(r.call == NSM_LOCK_PCRS && r.index == 20);
	b.n = 0;
	nsm_put_attestation(&b,
			    &(struct nsm_attestation){ .user_data = text("u"), .nonce = text("") });
	r = read_back(&b);
	assert_int_equal(r.call, NSM_ATTESTATION);
	assert_true(r.attestation.user_data.n == 1 && r.attestation.user_data.p[0] == 'u');
	assert_true(r.attestation.nonce.p != NULL && r.attestation.nonce.n == 0);
	assert_null(r.attestation.public_key.p);
}

static int read_hex(const char *hex, struct nsm_request *ret, struct ss_err *err)
{
	const size_t n = strlen(hex) / 2;
	/* Exactly as large: a sanitizer sees a read past its end. */
	AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);

	assert_true(ss_unhex(hex, copy, n));
	return nsm_request_read((struct ss_span){ copy, n }, ret, err);
}

/* Heads wider than needed, indefinite maps, any order, keys that are left out: as serde takes it.
 */
static void requests_in_other_spellings_are_read(void **state)
{
	static const char *const good[] = {
		"780947657452616e646f6d",
		"bf6b4465736372696265504352bf65696e6465781910ffffff",
		"a169457874656e64504352a26464617461416165696e6465781a00000010",
		"a16b4174746573746174696f6ea0",
		"a16b4174746573746174696f6ea1656e6f6e636540",
	};
	struct nsm_request r;
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(good); i++)
		expect_ok(read_hex(good[i], &r, &err), &err);
	assert_non_null(r.attestation.nonce.p);
}

static void requests_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *hex, *msg;
	} bad[] = {
		{ "", "NSM request ends early, at byte 0" },
		{ "00", "NSM request: expected a map, at byte 0" },
		{ "6141", "NSM request: no such request, at byte 2" },
		{ "6b4465736372696265504352", "NSM request: no such request, at byte 12" },
		{ "6947657452616e646f6d00", "NSM request: 1 bytes follow the end, at byte 10" },
		{ "a0", "NSM request: a map without a request, at byte 1" },
		{ "a16947657452616e646f6da0", "NSM request: no such request, at byte 11" },
		{ "a16b4465736372696265504352a0", "NSM request: a key is missing, at byte 14" },
		{ "a16b4465736372696265504352a165696e6465784100",
		  "NSM request: expected an unsigned integer, at byte 20" },
		{ "a16b4465736372696265504352a165696e6465781a00010000",
		  "NSM request: an integer over its limit, at byte 20" },
		{ "a16b4465736372696265504352a165696e6465643a",
		  "NSM request: an unknown key, at byte 20" },
		{ "a16b4465736372696265504352a265696e6465780065696e64657800",
		  "NSM request: a key comes twice, at byte 27" },
		{ "a26b4465736372696265504352a165696e646578006947657452616e646f6da0",
		  "NSM request: more than one request, at byte 21" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		struct nsm_request r;
		struct ss_err err = { 0 };

		expect_fails(read_hex(bad[i].hex, &r, &err), &err, SS_EINPUT, bad[i].msg);
	}
}

static void a_request_cut_at_every_byte_is_refused(void **state)
{
	static const char whole[] = "a16b4174746573746174696f6ea369757365725f64617461f6656e6f6e6365"
				    "416e6a7075626c69635f6b6579f6";
	char part[sizeof(whole)];
	struct nsm_request r;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(read_hex(whole, &r, &err), &err);
	for (size_t n = 0; n < sizeof(whole) - 1; n += 2) {
		memcpy(part, whole, n);
		part[n] = '\0';
		assert_int_equal(read_hex(part, &r, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
	}
}

/* What this half writes, the runtime's half reads. */
static void every_answer_is_what_the_runtime_reads(void **state)
{
	uint8_t room[512];
	struct ss_buf b = SS_BUF_OVER(room);
	struct nsm_description d = { .version = { 1, 2, 3 },
				     .module_id = text("i-1-enc2"),
				     .max_pcrs = 32,
				     .locked = UINT32_C(0x8001ffff),
				     .digest = text("SHA384") };
	struct nsm_description got;
	struct nsm_pcr p = { .locked = true, .value = { 1, 2, 3 } };
	struct nsm_pcr q;
	struct ss_span s;
	struct ss_err err = { 0 };

	(void)state;
	nsm_answer_describe_nsm(&b, &d);
	expect_ok(nsm_read_describe_nsm(ss_buf_span(&b), &got, &err), &err);
	assert_true(got.locked == d.locked && got.max_pcrs == 32 && got.version[2] == 3);
	assert_true(got.module_id.n == 8 && memcmp(got.module_id.p, "i-1-enc2", 8) == 0);
	b.n = 0;
	nsm_answer_describe_pcr(&b, &p);
	expect_ok(nsm_read_describe_pcr(ss_buf_span(&b), &q, &err), &err);
	assert_memory_equal(&p, &q, sizeof(p));
	b.n = 0;
	nsm_answer_bytes(&b, NSM_GET_RANDOM, text("random"));
	expect_ok(nsm_read_get_random(ss_buf_span(&b), &s, &err), &err);
	assert_int_equal(s.n, 6);
	b.n = 0;
	nsm_answer_bytes(&b, NSM_ATTESTATION, text("document"));
	expect_ok(nsm_read_attestation(ss_buf_span(&b), &s, &err), &err);
	assert_int_equal(s.n, 8);
	b.n = 0;
	nsm_answer_done(&b, NSM_LOCK_PCRS);
	expect_ok(nsm_read_lock_pcrs(ss_buf_span(&b), &err), &err);
	b.n = 0;
	nsm_answer_error(&b, NSM_READ_ONLY_INDEX);
	expect_fails(nsm_read_lock_pcrs(ss_buf_span(&b), &err), &err, SS_EREMOTE,
		     "the NSM refuses: ReadOnlyIndex");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_of_the_runtime_is_read),
		cmocka_unit_test(requests_in_other_spellings_are_read),
		cmocka_unit_test(requests_that_are_none_are_refused),
		cmocka_unit_test(a_request_cut_at_every_byte_is_refused),
		cmocka_unit_test(every_answer_is_what_the_runtime_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

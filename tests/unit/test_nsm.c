/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/mem.h"
#include "expect.h"
#include "fmt/cbor.h"
#include "nsm/nsm.h"

#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void expect_hex(const struct ss_buf *b, const char *want)
{
	char got[512];

	assert_true(b->n < sizeof(got) / 2);
	ss_hex(ss_buf_span(b), got);
	assert_string_equal(got, want);
}

/* The bytes that serde makes of nsm-api's Request. */
static void nsm_requests_have_the_bytes_of_the_format(void **state)
{
	uint8_t room[256];
	struct ss_buf b = SS_BUF_OVER(room);

	(void)state;
	nsm_put_describe_nsm(&b);
	expect_hex(&b, "6b44657363726962654e534d");
	b.n = 0;
	nsm_put_get_random(&b);
	expect_hex(&b, "6947657452616e646f6d");
	b.n = 0;
	nsm_put_describe_pcr(&b, 16);
	expect_hex(&b, "a16b4465736372696265504352a165696e64657810");
	b.n = 0;
	nsm_put_extend_pcr(&b, 31, text("ab"));
	expect_hex(&b, "a169457874656e64504352a265696e646578181f646461746142"
		       "6162");
	b.n = 0;
	nsm_put_lock_pcr(&b, 16);
	expect_hex(&b, "a1674c6f636b504352a165696e64657810");
	b.n = 0;
	nsm_put_lock_pcrs(&b, 17);
	expect_hex(&b, "a1684c6f636b50435273a16572616e676511");
	b.n = 0;
	nsm_put_attestation(&b, &(struct nsm_attestation){ .nonce = text("n") });
	expect_hex(&b, "a16b4174746573746174696f6ea369757365725f64617461f6656e6f6e6365416e"
		       "6a7075626c69635f6b6579f6");
}

static void nsm_request_over_the_room_is_dropped_not_cut(void **state)
{
	uint8_t room[16];
	struct ss_buf b = SS_BUF_OVER(room);
	struct ss_err err = { 0 };

	(void)state;
	nsm_put_describe_pcr(&b, 1);
	expect_fails(ss_buf_check(&b, "request", &err), &err, SS_ELIMIT,
		     "request is larger than 16 bytes");
}

static void put_description(struct ss_buf *b)
{
	cbor_put_map(b, 1);
	cbor_put_tstr(b, "DescribeNSM");
	cbor_put_map(b, 7);
	cbor_put_tstr(b, "digest");
	cbor_put_tstr(b, "SHA384");
	cbor_put_tstr(b, "max_pcrs");
	cbor_put_uint(b, 32);
	cbor_put_tstr(b, "module_id");
	cbor_put_tstr(b, "i-0123-enc0456");
	cbor_put_tstr(b, "locked_pcrs");
	cbor_put_array(b, 3);
	cbor_put_uint(b, 0);
	cbor_put_uint(b, 15);
	cbor_put_uint(b, 31);
	cbor_put_tstr(b, "version_major");
	cbor_put_uint(b, 1);
	cbor_put_tstr(b, "version_minor");
	cbor_put_uint(b, 2);
	cbor_put_tstr(b, "version_patch");
	cbor_put_uint(b, 3);
}

static void nsm_description_is_read_in_any_order(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
	struct nsm_description d = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	put_description(&b);
	expect_ok(nsm_read_describe_nsm(ss_buf_span(&b), &d, &err), &err);
	assert_int_equal(d.max_pcrs, 32);
	assert_int_equal(d.locked, 0x80008001u);
	assert_int_equal(d.version[0], 1);
	assert_int_equal(d.version[1], 2);
	assert_int_equal(d.version[2], 3);
	assert_int_equal(d.module_id.n, 14);
	assert_memory_equal(d.module_id.p, "i-0123-enc0456", 14);
}

static void nsm_description_truncated_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);

	(void)state;
	put_description(&b);
	for (size_t n = 0; n < b.n; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);
		struct nsm_description d;
		struct ss_err err = { 0 };

		memcpy(copy, b.p, n);
		assert_int_equal(nsm_read_describe_nsm((struct ss_span){ copy, n }, &d, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
	}
}

static void put_pcr(struct ss_buf *b, const char *name, bool with_lock, size_t n)
{
	static const uint8_t zeros[64] = { 0 };

	cbor_put_map(b, 1);
	cbor_put_tstr(b, name);
	cbor_put_map(b, with_lock ? 2 : 1);
	if (with_lock) {
		cbor_put_tstr(b, "lock");
		cbor_put_bool(b, true);
	}
	cbor_put_tstr(b, "data");
	cbor_put_bstr(b, (struct ss_span){ zeros, n });
}

static void nsm_pcrs_are_read(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
	struct nsm_pcr p = { .locked = false };
	uint8_t value[NSM_PCR_SIZE];
	struct ss_err err = { 0 };

	(void)state;
	put_pcr(&b, "DescribePCR", true, 48);
	expect_ok(nsm_read_describe_pcr(ss_buf_span(&b), &p, &err), &err);
	assert_true(p.locked);
	b.n = 0;
	put_pcr(&b, "DescribePCR", true, 47);
	expect_fails(nsm_read_describe_pcr(ss_buf_span(&b), &p, &err), &err, SS_EINPUT,
		     "NSM response: a PCR that is not 48 bytes, at byte 74");
	b.n = 0;
	put_pcr(&b, "ExtendPCR", false, 48);
	expect_ok(nsm_read_extend_pcr(ss_buf_span(&b), value, &err), &err);
	b.n = 0;
	put_pcr(&b, "ExtendPCR", false, 64);
	expect_fails(nsm_read_extend_pcr(ss_buf_span(&b), value, &err), &err, SS_EINPUT,
		     "NSM response: a PCR of 64 bytes");
}

static void nsm_refusals_name_the_reason(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
	struct nsm_pcr p;
	struct ss_err err = { 0 };

	(void)state;
	cbor_put_map(&b, 1);
	cbor_put_tstr(&b, "Error");
	cbor_put_tstr(&b, "ReadOnlyIndex");
	expect_fails(nsm_read_describe_pcr(ss_buf_span(&b), &p, &err), &err, SS_EREMOTE,
		     "the NSM refuses: ReadOnlyIndex");
	expect_fails(nsm_read_lock_pcr(ss_buf_span(&b), &err), &err, SS_EREMOTE,
		     "the NSM refuses: ReadOnlyIndex");
}

static void nsm_answers_to_something_else_are_refused(void **state)
{
	static const struct {
		const char *hex, *msg;
	} cases[] = {
		{ "674c6f636b504352", "NSM response: expected a map, at byte 0" },
		{ "a0", "NSM response ends early, at byte 1" },
		{ "a1654572726f72f6", "NSM response: not the answer to what was asked, at byte 7" },
		{ "a16947657452616e646f6da0", "NSM response: a key is missing, at byte 12" },
		{ "a16947657452616e646f6da166616e646f6d7241aa",
		  "NSM response: an unknown key, at byte 19" },
		{ "a16947657452616e646f6da26672616e646f6d41aa6672616e646f6d41aa",
		  "NSM response: a key comes twice, at byte 28" },
		{ "a16947657452616e646f6da16672616e646f6d40",
		  "NSM response: 0 random bytes; 1 to 256 can be" },
		{ "a26947657452616e646f6da16672616e646f6d41aa6161f6",
		  "NSM response: more than one answer, at byte 21" },
		{ "a16947657452616e646f6da16672616e646f6d41aa00",
		  "NSM response: 1 bytes follow the end, at byte 21" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		const size_t n = strlen(cases[i].hex) / 2;
		AUTO_FREE uint8_t *p = ss_calloc(n, 1);
		struct ss_span random;
		struct ss_err err = { 0 };

		assert_true(ss_unhex(cases[i].hex, p, n));
		expect_fails(nsm_read_get_random((struct ss_span){ p, n }, &random, &err), &err,
			     SS_EINPUT, cases[i].msg);
	}
}

static void nsm_random_and_attestation_are_read(void **state)
{
	/* {_ "GetRandom": {_ "random": h'aabb'}}, and with lengths that are longer than they need
	 * be */
	static const uint8_t open[] = { 0xbf, 0x69, 'G',  'e',  't',  'R',  'a',  'n', 'd',
					'o',  'm',  0xbf, 0x66, 'r',  'a',  'n',  'd', 'o',
					'm',  0x59, 0,    2,    0xaa, 0xbb, 0xff, 0xff };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
	struct ss_span got = { NULL, 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(nsm_read_get_random((struct ss_span){ open, sizeof(open) }, &got, &err), &err);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.p[1], 0xbb);
	cbor_put_map(&b, 1);
	cbor_put_tstr(&b, "Attestation");
	cbor_put_map(&b, 1);
	cbor_put_tstr(&b, "document");
	cbor_put_bstr(&b, text("COSE"));
	expect_ok(nsm_read_attestation(ss_buf_span(&b), &got, &err), &err);
	assert_int_equal(got.n, 4);
}

static void nsm_locks_answer_with_their_name(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(64);
	struct ss_err err = { 0 };

	(void)state;
	cbor_put_tstr(&b, "LockPCRs");
	expect_ok(nsm_read_lock_pcrs(ss_buf_span(&b), &err), &err);
	expect_fails(nsm_read_lock_pcr(ss_buf_span(&b), &err), &err, SS_EINPUT,
		     "NSM response: not the answer to what was asked, at byte 9");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nsm_requests_have_the_bytes_of_the_format),
		cmocka_unit_test(nsm_request_over_the_room_is_dropped_not_cut),
		cmocka_unit_test(nsm_description_is_read_in_any_order),
		cmocka_unit_test(nsm_description_truncated_at_every_byte_is_refused),
		cmocka_unit_test(nsm_pcrs_are_read),
		cmocka_unit_test(nsm_refusals_name_the_reason),
		cmocka_unit_test(nsm_answers_to_something_else_are_refused),
		cmocka_unit_test(nsm_random_and_attestation_are_read),
		cmocka_unit_test(nsm_locks_answer_with_their_name),
	};

	return cmocka_run_group_tests_name("nsm", tests, NULL, NULL);
}

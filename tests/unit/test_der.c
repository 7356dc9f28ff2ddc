/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates themselves: tests/attest/family.py and fuzz_att_chain, held against OpenSSL. */
#include "base/buf.h"
#include "base/hex.h"
#include "expect.h"
#include "fmt/der.h"

#include <string.h>

/* An exact-size copy on the heap: a read one past the end is seen by the sanitizer. */
static struct ss_span unhex(const char *text)
{
	const size_t n = strlen(text) / 2;
	uint8_t *p = ss_calloc(n > 0 ? n : 1, 1);

	assert_true(ss_unhex(text, p, n));
	return (struct ss_span){ p, n };
}

static void done(const struct ss_span *s)
{
	free((void *)(uintptr_t)s->p);
}
#define AUTO_BYTES SS_CLEANUP(done) const struct ss_span

static void elements_are_read_one_after_another(void **state)
{
	AUTO_BYTES s = unhex("30150201050101ff0303000180020300ffff0403616263");
	struct der_in in = der_in_init(s);
	struct der_in seq = der_open(&in, DER_SEQUENCE);
	struct ss_err err = { 0 };
	struct ss_span x;
	unsigned unused;

	(void)state;
	assert_true(der_is(&seq, DER_INTEGER) && !der_is(&seq, DER_BOOLEAN));
	assert_int_equal(der_uint(&seq), 5);
	assert_true(der_bool(&seq));
	x = der_bits(&seq, &unused);
	assert_true(x.n == 2 && x.p[0] == 1 && x.p[1] == 0x80 && unused == 0);
	assert_int_equal(der_uint(&seq), 65535);
	x = der_take(&seq, DER_OCTETS);
	assert_true(x.n == 3 && memcmp(x.p, "abc", 3) == 0);
	assert_false(der_more(&seq));
	der_close(&in, &seq);
	expect_ok(der_end(&in, "test", &err), &err);
}

static void integers_have_one_form(void **state)
{
	static const struct {
		const char *hex;
		uint32_t v;
		const char *why;
	} cases[] = {
		{ "020100", 0, NULL },
		{ "02017f", 127, NULL },
		{ "02020080", 128, NULL },
		{ "020500ffffffff", UINT32_MAX, NULL },
		{ "02050100000000", UINT32_MAX, NULL },
		{ "020900ffffffffffffffff", UINT32_MAX, NULL },
		{ "0200", 0, "test: an integer that is not the shortest" },
		{ "02020001", 0, "test: an integer that is not the shortest" },
		{ "0201ff", 0, "test: a negative integer" },
		{ "020180", 0, "test: a negative integer" },
		{ "020101ff", 1, "test: 1 bytes follow its end" },
		{ "0301ff", 0, "test: another element than was expected" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BYTES s = unhex(cases[i].hex);
		struct der_in in = der_in_init(s);
		struct ss_err err = { 0 };

		assert_int_equal(der_uint(&in), cases[i].v);
		if (cases[i].why == NULL)
			expect_ok(der_end(&in, "test", &err), &err);
		else
			expect_fails(der_end(&in, "test", &err), &err, SS_EINPUT, cases[i].why);
	}
}

static void lengths_have_one_form(void **state)
{
	static const char *const bad[] = { "04810161",   "0482000161",   "048200ff", "0480610000",
					   "0483000001", "048400000001", "04ff" };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(70000);
	static const uint8_t heads[][4] = { { 4, 0x81, 0x80 }, { 4, 0x82, 0x01, 0x00 } };
	uint8_t zeros[256] = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		AUTO_BYTES s = unhex(bad[i]);
		struct der_in in = der_in_init(s);

		(void)der_take(&in, DER_OCTETS);
		assert_int_equal(der_end(&in, "test", &err), -1);
	}
	for (size_t i = 0; i < 2; i++) {
		struct der_in in;

		b.n = 0;
		ss_buf_put(&b, (struct ss_span){ heads[i], i == 0 ? 3 : 4 });
		ss_buf_put(&b, (struct ss_span){ zeros, i == 0 ? 128 : 256 });
		in = der_in_init(ss_buf_span(&b));
		assert_int_equal(der_take(&in, DER_OCTETS).n, i == 0 ? 128 : 256);
		expect_ok(der_end(&in, "test", &err), &err);
	}
}

static void dates_are_of_the_calendar(void **state)
{
	static const struct {
		const char *text;
		bool is_short;
		bool good;
		int64_t t;
	} cases[] = {
		{ "700101000000Z", true, true, 0 },
		{ "491231235959Z", true, true, 2524607999 },
		{ "500101000000Z", true, true, -631152000 },
		{ "20500101000000Z", false, true, 2524608000 },
		{ "20000229000000Z", false, true, 951782400 },
		{ "700101000000", true, false, 0 },
		{ "7001010000Z", true, false, 0 },
		{ "701301000000Z", true, false, 0 },
		{ "700100000000Z", true, false, 0 },
		{ "700230000000Z", true, false, 0 },
		{ "700101240000Z", true, false, 0 },
		{ "700101000060Z", true, false, 0 },
		{ "70010100000xZ", true, false, 0 },
		{ "700101000000+0000", true, false, 0 },
		{ "20500101000000.5Z", false, false, 0 },
		{ "700101000000Z", false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(64);
		const uint8_t head[2] = { cases[i].is_short ? DER_UTC_TIME : DER_TIME,
					  (uint8_t)strlen(cases[i].text) };
		struct ss_err err = { 0 };
		struct der_in in;
		int64_t t;

		ss_buf_put(&b, (struct ss_span){ head, 2 });
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)cases[i].text, head[1] });
		in = der_in_init(ss_buf_span(&b));
		t = der_time(&in);
		assert_int_equal(der_end(&in, "test", &err), cases[i].good ? 0 : -1);
		assert_true(t == cases[i].t);
	}
}

static void bits_and_booleans_have_one_meaning(void **state)
{
	static const char *const bad[] = { "0300", "030101", "030208ff", "030201ff" };
	static const char *const no_bool[] = { "0100", "010101", "0102ffff" };
	struct ss_err err = { 0 };
	unsigned unused;

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		AUTO_BYTES s = unhex(bad[i]);
		struct der_in in = der_in_init(s);

		assert_int_equal(der_bits(&in, &unused).n, 0);
		expect_fails(der_end(&in, "test", &err), &err, SS_EINPUT,
			     "test: a bit string that is none");
	}
	for (size_t i = 0; i < SS_NELEMS(no_bool); i++) {
		AUTO_BYTES s = unhex(no_bool[i]);
		struct der_in in = der_in_init(s);

		assert_false(der_bool(&in));
		expect_fails(der_end(&in, "test", &err), &err, SS_EINPUT,
			     "test: a boolean that is neither");
	}
}

static void object_names_are_dotted(void **state)
{
	static const struct {
		const char *hex;
		const char *text;
	} cases[] = {
		{ "551d0f", "2.5.29.15" },
		{ "2a8648ce3d040303", "1.2.840.10045.4.3.3" },
		{ "2b81040022", "1.3.132.0.34" },
		{ "883703", "2.999.3" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BYTES s = unhex(cases[i].hex);
		char text[DER_OID_TEXT];

		der_oid_text(s, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void truncated_at_every_byte_nothing_is_whole(void **state)
{
	AUTO_BYTES s = unhex("300f0201050101ff03020780170130300302017f");
	struct ss_err err = { 0 };

	(void)state;
	for (size_t n = 0; n < s.n; n++) {
		AUTO_FREE uint8_t *cut = ss_calloc(n > 0 ? n : 1, 1);
		struct der_in in, seq;
		unsigned unused;

		memcpy(cut, s.p, n);
		in = der_in_init((struct ss_span){ cut, n });
		seq = der_open(&in, DER_SEQUENCE);
		(void)der_uint(&seq);
		(void)der_bool(&seq);
		(void)der_bits(&seq, &unused);
		(void)der_whole(&seq, DER_UTC_TIME);
		der_skip(&seq);
		der_close(&in, &seq);
		assert_int_equal(der_end(&in, "test", &err), -1);
		assert_true(err.msg[0] != '\0');
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_read_one_after_another),
		cmocka_unit_test(integers_have_one_form),
		cmocka_unit_test(lengths_have_one_form),
		cmocka_unit_test(dates_are_of_the_calendar),
		cmocka_unit_test(bits_and_booleans_have_one_meaning),
		cmocka_unit_test(object_names_are_dotted),
		cmocka_unit_test(truncated_at_every_byte_nothing_is_whole),
	};

	return cmocka_run_group_tests_name("der", tests, NULL, NULL);
}

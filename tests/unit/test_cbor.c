/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/mem.h"
#include "expect.h"
#include "fmt/cbor.h"

#include <cbor.h>
#include <string.h>

/* An exact-size copy on the heap: a read one past the end is seen by the sanitizer. */
static uint8_t *unhex(const char *text, size_t *ret_n)
{
	uint8_t *p;

	*ret_n = strlen(text) / 2;
	p = ss_calloc(*ret_n > 0 ? *ret_n : 1, 1);
	assert_true(ss_unhex(text, p, *ret_n));
	return p;
}

static void cbor_integers_match_the_examples_of_rfc8949(void **state)
{
	static const struct {
		uint64_t v;
		const char *hex;
	} cases[] = {
		{ 0, "00" },
		{ 23, "17" },
		{ 24, "1818" },
		{ 255, "18ff" },
		{ 256, "190100" },
		{ 65535, "19ffff" },
		{ 65536, "1a00010000" },
		{ UINT32_MAX, "1affffffff" },
		{ (uint64_t)UINT32_MAX + 1, "1b0000000100000000" },
		{ UINT64_MAX, "1bffffffffffffffff" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(16);
		char text[33];
		struct cbor_in in;
		struct ss_err err = { 0 };

		cbor_put_uint(&b, cases[i].v);
		ss_hex(ss_buf_span(&b), text);
		assert_string_equal(text, cases[i].hex);
		in = cbor_in_init(ss_buf_span(&b), CBOR_STRICT);
		assert_true(cbor_uint(&in) == cases[i].v);
		expect_ok(cbor_end(&in, "uint", &err), &err);
	}
}

static void cbor_negative_integers_keep_their_value(void **state)
{
	static const int64_t cases[] = { 0,   -1,   -7,   -24,       -25,      -35,
					 -36, -256, -257, INT64_MAX, INT64_MIN };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(16);
		struct cbor_in in;
		struct ss_err err = { 0 };

		cbor_put_int(&b, cases[i]);
		in = cbor_in_init(ss_buf_span(&b), CBOR_STRICT);
		assert_true(cbor_int(&in) == cases[i]);
		expect_ok(cbor_end(&in, "int", &err), &err);
	}
}

/* eif-format vector: PcrInfo{0, 00..2f} as the EIF signature payload holds it. */
static void cbor_writes_the_signature_payload_of_nitro_cli(void **state)
{
	static const char want[] =
		"a26e72656769737465725f696e646578006e72656769737465725f76616c7565983000010203040506"
		"0708090a0b0c0d0e0f101112131415161718181819181a181b181c181d181e181f1820182118221823"
		"182418251826182718281829182a182b182c182d182e182f";
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(256);
	char text[513];
	uint8_t pcr[48];

	(void)state;
	for (size_t i = 0; i < sizeof(pcr); i++)
		pcr[i] = (uint8_t)i;
	cbor_put_map(&b, 2);
	cbor_put_tstr(&b, "register_index");
	cbor_put_uint(&b, 0);
	cbor_put_tstr(&b, "register_value");
	cbor_put_byte_array(&b, (struct ss_span){ pcr, sizeof(pcr) });
	ss_hex(ss_buf_span(&b), text);
	assert_string_equal(text, want);
}

static void put_one_of_each(struct ss_buf *b)
{
	cbor_put_map(b, 4);
	cbor_put_tstr(b, "a");
	cbor_put_array(b, 3);
	cbor_put_uint(b, 1000);
	cbor_put_int(b, -1000);
	cbor_put_null(b);
	cbor_put_tstr(b, "b");
	cbor_put_bool(b, true);
	cbor_put_tstr(b, "c");
	cbor_put_tag(b, 24); /* libcbor 0.8 does not know 6 to 20 */
	cbor_put_bstr(b, (struct ss_span){ (const uint8_t *)"\0\1\2", 3 });
	cbor_put_tstr(b, "d");
	cbor_put_map(b, 0);
}

static int read_one_of_each(struct ss_span s, struct ss_err *err)
{
	struct cbor_in in = cbor_in_init(s, CBOR_STRICT);
	struct cbor_seq m = cbor_map(&in), a;

	assert_true(in.c.bad || in.why != NULL || m.left == 4);
	cbor_key(&in, "a");
	a = cbor_array(&in);
	assert_true(in.c.bad || in.why != NULL || a.left == 3);
	(void)cbor_uint(&in);
	(void)cbor_int(&in);
	(void)cbor_take_null(&in);
	cbor_key(&in, "b");
	(void)cbor_bool(&in);
	cbor_key(&in, "c");
	(void)cbor_take_tag(&in, 24);
	(void)cbor_bstr(&in);
	cbor_key(&in, "d");
	(void)cbor_map(&in);
	return cbor_end(&in, "all", err);
}

static void cbor_truncated_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(256);
	struct ss_err err = { 0 };

	(void)state;
	put_one_of_each(&b);
	expect_ok(read_one_of_each(ss_buf_span(&b), &err), &err);
	for (size_t n = 0; n < b.n; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);
		struct cbor_in in;

		memcpy(copy, b.p, n);
		assert_int_equal(read_one_of_each((struct ss_span){ copy, n }, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		in = cbor_in_init((struct ss_span){ copy, n }, CBOR_STRICT);
		cbor_skip(&in);
		assert_int_equal(cbor_end(&in, "all", &err), -1);
	}
}

static void cbor_refusals_say_what_and_where(void **state)
{
	static const struct {
		const char *hex;
		unsigned accept;
		const char *msg;
	} cases[] = {
		{ "", 0, "x ends early, at byte 0" },
		{ "1817", 0, "x: a head that is not the shortest, at byte 0" },
		{ "1900ff", 0, "x: a head that is not the shortest, at byte 0" },
		{ "1a0000ffff", 0, "x: a head that is not the shortest, at byte 0" },
		{ "1b00000000ffffffff", 0, "x: a head that is not the shortest, at byte 0" },
		{ "1c", 0, "x: a reserved head, at byte 0" },
		{ "1e", 3, "x: a reserved head, at byte 0" },
		{ "9fff", 0, "x: an indefinite length, at byte 0" },
		{ "bfff", CBOR_ANY_WIDTH, "x: an indefinite length, at byte 0" },
		{ "5f4100ff", 3, "x: an indefinite length or a break out of place, at byte 0" },
		{ "7f6161ff", 3, "x: an indefinite length or a break out of place, at byte 0" },
		{ "ff", 3, "x: an indefinite length or a break out of place, at byte 0" },
		{ "bf00ff", 3, "x: a key without a value, at byte 3" },
		{ "82ff00", 3, "x: an indefinite length or a break out of place, at byte 1" },
		{ "f7", 3, "x: a float or an unknown simple value, at byte 0" },
		{ "f90000", 3, "x: a float or an unknown simple value, at byte 0" },
		{ "e0", 3, "x: a float or an unknown simple value, at byte 0" },
		{ "f814", 3, "x: a float or an unknown simple value, at byte 0" },
		{ "9bffffffffffffffff", 0, "x: more items than bytes are left, at byte 0" },
		{ "bb7fffffffffffffff", 0, "x: more items than bytes are left, at byte 0" },
		{ "a20000", 0, "x: more items than bytes are left, at byte 0" },
		{ "5bffffffffffffffff00", 0, "x ends early, at byte 9" },
		{ "9f00", 2, "x ends early, at byte 2" },
		{ "61ff", 0, "x: text that is not UTF-8, or holds a NUL, at byte 0" },
		{ "62c080", 0, "x: text that is not UTF-8, or holds a NUL, at byte 0" },
		{ "63eda080", 0, "x: text that is not UTF-8, or holds a NUL, at byte 0" },
		{ "64f4908080", 0, "x: text that is not UTF-8, or holds a NUL, at byte 0" },
		{ "6100", 0, "x: text that is not UTF-8, or holds a NUL, at byte 0" },
		{ "61c3", 0, "x: text that is not UTF-8, or holds a NUL, at byte 0" },
		{ "0000", 0, "x: 1 bytes follow the end, at byte 1" },
		{ "818181818181818181818181818181818100", 0, "x: nested too deep, at byte 17" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct ss_err err = { 0 };
		struct cbor_in in;
		size_t n;
		AUTO_FREE uint8_t *p = unhex(cases[i].hex, &n);

		in = cbor_in_init((struct ss_span){ p, n }, cases[i].accept);
		cbor_skip(&in);
		expect_fails(cbor_end(&in, "x", &err), &err, SS_EINPUT, cases[i].msg);
	}
}

static void cbor_takes_what_is_asked_for_only(void **state)
{
	static const uint8_t text[] = { 0x61, 'k' }, uint[] = { 0x18, 0x64 };
	struct cbor_in in = cbor_in_init((struct ss_span){ text, sizeof(text) }, CBOR_STRICT);
	struct ss_err err = { 0 };

	(void)state;
	(void)cbor_bstr(&in);
	(void)cbor_uint(&in); /* the first failure stays */
	expect_fails(cbor_end(&in, "x", &err), &err, SS_EINPUT,
		     "x: expected a byte string, at byte 0");
	in = cbor_in_init((struct ss_span){ text, sizeof(text) }, CBOR_STRICT);
	cbor_key(&in, "key");
	expect_fails(cbor_end(&in, "x", &err), &err, SS_EINPUT,
		     "x: expected the key 'key', at byte 0");
	in = cbor_in_init((struct ss_span){ uint, sizeof(uint) }, CBOR_STRICT);
	assert_int_equal(cbor_uint_max(&in, 99), 0);
	expect_fails(cbor_end(&in, "x", &err), &err, SS_EINPUT,
		     "x: an integer over its limit, at byte 0");
	in = cbor_in_init((struct ss_span){ uint, sizeof(uint) }, CBOR_STRICT);
	assert_false(cbor_take_null(&in));
	assert_false(cbor_take_tag(&in, 100));
	assert_int_equal(cbor_peek(&in), CBOR_UINT);
	assert_int_equal(cbor_uint_max(&in, 100), 100);
	expect_ok(cbor_end(&in, "x", &err), &err);
	assert_int_equal(cbor_peek(&in), CBOR_NOTHING);
}

static void cbor_reads_indefinite_and_wide_forms_when_told_to(void **state)
{
	/* {_ "a": [_ 1 (wide), 2], "b": null} */
	static const char packed[] = "bf61619f19000102ff6162f6ff";
	struct ss_err err = { 0 };
	struct cbor_in in;
	struct cbor_seq m, a;
	uint64_t sum = 0;
	size_t n, keys = 0;
	AUTO_FREE uint8_t *p = unhex(packed, &n);

	(void)state;
	in = cbor_in_init((struct ss_span){ p, n }, CBOR_ANY_WIDTH | CBOR_INDEFINITE);
	for (m = cbor_map(&in); cbor_more(&in, &m); keys++) {
		(void)cbor_tstr(&in);
		if (cbor_take_null(&in))
			continue;
		for (a = cbor_array(&in); cbor_more(&in, &a);)
			sum += cbor_uint(&in);
	}
	expect_ok(cbor_end(&in, "x", &err), &err);
	assert_int_equal(keys, 2);
	assert_int_equal(sum, 3);
}

/* libcbor is the judge: it reads what we write, to the last byte, and writes the same again. */
static void cbor_output_is_read_and_repeated_by_libcbor(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(256);
	struct cbor_load_result r;
	cbor_item_t *item;
	unsigned char *again = NULL;
	size_t size, n;

	(void)state;
	put_one_of_each(&b);
	item = cbor_load(b.p, b.n, &r);
	assert_non_null(item);
	assert_int_equal(r.read, b.n);
	assert_int_equal(cbor_map_size(item), 4);
	n = cbor_serialize_alloc(item, &again, &size);
	assert_int_equal(n, b.n);
	assert_memory_equal(again, b.p, n);
	free(again);
	cbor_decref(&item);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cbor_integers_match_the_examples_of_rfc8949),
		cmocka_unit_test(cbor_negative_integers_keep_their_value),
		cmocka_unit_test(cbor_writes_the_signature_payload_of_nitro_cli),
		cmocka_unit_test(cbor_truncated_at_every_byte_is_refused),
		cmocka_unit_test(cbor_refusals_say_what_and_where),
		cmocka_unit_test(cbor_takes_what_is_asked_for_only),
		cmocka_unit_test(cbor_reads_indefinite_and_wide_forms_when_told_to),
		cmocka_unit_test(cbor_output_is_read_and_repeated_by_libcbor),
	};

	return cmocka_run_group_tests_name("cbor", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "expect.h"
#include "fmt/json.h"

#include <string.h>

static int parse(const char *text, size_t n, json_t **ret, struct ss_err *err)
{
	AUTO_FREE uint8_t *copy = ss_calloc(n, 1); /* exact size: ASan sees one past it */

	memcpy(copy, text, n);
	return js_read((struct ss_span){ copy, n }, 1 << 20, "x.json", ret, err);
}

static void what_is_not_strict_json_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *msg;
	} cases[] = {
		{ "", "x.json: the JSON ends too early (line 1, column 0)" },
		{ "{", "x.json: the JSON ends too early (line 1, column 1)" },
		{ "{\"a\":1,\"a\":2}", "x.json: a key occurs twice (line 1, column 10)" },
		{ "{}\n{}", "x.json: something follows the JSON (line 2, column 1)" },
		{ "[\"a\\u0000b\"]", "x.json: a NUL in a string (line 1, column 11)" },
		{ "{\"a\\u0000b\":1}", "x.json: a NUL in a key (line 1, column 11)" },
		{ "[\"\xff\"]", "x.json: not UTF-8 (line 1, column 2)" },
		{ "[99999999999999999999]", "x.json: a number is too large (line 1, column 21)" },
		{ "[1,]", "x.json: not JSON (line 1, column 4)" },
		{ "[NaN]", "x.json: not JSON (line 1, column 4)" },
		{ "\xef\xbb\xbf{}", "x.json: not JSON (line 1, column 1)" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct ss_err err = { 0 };
		json_t *j = NULL;

		expect_fails(parse(cases[i].text, strlen(cases[i].text), &j, &err), &err, SS_EINPUT,
			     cases[i].msg);
		assert_null(j);
	}
}

static void truncation_at_every_byte_is_refused(void **state)
{
	static const char text[] =
		"{\"a\": [1, \"\\ud83d\\ude00\", null, true], \"b\": {\"c\": -1.5e3}}";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct ss_err err = { 0 };
		json_t *j = NULL;

		assert_int_equal(parse(text, n, &j, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_null(j);
	}
}

static void the_bounds_hold_before_anything_is_allocated(void **state)
{
	AUTO_BUF struct ss_buf deep = SS_BUF_INIT(1 << 20);
	AUTO_BUF struct ss_buf wide = SS_BUF_INIT(1 << 20);
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(1 << 20);
	struct ss_err err = { 0 };
	AUTO_JSON json_t *ok = NULL;
	AUTO_JSON json_t *ok_too = NULL;
	json_t *j = NULL;

	(void)state;
	for (size_t i = 0; i < JS_MAX_DEPTH; i++)
		ss_buf_put(&deep, (struct ss_span){ (const uint8_t *)"[", 1 });
	for (size_t i = 0; i < JS_MAX_DEPTH; i++)
		ss_buf_put(&deep, (struct ss_span){ (const uint8_t *)"]", 1 });
	expect_ok(js_read(ss_buf_span(&deep), 1 << 20, "x", &ok, &err), &err);
	deep.p[JS_MAX_DEPTH] = '[';
	expect_fails(js_read(ss_buf_span(&deep), 1 << 20, "x", &j, &err), &err, SS_ELIMIT,
		     "x: more than 32 levels deep, at offset 32");
	ss_buf_put(&wide, (struct ss_span){ (const uint8_t *)"[1", 2 });
	for (size_t i = 0; i < JS_MAX_VALUES; i++)
		ss_buf_put(&wide, (struct ss_span){ (const uint8_t *)",1", 2 });
	expect_fails(js_read(ss_buf_span(&wide), 1 << 20, "x", &j, &err), &err, SS_ELIMIT,
		     "x: more than 65536 values, at offset 131070");
	expect_fails(js_read(ss_buf_span(&wide), 10, "x", &j, &err), &err, SS_ELIMIT,
		     "x: 131074 bytes of JSON; the limit is 10");
	/* Brackets and commas inside strings are text. */
	ss_buf_put(&text, (struct ss_span){ (const uint8_t *)"\"\\\"\\\\", 5 });
	for (size_t i = 0; i < 2 * JS_MAX_VALUES; i++)
		ss_buf_put(&text, (struct ss_span){ (const uint8_t *)"[,{", 3 });
	ss_buf_put(&text, (struct ss_span){ (const uint8_t *)"\"", 1 });
	expect_ok(js_read(ss_buf_span(&text), 1 << 20, "x", &ok_too, &err), &err);
}

static void members_are_fetched_by_type(void **state)
{
	static const char text[] =
		"{\"s\":\"t\",\"n\":7,\"m\":-1,\"o\":{},\"a\":[],\"z\":null,\"r\":1.5}";
	AUTO_JSON json_t *j = NULL;
	const char *s = "unset";
	const json_t *v = NULL;
	uint64_t n = 99;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(parse(text, sizeof(text) - 1, &j, &err), &err);
	expect_ok(js_str(j, "s", true, &s, &err), &err);
	assert_string_equal(s, "t");
	expect_ok(js_str(j, "z", false, &s, &err), &err);
	assert_null(s);
	expect_ok(js_u64(j, "absent", false, &n, &err), &err);
	assert_int_equal(n, 99);
	expect_ok(js_u64(j, "n", true, &n, &err), &err);
	assert_int_equal(n, 7);
	expect_ok(js_obj(j, "o", true, &v, &err), &err);
	expect_ok(js_arr(j, "a", true, &v, &err), &err);
	expect_fails(js_str(j, "absent", true, &s, &err), &err, SS_EINPUT, "'absent' is missing");
	expect_fails(js_str(j, "z", true, &s, &err), &err, SS_EINPUT, "'z' is missing");
	expect_fails(js_str(j, "n", false, &s, &err), &err, SS_EINPUT, "'n' is not a string");
	expect_fails(js_obj(j, "a", false, &v, &err), &err, SS_EINPUT, "'a' is not an object");
	expect_fails(js_arr(j, "o", false, &v, &err), &err, SS_EINPUT, "'o' is not an array");
	expect_fails(js_u64(j, "m", false, &n, &err), &err, SS_EINPUT, "'m' is not a whole number");
	expect_fails(js_u64(j, "r", false, &n, &err), &err, SS_EINPUT, "'r' is not a whole number");
}

static void keys_come_in_order_of_their_bytes(void **state)
{
	static const char text[] = "{\"b\":1,\"a/z\":2,\"B\":3,\"\\u00e9\":4,\"a\":5,\"\":6}";
	static const char *const want[] = { "", "B", "a", "a/z", "b", "\xc3\xa9" };
	AUTO_JSON json_t *j = NULL;
	AUTO_FREE const char **keys = NULL;
	struct ss_err err = { 0 };
	size_t n = 0;

	(void)state;
	expect_ok(parse(text, sizeof(text) - 1, &j, &err), &err);
	keys = js_keys(j, &n);
	assert_int_equal(n, SS_NELEMS(want));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(keys[i], want[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_strict_json_is_refused),
		cmocka_unit_test(truncation_at_every_byte_is_refused),
		cmocka_unit_test(the_bounds_hold_before_anything_is_allocated),
		cmocka_unit_test(members_are_fetched_by_type),
		cmocka_unit_test(keys_come_in_order_of_their_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

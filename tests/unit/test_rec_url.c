/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "record/rec_url.h"

#include <string.h>

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void a_url_gets_its_plain_form(void **state)
{
	static const struct {
		const char *in, *real, *plain; /* plain NULL = as real */
	} cases[] = {
		{ "http://h/", "http://h/", NULL },
		{ "HTTP://Deb.Example:80/Pool/A%2bB?x=Y#frag", "http://deb.example/Pool/A%2bB?x=Y",
		  NULL },
		{ "https://h:443", "https://h/", NULL },
		{ "https://h:80/", "https://h:80/", NULL },
		{ "http://h:8080?q", "http://h:8080/?q", NULL },
		{ "http://user:secret@h/a", "http://h/a", NULL },
		{ "http://u@x:y@h/a@b", "http://h/a@b", NULL },
		{ "http://[::1]:80/a", "http://[::1]/a", NULL },
		{ "http://h:/a", "http://h/a", NULL },
		{ "http://h:0080/a", "http://h/a", NULL },
		{ "http://h:081/a", "http://h:81/a", NULL },
		{ "http://h/a|b{c}\"d\xc3\xa9", "http://h/a%7Cb%7Bc%7D%22d%C3%A9", NULL },
		{ "http://h/?Token=abc&b=2", "http://h/?Token=abc&b=2",
		  "http://h/?Token=redacted&b=2" },
		{ "http://h/?b=2;sig=x%20y", "http://h/?b=2;sig=x%20y",
		  "http://h/?b=2;sig=redacted" },
		{ "https://h/f?X-Amz-Date=1&X-Amz-Signature=2&v=3", NULL,
		  "https://h/f?X-Amz-Date=redacted&X-Amz-Signature=redacted&v=3" },
		{ "http://h/?token=", "http://h/?token=", NULL },
		{ "http://h/?token", "http://h/?token", NULL },
		{ "http://h/?tokens=1&=2&&", "http://h/?tokens=1&=2&&", NULL },
		{ "http://h/?", "http://h/?", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf real = SS_BUF_INIT(8192), plain = SS_BUF_INIT(8192);
		const char *want = cases[i].plain != NULL ? cases[i].plain : cases[i].real;
		struct ss_err err = { 0 };
		bool secret = false;

		expect_ok(rec_url_make(span(cases[i].in), &real, &plain, &secret, &err), &err);
		assert_string_equal((const char *)real.p,
				    cases[i].real != NULL ? cases[i].real : cases[i].in);
		assert_string_equal((const char *)plain.p, want);
		assert_int_equal(secret, cases[i].plain != NULL);
		assert_true(cfg_is_input_url((const char *)plain.p));
	}
}

static void what_is_no_url_is_refused(void **state)
{
	static const struct {
		const char *in, *msg;
	} cases[] = {
		{ "", "URL: neither http nor https" },
		{ "ftp://h/", "URL: neither http nor https" },
		{ "/a", "URL: neither http nor https" },
		{ "http://", "URL: no host" },
		{ "http:///a", "URL: no host" },
		{ "http://:80/", "URL: ':80' is no host" },
		{ "http://h:443:/", "URL: 'h:443:' is no host" },
		{ "http://h:123456/", "URL: 'h:123456' is no host" },
		{ "http://[::1/", "URL: '[::1' is no host" },
		{ "http://[]/", "URL: '[]' is no host" },
		{ "http://[::1]x/", "URL: '[::1]x' is no host" },
		{ "http://u@/", "URL: no host" },
		{ "http://h\\x/", "URL: 'h\\x5cx' is no host" },
		{ "http://h/a b", "URL: a blank or a control character" },
		{ "http://h/a\r\nX: y", "URL: a blank or a control character" },
		{ "http://h/\x7f", "URL: a blank or a control character" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf real = SS_BUF_INIT(8192), plain = SS_BUF_INIT(8192);
		struct ss_err err = { 0 };
		bool secret;

		expect_fails(rec_url_make(span(cases[i].in), &real, &plain, &secret, &err), &err,
			     SS_EINPUT, cases[i].msg);
	}
}

static void a_url_that_is_too_long_is_refused(void **state)
{
	static uint8_t text[CFG_INPUT_URL_MAX + 1] = "http://h/";

	(void)state;
	memset(text + 9, 'a', sizeof(text) - 9);
	for (size_t n = CFG_INPUT_URL_MAX; n <= CFG_INPUT_URL_MAX + 1; n++) {
		AUTO_BUF struct ss_buf real = SS_BUF_INIT(16384), plain = SS_BUF_INIT(16384);
		struct ss_err err = { 0 };
		bool secret;
		const int rc =
			rec_url_make((struct ss_span){ text, n }, &real, &plain, &secret, &err);

		if (n == CFG_INPUT_URL_MAX)
			expect_ok(rc, &err);
		else
			expect_fails(rc, &err, SS_ELIMIT, "URL: more than 4096 bytes");
	}
}

/* Hashes by hand: printf 'selfsame request 1\naccept: text/html\n' | sha256sum */
static void the_key_is_the_hash_of_what_chooses(void **state)
{
	static const uint8_t body[CRYPTO_SHA256_SIZE] = { 0x01 };
	struct rec_choice c = { .accept = span("*/*") };
	char key[REC_KEY], other[REC_KEY];

	(void)state;
	assert_false(rec_key_make(&c, key));
	assert_string_equal(key, "");
	c.content_type = span("text/plain"); /* of no body */
	assert_false(rec_key_make(&c, key));
	c.accept = span("text/html");
	assert_true(rec_key_make(&c, key));
	assert_string_equal(key,
			    "9e0eb9174d2f7c682250a547fef816da986db45c0658eb399d28e5c2e8349d14");
	c.authorized = true;
	assert_true(rec_key_make(&c, other));
	assert_string_not_equal(key, other);
	c.git_protocol = span("version=2");
	c.body = body;
	assert_true(rec_key_make(&c, key));
	assert_string_equal(key,
			    "5c3f3118eb19c9d5149f4b10ddbb4d8aa64bad0877f941763b6be5d9530c2209");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_gets_its_plain_form),
		cmocka_unit_test(what_is_no_url_is_refused),
		cmocka_unit_test(a_url_that_is_too_long_is_refused),
		cmocka_unit_test(the_key_is_the_hash_of_what_chooses),
	};

	return cmocka_run_group_tests_name("rec_url", tests, NULL, NULL);
}

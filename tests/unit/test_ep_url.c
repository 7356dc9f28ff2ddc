/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_url.h"
#include "expect.h"

#include <stdio.h>
#include <string.h>

static void urls_are_names_or_addresses_and_ports(void **state)
{
	static const struct {
		const char *text;
		struct ep_url want;
	} cases[] = {
		{ "https://a.example", { "a.example", "443", false } },
		{ "https://A.Example:8443/", { "a.example", "8443", false } },
		{ "https://localhost:1", { "localhost", "1", false } },
		{ "https://127.0.0.1:65535", { "127.0.0.1", "65535", true } },
		{ "https://[::1]", { "::1", "443", true } },
		{ "https://[2001:DB8::7]:0443/", { "2001:db8::7", "443", true } },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct ep_url u = { 0 };
		struct ss_err err = { 0 };

		expect_ok(ep_url_read(cases[i].text, &u, &err), &err);
		assert_string_equal(u.host, cases[i].want.host);
		assert_string_equal(u.port, cases[i].want.port);
		assert_int_equal(u.is_address, cases[i].want.is_address);
	}
}

static void anything_else_of_a_url_is_refused(void **state)
{
	static const char *const cases[] = {
		"https://",         "http://a",
		"HTTPS://a",        "https:/a",
		"a.example",        "https://a:",
		"https://a:0",      "https://a:65536",
		"https://a:123456", "https://a:44x",
		"https://a:-1",     "https://a/b",
		"https://a//",      "https://a?b",
		"https://a#b",      "https://u@a",
		"https://u:p@a",    "https://a b",
		"https://a%62",     "https://[::1",
		"https://[]",       "https://[127.0.0.1]",
		"https://[a]",      "https://[::1%25lo]",
		"https://::1",      "https://127.1",
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct ep_url u = { .host = "untouched" };
		struct ss_err err = { 0 };
		char want[128];

		(void)snprintf(want, sizeof(want), "'%s' is not https://NAME[:PORT]", cases[i]);
		expect_fails(ep_url_read(cases[i], &u, &err), &err, SS_EUSAGE, want);
		assert_string_equal(u.host, "untouched");
	}
}

static void a_host_of_the_limit_is_taken_and_one_byte_more_is_not(void **state)
{
	char text[8 + EP_MAX_HOST + 2] = "https://";
	struct ep_url u = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < EP_MAX_HOST; i++)
		text[8 + i] = i % 64 == 63 ? '.' : 'a';
	expect_ok(ep_url_read(text, &u, &err), &err);
	assert_int_equal(strlen(u.host), EP_MAX_HOST);
	text[8 + EP_MAX_HOST] = 'a';
	assert_int_equal(ep_url_read(text, &u, &err), -1);
}

static void what_has_a_scheme_is_a_url(void **state)
{
	(void)state;
	assert_true(ep_is_url("https://a"));
	assert_true(ep_is_url("http://a"));
	assert_false(ep_is_url("document.cose"));
	assert_false(ep_is_url("https:a"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_names_or_addresses_and_ports),
		cmocka_unit_test(anything_else_of_a_url_is_refused),
		cmocka_unit_test(a_host_of_the_limit_is_taken_and_one_byte_more_is_not),
		cmocka_unit_test(what_has_a_scheme_is_a_url),
	};

	return cmocka_run_group_tests_name("ep_url", tests, NULL, NULL);
}

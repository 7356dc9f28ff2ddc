/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "record/rec_package.h"

#include <string.h>

static void the_package_and_its_version_are_found_in_the_url(void **state)
{
	static const struct {
		const char *url, *kind, *name, *version;
	} cases[] = {
		{ "http://d/debian/pool/main/c/curl/curl_7.88.1-10%2bdeb12u14_amd64.deb", "deb",
		  "curl", "7.88.1-10+deb12u14" },
		{ "http://d/p/g++-12_12.2.0-14_amd64.deb", "deb", "g++-12", "12.2.0-14" },
		{ "http://d/p/x_1%3a2.3~rc1_all.udeb", "deb", "x", "1:2.3~rc1" },
		{ "https://a/v3.20/main/x86_64/so-tools-1.2.3_p1-r4.apk", "apk", "so-tools",
		  "1.2.3_p1-r4" },
		{ "https://f/Packages/b/bash-completion-2.11-9.el9.noarch.rpm", "rpm",
		  "bash-completion", "2.11-9.el9" },
		{ "https://p/packages/3a/0e/typing_extensions-4.12.2-py3-none-any.whl#x", "python",
		  "typing_extensions", "4.12.2" },
		{ "https://p/packages/ab/numpy-2.1.0.tar.gz", "archive", "numpy", "2.1.0" },
		{ "https://r/lodash/-/lodash-4.17.21.tgz", "npm", "lodash", "4.17.21" },
		{ "https://r/@babel/core/-/core-7.25.2.tgz?x=1", "npm", "@babel/core", "7.25.2" },
		{ "https://r/@babel%2fcore/-/core-7.25.2.tgz", "npm", "@babel/core", "7.25.2" },
		{ "https://g/gems/nokogiri-1.16.7-x86_64-linux.gem", "gem", "nokogiri",
		  "1.16.7-x86_64-linux" },
		{ "https://c/crates/serde/serde-1.0.210.crate", "crate", "serde", "1.0.210" },
		{ "https://c/api/v1/crates/serde_json/1.0.128/download", "crate", "serde_json",
		  "1.0.128" },
		{ "https://p/github.com/!burnt!sushi/toml/@v/v1.4.0.zip", "go",
		  "github.com/BurntSushi/toml", "v1.4.0" },
		{ "https://m/org/slf4j/slf4j-api/2.0.16/slf4j-api-2.0.16.jar", "jar", "slf4j-api",
		  "2.0.16" },
		{ "https://h/o/r/archive/tool-v3.1.zip", "archive", "tool", "v3.1" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct rec_package p;

		if (!rec_package_of(cases[i].url, &p))
			fail_msg("no package in '%s'", cases[i].url);
		assert_string_equal(p.kind, cases[i].kind);
		assert_string_equal(p.name, cases[i].name);
		assert_string_equal(p.version, cases[i].version);
	}
}

static void what_is_no_package_is_none(void **state)
{
	static const char *const urls[] = {
		"http://d/debian/dists/bookworm/InRelease",
		"http://d/x.deb",
		"http://d/a_1.deb",
		"http://d/_1_all.deb",
		"http://d/a__all.deb",
		"http://d/%0a_1_all.deb",
		"http://d/a-b.apk",
		"http://d/name.whl",
		"http://d/a-1.whl",
		"http://d/x.tar.gz",
		"http://d/-1.0.gem",
		"http://d/readme-first.zip",
		"http://d/@v/v1.zip",
		"http://d/api/v1/crates/x/download",
		"http://d",
		"d/x_1_all.deb",
		"",
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(urls); i++) {
		struct rec_package p;

		if (rec_package_of(urls[i], &p))
			fail_msg("'%s' is taken for %s %s", urls[i], p.name, p.version);
	}
}

static void a_name_that_is_too_long_is_none(void **state)
{
	char url[1024] = "http://d/";
	struct rec_package p;

	(void)state;
	memset(url + 9, 'a', REC_PACKAGE_NAME_MAX - 1);
	strcpy(url + 9 + REC_PACKAGE_NAME_MAX - 1, "_1_all.deb");
	assert_true(rec_package_of(url, &p));
	memset(url + 9, 'a', REC_PACKAGE_NAME_MAX);
	strcpy(url + 9 + REC_PACKAGE_NAME_MAX, "_1_all.deb");
	assert_false(rec_package_of(url, &p));
}

static void of_a_new_version_the_new_part_is_told(void **state)
{
	static const struct {
		const char *before, *now, *tail;
	} cases[] = {
		{ "7.88.1-10+deb12u14", "7.88.1-10+deb12u15", "u15" },
		{ "3.0.11-1~deb12u2", "3.0.17-1~deb12u1", "3.0.17-1~deb12u1" },
		{ "1.2.3", "1.2.4", "1.2.4" },
		{ "1.2", "1.2.1", "1.2.1" },
		{ "1.2-r1", "1.2-r2", "r2" },
		{ "1.0rc1", "1.0", "1.0" },
		{ "a", "b", "b" },
		{ "1", "1", "1" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		assert_string_equal(rec_version_tail(cases[i].before, cases[i].now), cases[i].tail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_package_and_its_version_are_found_in_the_url),
		cmocka_unit_test(what_is_no_package_is_none),
		cmocka_unit_test(a_name_that_is_too_long_is_none),
		cmocka_unit_test(of_a_new_version_the_new_part_is_told),
	};

	return cmocka_run_group_tests_name("rec_package", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "expect.h"

#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void names_are_shown_as_they_are_when_harmless_and_escaped_when_not(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{ "", "" },
		{ "usr/bin/a b", "usr/bin/a b" },
		{ "caf\xc3\xa9/\xe6\xbc\xa2/\xf0\x9f\x90\x82",
		  "caf\xc3\xa9/\xe6\xbc\xa2/\xf0\x9f\x90\x82" },
		{ "a\nb\033[1m\x7f", "a\\x0ab\\x1b[1m\\x7f" },
		{ "it's\\", "it\\x27s\\x5c" },
		{ "\xff\xc3", "\\xff\\xc3" },
		{ "\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xf8",
		  "\\xc0\\x80\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xf8" },
		{ "\xe2\x80\xaegpj.exe", "\\xe2\\x80\\xaegpj.exe" },
		{ "\xc2\x9b", "\\xc2\\x9b" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		assert_string_equal(SS_SHOW(text(cases[i].in)), cases[i].out);
}

static void a_long_name_keeps_both_ends_and_stays_inside_its_room(void **state)
{
	char in[5000];
	const char *out;

	(void)state;
	for (size_t n = 150; n < sizeof(in) - 1; n += n < 300 ? 1 : 97) {
		memset(in, n % 2 == 0 ? 'x' : '\377', n);
		memcpy(in, "head", 4);
		memcpy(in + n - 4, "tail", 5);
		out = SS_SHOW(text(in));
		assert_true(strlen(out) < SS_SHOWN_MAX);
		assert_memory_equal(out, "head", 4);
		assert_string_equal(out + strlen(out) - 4, "tail");
	}
	memset(in, 'x', 207);
	in[207] = '\0';
	assert_string_equal(SS_SHOW(text(in)), in);
	in[207] = 'x';
	in[208] = '\0';
	assert_true(strstr(SS_SHOW(text(in)), "...") != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_shown_as_they_are_when_harmless_and_escaped_when_not),
		cmocka_unit_test(a_long_name_keeps_both_ends_and_stays_inside_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

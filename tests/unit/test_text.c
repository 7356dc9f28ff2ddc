/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "expect.h"

#include <ctype.h>

static struct ss_span span(const char *s, size_t n)
{
	return (struct ss_span){ (const uint8_t *)s, n };
}

static void spans_are_the_same_by_their_bytes(void **state)
{
	static const struct ss_span none = { NULL, 0 };

	(void)state;
	assert_true(ss_same(none, span("", 0)) && ss_is(none, "") && ss_begins(none, ""));
	assert_true(ss_same(span("a\0b", 3), span("a\0b", 3)));
	assert_false(ss_same(span("a\0b", 3), span("a\0c", 3)));
	assert_false(ss_same(span("ab", 2), span("ab", 1)));
	assert_true(ss_is(span("ab", 2), "ab") && ss_same(ss_text("ab"), span("ab", 2)));
	assert_false(ss_is(span("ab\0", 3), "ab") || ss_is(span("a", 1), "ab"));
	assert_false(ss_is(span("AB", 2), "ab") || ss_is(none, "a"));
	assert_true(ss_begins(span("abc", 3), "ab") && ss_begins(span("ab", 2), "ab"));
	assert_false(ss_begins(span("a", 1), "ab") || ss_begins(none, "a"));
}

static void only_letters_of_ascii_have_a_case(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++)
		assert_int_equal(ss_lower((uint8_t)c), c < 128 ? (unsigned)tolower((int)c) : c);
	assert_true(ss_is_folded(span("Content-LENGTH", 14), "content-length"));
	assert_true(ss_is_folded(span(NULL, 0), ""));
	assert_false(ss_is_folded(span("\xc4", 1), "\xe4"));
	assert_false(ss_is_folded(span("@[`{", 4), "`{@["));
	assert_false(ss_is_folded(span("ab", 2), "a") || ss_is_folded(span("a", 1), "ab"));
	assert_false(ss_is_folded(span("a\0", 2), "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_are_the_same_by_their_bytes),
		cmocka_unit_test(only_letters_of_ascii_have_a_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

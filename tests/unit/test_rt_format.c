/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/format.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The C library is the judge, at every room from nothing to more than enough. */
#define same(...)                                                                                  \
	do {                                                                                       \
		char want[128], got[128];                                                          \
		for (size_t room = 1; room < sizeof(want); room++) {                               \
			(void)snprintf(want, room, __VA_ARGS__);                                   \
			assert_int_equal(rt_format(got, room, __VA_ARGS__), strlen(want));         \
			assert_string_equal(got, want);                                            \
		}                                                                                  \
	} while (0)

static void format_of_numbers_is_printfs(void **state)
{
	(void)state;
	same("%d %d %d", 0, -1, INT_MIN);
	same("%u %u", 0u, UINT_MAX);
	same("%ld %lld", LONG_MIN, LLONG_MIN);
	same("%lu %llu %zu", ULONG_MAX, ULLONG_MAX, (size_t)SIZE_MAX);
	same("%x %#x %#x %08x %02x", 0xabcu, 0xabcu, 0u, 0xabcu, 0xau);
	same("%o %#o %#o", 0755u, 0140755u, 0u);
	same("%5u|%05u|%2u", 42u, 42u, 12345u);
	same("%5d|%05d", -42, -42);
}

static void format_of_text_is_printfs(void **state)
{
	(void)state;
	same("plain");
	same("%s and %s", "one", "");
	same("%.*s|", 3, "abcdef");
	same("%.*s|", 9, "abc");
	same("%c%c", 'a', 'z');
	same("100%%");
	same("%8s|", "right");
}

static void format_with_no_room_writes_nothing(void **state)
{
	char c = 'x';

	(void)state;
	assert_int_equal(rt_format(&c, 0, "abc"), 0);
	assert_int_equal(c, 'x');
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_of_numbers_is_printfs),
		cmocka_unit_test(format_of_text_is_printfs),
		cmocka_unit_test(format_with_no_room_writes_nothing),
	};

	return cmocka_run_group_tests_name("rt_format", tests, NULL, NULL);
}

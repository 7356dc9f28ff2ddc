/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/log_lines.h"

#include <stdlib.h>
#include <string.h>

static struct rt_lines l;
static char seen[65536]; /* "line|" whole, "line>" goes on */
static size_t seen_n;

static void note(void *ctx, struct ss_span line, bool goes_on)
{
	assert_ptr_equal(ctx, seen);
	assert_true(line.n <= RT_LINE_MAX && seen_n + line.n + 1 < sizeof(seen));
	memcpy(seen + seen_n, line.p, line.n);
	seen_n += line.n;
	seen[seen_n++] = goes_on ? '>' : '|';
	seen[seen_n] = '\0';
}

static void put(const void *p, size_t n)
{
	rt_lines_put(&l, (struct ss_span){ p, n }, note, seen);
}

static void put_text(const char *s)
{
	put(s, strlen(s));
}

static int fresh(void **state)
{
	(void)state;
	l.n = seen_n = 0;
	seen[0] = '\0';
	return 0;
}

static void lines_are_cut_at_newlines(void **state)
{
	(void)state;
	put_text("one\ntwo\n\nth");
	assert_string_equal(seen, "one|two||");
	put_text("ree");
	assert_string_equal(seen, "one|two||");
	put_text("\n");
	assert_string_equal(seen, "one|two||three|");
	rt_lines_end(&l, note, seen);
	assert_string_equal(seen, "one|two||three|");
}

static void lines_without_an_end_come_with_the_streams(void **state)
{
	(void)state;
	put_text("a\nrest");
	rt_lines_end(&l, note, seen);
	assert_string_equal(seen, "a|rest|");
	put_text("next\n"); /* of the next stream */
	assert_string_equal(seen, "a|rest|next|");
}

static void lines_hold_any_byte_but_newline(void **state)
{
	static const uint8_t bytes[] = { 0, 1, '\r', 0xff, '\n' };

	(void)state;
	put(bytes, sizeof(bytes));
	assert_int_equal(seen_n, 5);
	assert_memory_equal(seen, "\0\1\r\xff|", 5);
}

static void lines_over_the_limit_go_on(void **state)
{
	static char long_line[3 * RT_LINE_MAX + 1];

	(void)state;
	memset(long_line, 'x', sizeof(long_line));
	put(long_line, RT_LINE_MAX); /* exactly: one line */
	put_text("\n");
	assert_int_equal(seen_n, RT_LINE_MAX + 1);
	assert_int_equal(seen[RT_LINE_MAX], '|');
	(void)fresh(NULL);
	put(long_line, sizeof(long_line)); /* one more than three */
	put_text("\n");
	assert_int_equal(seen_n, sizeof(long_line) + 4);
	assert_int_equal(seen[RT_LINE_MAX], '>');
	assert_int_equal(seen[2 * RT_LINE_MAX + 1], '>');
	assert_int_equal(seen[3 * RT_LINE_MAX + 2], '>');
	assert_int_equal(seen[seen_n - 1], '|');
}

/* However the bytes arrive, the lines are the same. */
static void lines_do_not_depend_on_pieces(void **state)
{
	static char text[3000];
	char whole[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 97 == 0 || i % 5 == 4 ? '\n' : (char)('a' + i % 26);
	put(text, sizeof(text));
	rt_lines_end(&l, note, seen);
	memcpy(whole, seen, seen_n + 1);
	for (size_t piece = 1; piece < 200; piece++) {
		(void)fresh(NULL);
		for (size_t at = 0; at < sizeof(text); at += piece)
			put(text + at, piece < sizeof(text) - at ? piece : sizeof(text) - at);
		rt_lines_end(&l, note, seen);
		assert_string_equal(seen, whole);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_are_cut_at_newlines, fresh),
		cmocka_unit_test_setup(lines_without_an_end_come_with_the_streams, fresh),
		cmocka_unit_test_setup(lines_hold_any_byte_but_newline, fresh),
		cmocka_unit_test_setup(lines_over_the_limit_go_on, fresh),
		cmocka_unit_test_setup(lines_do_not_depend_on_pieces, fresh),
	};

	return cmocka_run_group_tests_name("rt_lines", tests, NULL, NULL);
}

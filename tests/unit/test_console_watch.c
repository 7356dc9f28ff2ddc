/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/console_watch.h"

#include <string.h>

#define AB "abababababababababababababababababababababababab"
#define PCR0_LINE "rt:03 nsm ready, i-1-enc2, pcr0 " AB AB "\r\n"

static char seen[20000];

static void on_line(void *ctx, struct ss_span line)
{
	const size_t n = strlen(seen);

	(void)ctx;
	assert_true(n + line.n + 2 < sizeof(seen));
	memcpy(seen + n, line.p, line.n);
	memcpy(seen + n + line.n, "|", 2);
}

static struct console_watch *watch(const char *text, size_t step)
{
	struct console_watch *w = ss_calloc(1, sizeof(*w));
	const size_t n = strlen(text);

	seen[0] = '\0';
	w->line = on_line;
	for (size_t at = 0; at < n; at += step)
		console_watch_put(w, (struct ss_span){ (const uint8_t *)text + at,
						       n - at < step ? n - at : step });
	console_watch_end(w);
	return w;
}

static void console_lines_come_whole_however_the_bytes_come(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 1000 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(steps); i++) {
		AUTO_FREE struct console_watch *w = watch("one\r\n\n two\nlast", steps[i]);

		assert_string_equal(seen, "one|| two|last|");
		assert_int_equal(w->end, CONSOLE_NO_END);
	}
}

static void console_a_line_without_end_comes_in_pieces(void **state)
{
	AUTO_FREE char *text = ss_calloc(10001, 1);

	(void)state;
	memset(text, 'x', 10000);
	{
		AUTO_FREE struct console_watch *w = watch(text, 900);

		assert_int_equal(w->end, CONSOLE_NO_END);
		assert_int_equal(strlen(seen), 10003);
		assert_int_equal(seen[4096], '|');
	}
}

static void console_pcr0_is_read_before_the_application_starts(void **state)
{
	static const struct {
		const char *text;
		bool has;
	} cases[] = {
		{ PCR0_LINE, true },
		{ "x\n" PCR0_LINE "rt:10 application started\n", true },
		{ "rt:10 application started\n" PCR0_LINE, false },
		{ "rt:03 no nsm\n", false },
		{ "rt:03 nsm ready, i-1, pcr0 " AB "\n", false },
		{ "rt:03 nsm ready, i-1, pcr0 " AB AB "0\n", false },
		{ "rt:03 nsm ready, i-1, pcr0 " AB
		  "ababababababababababababababababababababababababag\n",
		  false },
		{ " rt:03 nsm ready, i-1, pcr0 " AB AB "\n", false },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_FREE struct console_watch *w = watch(cases[i].text, 100);

		assert_int_equal(w->has_pcr0, cases[i].has);
		for (size_t k = 0; k < sizeof(w->pcr0) && cases[i].has; k++)
			assert_int_equal(w->pcr0[k], 0xab);
	}
}

static void console_ends_are_told(void **state)
{
	static const struct {
		const char *text;
		enum console_end end;
		unsigned value;
		const char *words;
	} cases[] = {
		{ "rt:20 application exited 0\n", CONSOLE_EXITED, 0, "" },
		{ "rt:20 application exited 255\nrt:21 end\n", CONSOLE_EXITED, 255, "" },
		{ "rt:20 application exited 256\n", CONSOLE_NO_END, 0, "" },
		{ "rt:20 application exited \n", CONSOLE_NO_END, 0, "" },
		{ "rt:20 application exited -1\n", CONSOLE_NO_END, 0, "" },
		{ "rt:20 application killed by signal 9\n", CONSOLE_KILLED, 9, "" },
		{ "rt:20 application killed by signal 65\n", CONSOLE_NO_END, 0, "" },
		{ "rt:E17 more memory\x1b\n", CONSOLE_STOPPED, 0, "rt:E17 more memory\\x1b" },
		{ "[  0.1] Kernel panic - not syncing: no init\n", CONSOLE_PANIC, 0, "no init" },
		{ "the text rt:20 application exited 1\n", CONSOLE_NO_END, 0, "" },
		{ "rt:20 application exited 1\nrt:20 application exited 2", CONSOLE_EXITED, 2, "" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_FREE struct console_watch *w = watch(cases[i].text, 5);

		assert_int_equal(w->end, cases[i].end);
		if (w->end == CONSOLE_NO_END)
			continue;
		assert_int_equal(w->value, cases[i].value);
		assert_string_equal(w->text, cases[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(console_lines_come_whole_however_the_bytes_come),
		cmocka_unit_test(console_a_line_without_end_comes_in_pieces),
		cmocka_unit_test(console_pcr0_is_read_before_the_application_starts),
		cmocka_unit_test(console_ends_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static void expect_shown(const char *in, size_t n, const char *want)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);

	ss_show_all(&b, (struct ss_span){ (const uint8_t *)in, n });
	assert_int_equal(b.n, strlen(want));
	if (b.n > 0)
		assert_memory_equal(b.p, want, b.n);
}

#define SHOWN(in, want) expect_shown(in, sizeof(in) - 1, want)

static void show_all_leaves_printable_text_alone(void **state)
{
	(void)state;
	SHOWN("", "");
	SHOWN("usr/bin/it's ~", "usr/bin/it's ~");
	SHOWN("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa7",
	      "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa7");
}

static void show_all_escapes_what_moves_a_terminal(void **state)
{
	(void)state;
	SHOWN("a\0b", "a\\x00b");
	SHOWN("\033[2J", "\\x1b[2J");
	SHOWN("a\nb\r\t\177", "a\\x0ab\\x0d\\x09\\x7f");
	SHOWN("\xc2\x9b"
	      "1m",
	      "\\xc2\\x9b1m"); /* C1: CSI in one character */
	SHOWN("\xe2\x80\xae"
	      "fdp",
	      "\\xe2\\x80\\xaefdp");                                /* right-to-left override */
	SHOWN("\xe2\x81\xa6\xd8\x9c", "\\xe2\\x81\\xa6\\xd8\\x9c"); /* isolate, Arabic mark */
	SHOWN("\xe2\x80\xa8", "\\xe2\\x80\\xa8");                   /* line separator */
}

static void show_all_escapes_the_backslash_so_that_it_reads_back(void **state)
{
	(void)state;
	SHOWN("\\x41", "\\x5cx41");
}

static void show_all_escapes_bytes_that_are_not_utf8(void **state)
{
	(void)state;
	SHOWN("\xff"
	      "a",
	      "\\xffa");
	SHOWN("\xc0\xaf", "\\xc0\\xaf");                   /* over-long '/' */
	SHOWN("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* again */
	SHOWN("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* surrogate */
	SHOWN("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* past U+10FFFF */
	SHOWN("\xe2\x82", "\\xe2\\x82");                   /* ends early */
	SHOWN("\xe2\x82z", "\\xe2\\x82z");
}

static void show_line_keeps_the_escapes_it_finds(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(64);
	static const char in[] = "name '\\xff'\033";
	static const char want[] = "name '\\xff'\\x1b";

	(void)state;
	ss_show_line(&b, (struct ss_span){ (const uint8_t *)in, sizeof(in) - 1 });
	assert_int_equal(b.n, sizeof(want) - 1);
	assert_memory_equal(b.p, want, b.n);
}

/* Every sequence of up to three bytes: what is text has no byte escaped but the controls. */
static void show_all_agrees_with_is_text(void **state)
{
	(void)state;
	for (uint32_t v = 0; v < 1u << 24; v += 7) { /* 7: every byte in every place */
		const uint8_t raw[3] = { (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(16);

		ss_show_all(&b, (struct ss_span){ raw, 3 });
		assert_false(b.bad);
		assert_true(ss_is_text(ss_buf_span(&b)));
		if (b.n == 3)
			assert_true(ss_is_text((struct ss_span){ raw, 3 }));
	}
}

static void is_text_refuses_nul_and_what_is_not_utf8(void **state)
{
	(void)state;
	assert_true(ss_is_text((struct ss_span){ NULL, 0 }));
	assert_true(ss_is_text((struct ss_span){ (const uint8_t *)"a\n\033", 3 }));
	assert_false(ss_is_text((struct ss_span){ (const uint8_t *)"a\0b", 3 }));
	assert_false(ss_is_text((struct ss_span){ (const uint8_t *)"\xed\xa0\x80", 3 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_shown_as_they_are_when_harmless_and_escaped_when_not),
		cmocka_unit_test(a_long_name_keeps_both_ends_and_stays_inside_its_room),
		cmocka_unit_test(show_all_leaves_printable_text_alone),
		cmocka_unit_test(show_all_escapes_what_moves_a_terminal),
		cmocka_unit_test(show_all_escapes_the_backslash_so_that_it_reads_back),
		cmocka_unit_test(show_all_escapes_bytes_that_are_not_utf8),
		cmocka_unit_test(show_line_keeps_the_escapes_it_finds),
		cmocka_unit_test(show_all_agrees_with_is_text),
		cmocka_unit_test(is_text_refuses_nul_and_what_is_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

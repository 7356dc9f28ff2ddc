/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "explain/cause.h"

#include <stdio.h>
#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static const char *of_path(const char *path)
{
	return ex_cause_row(ex_cause_of_path(text(path)))->code;
}

static const char *of_values(const char *a, const char *b)
{
	return ex_cause_row(ex_cause_of_values(text(a), text(b)))->code;
}

static void every_cause_has_a_code_a_sentence_and_a_mend(void **state)
{
	(void)state;
	for (int c = 0; c < EX_CAUSES; c++) {
		const struct ex_cause_row *row = ex_cause_row((enum ex_cause)c);

		assert_non_null(row->code);
		assert_true(strlen(row->code) > 3 && strlen(row->what) > 10 &&
			    strlen(row->mend) > 5);
		for (int d = 0; d < c; d++)
			assert_string_not_equal(row->code, ex_cause_row((enum ex_cause)d)->code);
	}
}

/* docs/causes.md has a row for each, in this order, and no other. */
static void the_page_of_causes_is_the_table(void **state)
{
	const char *fixtures = getenv("FIXTURES");
	char path[4096];
	char want[1024];
	char line[1024];
	AUTO_FCLOSE FILE *f = NULL;
	int c = 0;

	(void)state;
	assert_non_null(fixtures);
	(void)snprintf(path, sizeof(path), "%s/../../docs/causes.md", fixtures);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		const struct ex_cause_row *row;

		if (strncmp(line, "| `", 3) != 0)
			continue;
		assert_true(c < EX_CAUSES);
		row = ex_cause_row((enum ex_cause)c++);
		(void)snprintf(want, sizeof(want), "| `%s` | %s | %s |\n", row->code, row->what,
			       row->mend);
		/* In the page a "|" of a mend is escaped. */
		for (char *bar = strstr(line, "\\|"); bar != NULL; bar = strstr(bar, "\\|"))
			memmove(bar, bar + 1, strlen(bar));
		assert_string_equal(line, want);
	}
	assert_int_equal(c, EX_CAUSES);
}

static void paths_are_matched_whole(void **state)
{
	(void)state;
	assert_string_equal(of_path("etc/machine-id"), "id.machine-id");
	assert_string_equal(of_path("etc/machine-ids"), "unknown");
	assert_string_equal(of_path("x/etc/machine-id"), "unknown");
	assert_string_equal(of_path("var/log/apt/term.log"), "time.package-log");
	assert_string_equal(of_path("var/log"), "unknown");
	assert_string_equal(of_path(""), "unknown");
	assert_string_equal(of_path("tmp/x"), "left.tmp");
}

static void one_star_stays_within_a_component_and_two_do_not(void **state)
{
	(void)state;
	assert_string_equal(of_path("var/lib/dpkg/status-old"), "cache.dpkg-old");
	assert_string_equal(of_path("var/lib/dpkg/a/status-old"), "unknown");
	assert_string_equal(of_path("root/.cache/go-build/a/b"), "cache.go-build");
	assert_string_equal(of_path(".cache/go-build/a"), "cache.go-build");
	assert_string_equal(of_path("usr/lib/jvm/lib/server/lib/server/classes_x.jsa"),
			    "cache.java-cds");
	assert_string_equal(of_path("home/a/.cache/x"), "cache.home");
	assert_string_equal(of_path("home/a/b/.cache/x"), "unknown");
}

static void two_values_of_one_form_tell_why(void **state)
{
	static const struct {
		const char *a, *b, *code;
	} cases[] = {
		{ "2024-01-02", "2025-01-02", "time.text" },
		{ "1700000000", "1700000001", "time.text" },
		{ "1700000000123", "1700000001123", "time.text" },
		{ "170000000", "170000001", "unknown" },
		{ "9700000000", "9700000001", "unknown" },
		{ "03:04:05", "03:04:06", "time.text" },
		{ "1.2.3", "1.2.4", "net.package-version" },
		{ "1:2.3-4", "1:2.3-5", "net.package-version" },
		{ "v1.2", "v1.3", "net.package-version" },
		{ "deadbeefdeadbeef", "0123456789abcdef", "rand.token" },
		{ "deadbeefdeadbeef", "0123456789abcde", "unknown" },
		{ "/build/a", "/src/b", "path.build-dir" },
		{ "/tmp/aaa", "/tmp/bbb", "rand.temp-name" },
		{ "de_DE.UTF-8", "C", "env.locale" },
		{ "+0100", "+0000", "env.timezone" },
		{ "2024-01-02", "hello", "unknown" },
		{ "", "2024-01-02", "unknown" },
		{ "a, b, c", "c, a, b", "rand.hash-seed" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		if (strcmp(of_values(cases[i].a, cases[i].b), cases[i].code) != 0)
			fail_msg("'%s' and '%s': %s", cases[i].a, cases[i].b,
				 of_values(cases[i].a, cases[i].b));
		assert_string_equal(of_values(cases[i].b, cases[i].a), cases[i].code);
	}
}

static void narrow(const char *a, const char *b, const char *want_a, const char *want_b)
{
	struct ss_span x = text(a);
	struct ss_span y = text(b);

	ex_narrow(&x, &y);
	assert_int_equal(x.n, strlen(want_a));
	assert_memory_equal(x.p, want_a, x.n);
	assert_int_equal(y.n, strlen(want_b));
	assert_memory_equal(y.p, want_b, y.n);
}

static void lines_are_narrowed_to_whole_words(void **state)
{
	(void)state;
	narrow("at 2024-01-02 ok", "at 2024-01-03 ok", "2024-01-02", "2024-01-03");
	narrow("x=aab", "x=ab", "aab", "ab");
	narrow("same", "same", "same", "same");
	narrow("a b", "a b c", "b", "b c");
	narrow("", "a", "", "a");
	narrow("", "", "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cause_has_a_code_a_sentence_and_a_mend),
		cmocka_unit_test(the_page_of_causes_is_the_table),
		cmocka_unit_test(paths_are_matched_whole),
		cmocka_unit_test(one_star_stays_within_a_component_and_two_do_not),
		cmocka_unit_test(two_values_of_one_form_tell_why),
		cmocka_unit_test(lines_are_narrowed_to_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "hermetic/view.h"

#include <stdlib.h>
#include <string.h>

static struct ss_span text_span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* Every property that there is. */
static const char all[] = "selfsame-view 1\n"
			  "allow-key /a/\n"
			  "allow-key /a/b c\n"
			  "aslr 0\n"
			  "clock-frozen 1700000000\n"
			  "cpus 2\n"
			  "domain d\n"
			  "env A=1=2 3\n"
			  "env AB=\n"
			  "env GONE\n"
			  "host h\n"
			  "kernel-release 6.1.0\n"
			  "kernel-version #1 SMP\n"
			  "keys 1\n"
			  "locale de_DE.UTF-8\n"
			  "memory-mib 512\n"
			  "monotonic 1\n"
			  "net 1\n"
			  "path-bytes 900\n"
			  "pid-base 2000\n"
			  "proc 1\n"
			  "processors 64\n"
			  "seed 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
			  "stat 1\n"
			  "tsc 0\n"
			  "tz Asia/Kathmandu\n"
			  "umask 002\n"
			  "user-ns 1\n"
			  "written 1\n";

static void a_text_reads_and_writes_back_the_same(void **state)
{
	static const char *const texts[] = { all, "selfsame-view 1\n",
					     "selfsame-view 1\nclock-offset -5\n" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(texts); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(HM_VIEW_MAX_SIZE);
		AUTO_VIEW struct hm_view v = { 0 };
		struct ss_err err = { 0 };

		expect_ok(hm_view_read(text_span(texts[i]), &v, &err), &err);
		hm_view_write(&v, &b);
		assert_int_equal(b.n, strlen(texts[i]));
		assert_memory_equal(b.p, texts[i], b.n);
	}
}

static void values_arrive(void **state)
{
	AUTO_VIEW struct hm_view v = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(hm_view_read(text_span(all), &v, &err), &err);
	assert_true(v.aslr.set && v.aslr.v == 0);
	assert_true(v.clock_frozen.set && v.clock_frozen.v == 1700000000);
	assert_false(v.clock_offset.set);
	assert_true(v.umask.set && v.umask.v == 2);
	assert_string_equal(v.tz.s, "Asia/Kathmandu");
	assert_int_equal(v.n_env, 3);
	assert_string_equal(v.env[0], "A=1=2 3");
	assert_string_equal(v.env[2], "GONE");
	assert_true(v.has_seed);
	assert_int_equal(v.seed[1], 0x11);
	assert_true(hm_view_is_supervised(&v));
}

static void a_view_cut_anywhere_within_a_line_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(all) - 1; n++) {
		uint8_t *exact = malloc(n + 1);
		struct hm_view v = { 0 };
		struct ss_err err = { 0 };

		assert_non_null(exact);
		memcpy(exact, all, n);
		if (n >= 16 && all[n - 1] == '\n')
			expect_ok(hm_view_read((struct ss_span){ exact, n }, &v, &err), &err);
		else
			assert_int_equal(hm_view_read((struct ss_span){ exact, n }, &v, &err), -1);
		hm_view_done(&v);
		free(exact);
	}
}

static void what_is_no_view_says_why(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "", "not a view: it begins with another line" },
		{ "selfsame-view 2\n", "not a view: it begins with another line" },
		{ "selfsame-view 1\naslr 0", "a view's last line has no end" },
		{ "selfsame-view 1\nfrob 1\n", "a view has no such line" },
		{ "selfsame-view 1\naslr\n", "a view has no such line" },
		{ "selfsame-view 1\n\n", "a view has no such line" },
		{ "selfsame-view 1\naslr 1\n", "aslr: 1 is not in 0 .. 0" },
		{ "selfsame-view 1\naslr \n", "a view's aslr has no such value" },
		{ "selfsame-view 1\numask 028\n", "a view's umask has no such value" },
		{ "selfsame-view 1\numask 1000\n", "umask: 512 is not in 0 .. 511" },
		{ "selfsame-view 1\ncpus 99999999999999999999\n",
		  "a view's cpus has no such value" },
		{ "selfsame-view 1\nhost \n", "a view's host has no such value" },
		{ "selfsame-view 1\nhost a\tb\n", "host: has a control character" },
		{ "selfsame-view 1\nseed 00\n", "a view's seed has no such value" },
		{ "selfsame-view 1\nenv =x\n", "env: not a variable's name" },
		{ "selfsame-view 1\nenv 1A=x\n", "env: not a variable's name" },
		{ "selfsame-view 1\nenv A B=x\n", "env: not a variable's name" },
		{ "selfsame-view 1\nenv A=\001\n", "env: 'A' has a control character" },
		{ "selfsame-view 1\nallow-key a\n",
		  "allow-key: not an absolute path without control characters" },
		{ "selfsame-view 1\nallow-key /a\033\n",
		  "allow-key: not an absolute path without control characters" },
		{ "selfsame-view 1\nstat 1\n", "stat: the clock is not frozen" },
		{ "selfsame-view 1\nmonotonic 1\n", "monotonic: the clock is not frozen" },
		{ "selfsame-view 1\nnet 3\n", "net: 3 is not in 1 .. 2" },
		{ "selfsame-view 1\nprocessors 0\n", "processors: 0 is not in 1 .. 64" },
		{ "selfsame-view 1\nprocessors 65\n", "processors: 65 is not in 1 .. 64" },
		{ "selfsame-view 1\nclock-frozen 1\nclock-offset 1\n",
		  "clock-offset: the clock is frozen" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct hm_view v = { 0 };
		struct ss_err err = { 0 };

		expect_fails(hm_view_read(text_span(cases[i].text), &v, &err), &err, SS_EINPUT,
			     cases[i].msg);
	}
}

static void there_is_one_text_for_each_view(void **state)
{
	static const char *const texts[] = {
		"selfsame-view 1\ncpus 1\naslr 0\n",
		"selfsame-view 1\ncpus 1\ncpus 1\n",
		"selfsame-view 1\ncpus 01\n",
		"selfsame-view 1\ncpus  1\n",
		"selfsame-view 1\numask 22\n",
		"selfsame-view 1\nclock-offset -0\n",
		"selfsame-view 1\nenv B=1\nenv A=1\n",
		"selfsame-view 1\nenv A=1\nenv A=2\n",
		"selfsame-view 1\nallow-key /b\nallow-key /a\n",
		"selfsame-view 1\nallow-key /a\nallow-key /a\n",
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(texts); i++) {
		struct hm_view v = { 0 };
		struct ss_err err = { 0 };

		assert_int_equal(hm_view_read(text_span(texts[i]), &v, &err), -1);
		if (strcmp(texts[i], "selfsame-view 1\ncpus  1\n") == 0)
			assert_string_equal(err.msg, "a view's cpus has no such value");
		else
			assert_string_equal(err.msg, "a view's lines are not in their order, each "
						     "once, as written here");
	}
}

static void a_NUL_and_too_much_are_refused(void **state)
{
	static const uint8_t nul[] = "selfsame-view 1\nhost a\0b\n";
	uint8_t *large = calloc(HM_VIEW_MAX_SIZE + 1, 1);
	struct hm_view v = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	assert_non_null(large);
	expect_fails(hm_view_read((struct ss_span){ nul, sizeof(nul) - 1 }, &v, &err), &err,
		     SS_EINPUT, "a view has a NUL byte");
	expect_fails(hm_view_read((struct ss_span){ large, HM_VIEW_MAX_SIZE + 1 }, &v, &err), &err,
		     SS_ELIMIT, "a view is at most 262144 bytes");
	free(large);
}

static void too_many_variables_are_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HM_VIEW_MAX_SIZE);
	struct hm_view v = { 0 };
	struct ss_err err = { 0 };
	char line[32];

	(void)state;
	ss_buf_put(&b, text_span("selfsame-view 1\n"));
	for (unsigned i = 0; i <= HM_ENV_MAX; i++) {
		(void)snprintf(line, sizeof(line), "env V%03u=\n", i);
		ss_buf_put(&b, text_span(line));
	}
	expect_fails(hm_view_read(ss_buf_span(&b), &v, &err), &err, SS_ELIMIT,
		     "a view has at most 256 variables");
}

static void variables_are_sorted_and_replaced(void **state)
{
	AUTO_VIEW struct hm_view v = { 0 };

	(void)state;
	hm_view_env(&v, "B=1");
	hm_view_env(&v, "A=1");
	hm_view_env(&v, "AB=1");
	hm_view_env(&v, "B");
	assert_int_equal(v.n_env, 3);
	assert_string_equal(v.env[0], "A=1");
	assert_string_equal(v.env[1], "AB=1");
	assert_string_equal(v.env[2], "B");
}

static void what_a_hermetic_step_sees_is_a_view(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HM_VIEW_MAX_SIZE);
	const uint8_t seed[32] = { 1 };
	AUTO_VIEW struct hm_view v = { 0 };
	AUTO_VIEW struct hm_view none = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	hm_view_fixed(7, seed, &v);
	expect_ok(hm_view_check(&v, &err), &err);
	hm_view_write(&v, &b);
	expect_ok(hm_view_read(ss_buf_span(&b), &none, &err), &err);
	assert_int_equal(none.clock_frozen.v, 7);
	hm_view_done(&none);
	assert_true(hm_view_is_supervised(&v));
	assert_false(hm_view_is_supervised(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_reads_and_writes_back_the_same),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(a_view_cut_anywhere_within_a_line_is_refused),
		cmocka_unit_test(what_is_no_view_says_why),
		cmocka_unit_test(there_is_one_text_for_each_view),
		cmocka_unit_test(a_NUL_and_too_much_are_refused),
		cmocka_unit_test(too_many_variables_are_refused),
		cmocka_unit_test(variables_are_sorted_and_replaced),
		cmocka_unit_test(what_a_hermetic_step_sees_is_a_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

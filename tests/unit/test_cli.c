/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "expect.h"

#include <string.h>

struct opts {
	bool json;
	const char *output;
	const char *arch;
	struct cli_num epoch;
	struct cli_num jobs;
	struct cli_list env;
};

static const struct cli_opt rows[] = {
	{ .name = "json",
	  .letter = 'j',
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print JSON" },
	{ .name = "output",
	  .letter = 'o',
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, output),
	  .arg = "FILE",
	  .help = "write to FILE" },
	{ .name = "arch",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, arch),
	  .arg = "ARCH",
	  .help = "build for ARCH",
	  .preset = "x86_64",
	  .choices = "x86_64 aarch64" },
	{ .name = "epoch",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, epoch),
	  .arg = "SECONDS",
	  .help = "the time in the files" },
	{ .name = "jobs",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, jobs),
	  .arg = "N",
	  .help = "threads",
	  .preset = "2",
	  .min = 1,
	  .max = 64 },
	{ .name = "env",
	  .letter = 'e',
	  .kind = CLI_LIST,
	  .at = offsetof(struct opts, env),
	  .arg = "K=V",
	  .help = "set K" },
	CLI_OPTS_END,
};

static const struct cli_cmd cmd = {
	.name = "test",
	.args = "[SOURCE [DIR]]",
	.max_args = 2,
	.opts = rows,
	.opts_size = sizeof(struct opts),
};

/* The options, as the test sees them; everything is released with them. */
struct parsed {
	struct cli_words w;
	struct opts *o;
};

static void parsed_done(struct parsed *p)
{
	if (p->w.opts != NULL)
		cli_words_done(&cmd, &p->w);
}
#define AUTO_PARSED SS_CLEANUP(parsed_done)

/* Up to 15 words, NULL-terminated. */
static int parse(const char *const *words, struct parsed *ret, struct ss_err *err)
{
	char *argv[16];
	int argc = 0;
	int rc;

	parsed_done(ret);
	for (; words[argc] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	rc = cli_parse(&cmd, argc, argv, &ret->w, err);
	ret->o = ret->w.opts;
	return rc;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void cli_presets_hold_when_nothing_is_given(void **state)
{
	AUTO_PARSED struct parsed p = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(parse(WORDS(), &p, &err), &err);
	assert_false(p.o->json);
	assert_null(p.o->output);
	assert_string_equal(p.o->arch, "x86_64");
	assert_false(p.o->epoch.set);
	assert_true(p.o->jobs.set);
	assert_int_equal(p.o->jobs.value, 2);
	assert_int_equal(p.o->env.n, 0);
	assert_int_equal(p.w.n_args, 0);
	assert_null(p.w.args[0]);
}

static void cli_every_spelling_of_a_value_is_read(void **state)
{
	static const char *const spellings[][4] = {
		{ "--output", "a b", NULL }, { "--output=a b", NULL }, { "-o", "a b", NULL },
		{ "-oa b", NULL },           { "-jo", "a b", NULL },   { "-joa b", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(spellings); i++) {
		AUTO_PARSED struct parsed p = { 0 };
		struct ss_err err = { 0 };

		expect_ok(parse(spellings[i], &p, &err), &err);
		assert_string_equal(p.o->output, "a b");
		assert_int_equal(p.o->json, i >= 4);
	}
}

static void cli_lists_keep_their_order(void **state)
{
	AUTO_PARSED struct parsed p = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(parse(WORDS("-e", "A=1", "x", "--env=B==", "-eC"), &p, &err), &err);
	assert_int_equal(p.o->env.n, 3);
	assert_string_equal(p.o->env.v[0], "A=1");
	assert_string_equal(p.o->env.v[1], "B==");
	assert_string_equal(p.o->env.v[2], "C");
	assert_int_equal(p.w.n_args, 1);
	assert_string_equal(p.w.args[0], "x");
}

static void cli_two_dashes_end_the_options(void **state)
{
	AUTO_PARSED struct parsed p = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(parse(WORDS("-", "--", "--json"), &p, &err), &err);
	assert_false(p.o->json);
	assert_int_equal(p.w.n_args, 2);
	assert_string_equal(p.w.args[0], "-");
	assert_string_equal(p.w.args[1], "--json");
	assert_null(p.w.args[2]);
}

static void cli_the_whole_range_of_a_number_is_read(void **state)
{
	AUTO_PARSED struct parsed p = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(parse(WORDS("--epoch", "18446744073709551615", "--jobs=64"), &p, &err), &err);
	assert_true(p.o->epoch.value == UINT64_MAX);
	assert_int_equal(p.o->jobs.value, 64);
	expect_ok(parse(WORDS("--epoch=0"), &p, &err), &err);
	assert_true(p.o->epoch.set);
	assert_int_equal(p.o->epoch.value, 0);
}

static void cli_wrong_words_are_refused_by_name(void **state)
{
	static const struct {
		const char *words[4];
		const char *msg;
	} cases[] = {
		{ { "--jsno" }, "test: unknown option '--jsno'; did you mean '--json'?" },
		{ { "--frob=1" }, "test: unknown option '--frob'" },
		{ { "-jx" }, "test: unknown option '-x'" },
		{ { "--json=1" }, "--json takes no value" },
		{ { "--output" }, "--output needs FILE" },
		{ { "-jo" }, "--output needs FILE" },
		{ { "--arch=arm" }, "--arch: 'arm' is not one of: x86_64 aarch64" },
		{ { "--arch", "x86_64 aarch64" },
		  "--arch: 'x86_64 aarch64' is not one of: x86_64 aarch64" },
		{ { "--arch=" }, "--arch: '' is not one of: x86_64 aarch64" },
		{ { "--epoch=" }, "--epoch is empty: it needs a whole number" },
		{ { "--epoch=-1" }, "--epoch: '-1' is not a whole number" },
		{ { "--epoch= 1" }, "--epoch: ' 1' is not a whole number" },
		{ { "--epoch=0x10" }, "--epoch: '0x10' is not a whole number" },
		{ { "--jobs=0" }, "--jobs: 0 is out of range; it goes from 1 to 64" },
		{ { "--jobs=65" }, "--jobs: 65 is out of range; it goes from 1 to 64" },
		{ { "--jobs=18446744073709551617" },
		  "--jobs: 18446744073709551617 is out of range; it goes from 1 to 64" },
		{ { "a", "b", "c" }, "test: one argument too many: 'c'" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_PARSED struct parsed p = { 0 };
		struct ss_err err = { 0 };

		expect_fails(parse(cases[i].words, &p, &err), &err, SS_EUSAGE, cases[i].msg);
	}
}

static void cli_help_wins_over_missing_arguments(void **state)
{
	AUTO_PARSED struct parsed p = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(parse(WORDS("a", "b", "-h", "c", "--frob"), &p, &err), &err);
	assert_true(p.w.common.help);
}

static void cli_each_error_code_has_its_exit_status(void **state)
{
	(void)state;
	assert_int_equal(cli_exit_status(SS_OK), 0);
	assert_int_equal(cli_exit_status(SS_EVERIFY), 1);
	assert_int_equal(cli_exit_status(SS_EUSAGE), 2);
	assert_int_equal(cli_exit_status(SS_EINPUT), 3);
	assert_int_equal(cli_exit_status(SS_ELIMIT), 3);
	assert_int_equal(cli_exit_status(SS_ESYS), 4);
	assert_int_equal(cli_exit_status(SS_EREMOTE), 5);
}

static void json_text_that_is_not_utf8_has_a_hex_twin(void **state)
{
	json_t *o = json_object();
	AUTO_FREE char *text = NULL;

	(void)state;
	cli_json_text(o, "good", (struct ss_span){ (const uint8_t *)"a\\b", 3 });
	cli_json_text(o, "name", (struct ss_span){ (const uint8_t *)"a\xff", 2 });
	cli_json_text(o, "nul", (struct ss_span){ (const uint8_t *)"\0", 1 });
	text = json_dumps(o, JSON_COMPACT);
	assert_string_equal(text,
			    "{\"good\":\"a\\\\b\",\"name\":\"a\\\\xff\",\"name_hex\":\"61ff\","
			    "\"nul\":\"\\\\x00\",\"nul_hex\":\"00\"}");
	json_decref(o);
}

/* The table itself: what the parser takes for granted of every row. */
static void cli_every_row_of_the_table_is_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const struct cli_cmd *c = cli_commands[i];
		char *none[] = { NULL };
		struct cli_words w;
		struct ss_err err = { 0 };

		assert_true(c->min_args <= c->max_args);
		assert_non_null(c->summary);
		assert_non_null(c->about);
		assert_null(strchr(c->summary, '.'));
		for (const struct cli_opt *o = c->opts; o->name != NULL; o++) {
			assert_true((o->kind == CLI_FLAG) == (o->arg == NULL));
			assert_true(o->help[0] != '\0' && o->help[strlen(o->help) - 1] != '.');
			assert_true(o->at < c->opts_size);
			for (const struct cli_opt *q = c->opts; q < o; q++) {
				assert_string_not_equal(o->name, q->name);
				assert_true(o->letter == 0 || o->letter != q->letter);
			}
			for (const struct cli_opt *q = cli_common_opts; q->name != NULL; q++) {
				assert_string_not_equal(o->name, q->name);
				assert_true(o->letter == 0 || o->letter != q->letter);
			}
		}
		/* the presets pass their own checks */
		if (cli_parse(c, 0, none, &w, &err) < 0)
			assert_true(c->min_args > 0 && strstr(err.msg, "needs") != NULL);
		cli_words_done(c, &w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cli_presets_hold_when_nothing_is_given),
		cmocka_unit_test(cli_every_spelling_of_a_value_is_read),
		cmocka_unit_test(cli_lists_keep_their_order),
		cmocka_unit_test(cli_two_dashes_end_the_options),
		cmocka_unit_test(cli_the_whole_range_of_a_number_is_read),
		cmocka_unit_test(cli_wrong_words_are_refused_by_name),
		cmocka_unit_test(cli_help_wins_over_missing_arguments),
		cmocka_unit_test(cli_each_error_code_has_its_exit_status),
		cmocka_unit_test(json_text_that_is_not_utf8_has_a_hex_twin),
		cmocka_unit_test(cli_every_row_of_the_table_is_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

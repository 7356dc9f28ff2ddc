/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "config/enclave_lock.h"
#include "expect.h"
#include "io/file.h"

#include <string.h>

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char sample[] = "# Written by selfsame. Commit it: `selfsame rebuild` goes by it.\n"
			     "arch = \"x86_64\"\n"
			     "form = \"selfsame\"\n"
			     "layout = 1\n"
			     "normalisers = [\n\t\"apt-cache\",\n\t\"apt-logs\",\n]\n"
			     "schema = 1\n"
			     "source_date_epoch = 0\n"
			     "tool = \"0.1.0\"\n"
			     "\n[[base]]\n"
			     "digest = \"sha256:" SHA "\"\n"
			     "name = \"debian:12\"\n"
			     "\n[build]\n"
			     "engine = \"buildah\"\n"
			     "engine_version = \"1.28.2\"\n"
			     "\n[build.args]\n"
			     "A = \"\"\n"
			     "\n[image]\n"
			     "name = \"hello\"\n"
			     "version = \"1\"\n"
			     "\n[kernel]\n"
			     "name = \"nitro\"\n"
			     "sha256 = \"" SHA "\"\n"
			     "standing = \"known\"\n"
			     "\n[runtime]\n"
			     "init = \"" SHA "\"\n";

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void fill(struct cfg_lock *l)
{
	*l = (struct cfg_lock){ .schema = CFG_LOCK_SCHEMA, .layout = 1 };
	cfg_text_set(&l->arch, "x86_64");
	cfg_text_set(&l->form, "selfsame");
	cfg_text_set(&l->tool, "0.1.0");
	cfg_texts_push(&l->normalisers, "apt-cache");
	cfg_texts_push(&l->normalisers, "apt-logs");
	cfg_text_set(&l->name, "hello");
	cfg_text_set(&l->version, "1");
	cfg_text_set(&l->engine, "buildah");
	cfg_text_set(&l->engine_version, "1.28.2");
	cfg_pairs_set(&l->args, "A", "");
	cfg_lock_base_set(l, "debian:12", "sha256:" SHA);
	cfg_text_set(&l->kernel, "nitro");
	cfg_text_set(&l->kernel_sha256, SHA);
	cfg_text_set(&l->kernel_standing, "known");
	cfg_pairs_set(&l->runtime, "init", SHA);
}

static void expect_text(const struct cfg_lock *l, const char *want)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);

	cfg_lock_write(l, &b);
	ss_buf_put(&b, span("x"));
	b.p[b.n - 1] = '\0';
	assert_string_equal((const char *)b.p, want);
}

static void a_lock_is_written_sorted_and_in_canonical_form(void **state)
{
	struct cfg_lock l;

	(void)state;
	fill(&l);
	expect_text(&l, sample);
	cfg_lock_done(&l);
}

static void what_was_written_reads_back_and_writes_to_the_same_bytes(void **state)
{
	struct cfg_lock l;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(cfg_lock_read(span(sample), &l, &err), &err);
	assert_string_equal(cfg_lock_base(&l, "debian:12"), "sha256:" SHA);
	assert_null(cfg_lock_base(&l, "debian:13"));
	assert_int_equal(l.epoch, 0);
	assert_null(l.manifest);
	expect_text(&l, sample);
	cfg_lock_done(&l);
}

static void the_order_in_which_things_are_recorded_does_not_show(void **state)
{
	static const char *const names[] = { "c", "a", "b" };
	AUTO_BUF struct ss_buf x = SS_BUF_INIT(65536), y = SS_BUF_INIT(65536);
	struct cfg_lock a, b;

	(void)state;
	fill(&a);
	fill(&b);
	for (size_t i = 0; i < 3; i++) {
		cfg_lock_base_set(&a, names[i], "sha256:" SHA);
		cfg_lock_base_set(&b, names[2 - i], "sha256:" SHA);
		cfg_pairs_set(&a.args, names[i], "1");
		cfg_pairs_set(&b.args, names[2 - i], "1");
	}
	cfg_lock_base_set(&a, "b", "sha256:" SHA); /* twice is once */
	cfg_lock_write(&a, &x);
	cfg_lock_write(&b, &y);
	assert_int_equal(x.n, y.n);
	assert_memory_equal(x.p, y.p, x.n);
	cfg_lock_done(&a);
	cfg_lock_done(&b);
}

/* Whatever the order in which they were recorded: by URL, method, key, turn. */
static void inputs_are_written_in_their_order(void **state)
{
	static char get[] = "GET", head[] = "HEAD", a[] = "http://h/a", b[] = "http://h/b";
	static char sha[] = SHA, type[] = "text/plain";
	static const struct cfg_input want[] = {
		{ .method = get, .url = a, .sha256 = sha, .size = 1, .status = 200 },
		{ .method = get, .url = a, .sha256 = sha, .size = 1, .status = 200, .turn = 2 },
		{ .method = get, .url = a, .sha256 = sha, .size = 1, .status = 200, .turn = 10 },
		{ .method = get, .url = a, .key = sha, .sha256 = sha, .size = 1, .status = 200 },
		{ .method = head, .url = a, .size = 9, .status = 404, .type = type },
		{ .method = get, .url = b, .sha256 = sha, .size = 1, .status = 200 },
	};
	static const size_t orders[][SS_NELEMS(want)] = { { 0, 1, 2, 3, 4, 5 },
							  { 5, 4, 3, 2, 1, 0 },
							  { 2, 5, 0, 4, 1, 3 } };

	(void)state;
	for (size_t o = 0; o < SS_NELEMS(orders); o++) {
		AUTO_BUF struct ss_buf text = SS_BUF_INIT(65536);
		struct cfg_lock l, back;
		struct ss_err err = { 0 };

		fill(&l);
		for (size_t i = 0; i < SS_NELEMS(want); i++)
			cfg_inputs_add(&l.inputs, &want[orders[o][i]]);
		expect_ok(cfg_inputs_sort(&l.inputs, &err), &err);
		cfg_lock_write(&l, &text);
		expect_ok(cfg_lock_read(ss_buf_span(&text), &back, &err), &err);
		assert_int_equal(back.inputs.n, SS_NELEMS(want));
		for (size_t i = 0; i < SS_NELEMS(want); i++) {
			const struct cfg_input *got = (struct cfg_input *)back.inputs.v + i;

			assert_int_equal(cfg_input_compare(got, &want[i]), 0);
			assert_int_equal(got->status, want[i].status);
			assert_int_equal(got->size, want[i].size);
			assert_int_equal(got->sha256 != NULL, want[i].sha256 != NULL);
		}
		cfg_lock_done(&l);
		cfg_lock_done(&back);
	}
}

/* Replaces the first `from` in the sample. */
static void expect_refused(const char *from, const char *to, const char *msg)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	const char *at = strstr(sample, from);
	struct cfg_lock l;
	struct ss_err err = { 0 };

	assert_non_null(at);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)sample, (size_t)(at - sample) });
	ss_buf_put(&b, span(to));
	ss_buf_put(&b, span(at + strlen(from)));
	expect_fails(cfg_lock_read(ss_buf_span(&b), &l, &err), &err, SS_EINPUT, msg);
}

static void a_lock_that_was_edited_wrongly_is_refused_by_line(void **state)
{
	(void)state;
	expect_refused("schema = 1", "schema = 2",
		       "line 9: the lock has schema 2; this release reads schema 1");
	expect_refused("schema = 1\n", "", "line 1: 'schema' is missing");
	expect_refused("layout = 1", "layout = 2", "line 4: 'layout' must be 1 to 1, not 2");
	expect_refused("arch = \"x86_64\"\n", "", "line 1: 'arch' is missing");
	expect_refused("arch = ", "arhc = ", "line 2: unknown key 'arhc'; did you mean 'arch'?");
	expect_refused("sha256:0", "sha256:0A",
		       "line 14: 'base.digest' must be sha256: and 64 lower-case digits");
	expect_refused("init = \"0", "init = \"g",
		       "line 34: 'runtime' must be 64 lower-case hexadecimal digits");
	expect_refused("source_date_epoch = 0", "source_date_epoch = 4294967296",
		       "line 10: 'source_date_epoch' must be 0 to 4294967295, not 4294967296");
	expect_refused("name = \"nitro\"", "name = \"mine\"",
		       "line 29: 'kernel.name' must be one of: nitro local file; not 'mine'");
	expect_refused("engine = \"buildah\"\n", "", "line 17: 'build.engine' is missing");
}

static void a_hermetic_build_has_a_seed_and_no_other_has(void **state)
{
	(void)state;
	expect_refused("engine = \"buildah\"\n", "engine = \"buildah\"\nhermetic = \"full\"\n",
		       "'build.seed' is missing of a hermetic build");
	expect_refused("engine = \"buildah\"\n",
		       "engine = \"buildah\"\nseed = \"00112233445566778899aabbccddeeff"
		       "00112233445566778899aabbccddeeff\"\n",
		       "'build.seed' of a build that is not hermetic");
	expect_refused("engine = \"buildah\"\n", "engine = \"buildah\"\nseed = \"00\"\n",
		       "line 19: 'build.seed' must be 64 lower-case hexadecimal digits");
	expect_refused("engine = \"buildah\"\n", "engine = \"buildah\"\nhermetic = \"yes\"\n",
		       "line 19: 'build.hermetic' must be one of: full no engine; not 'yes'");
}

static void only_a_hermetic_build_has_a_clock_and_early_ones_have_none(void **state)
{
	static const char full[] =
		"engine_version = \"1.28.2\"\nhermetic = \"full\"\nseed = \"" SHA "\"\n";
	AUTO_FREE char *text = ss_calloc(2 * sizeof(sample), 1);
	const char *at = strstr(sample, "engine = \"buildah\"\n");
	struct cfg_lock l;
	struct ss_err err = { 0 };

	(void)state;
	for (int with = 0; with < 2; with++) {
		(void)snprintf(text, 2 * sizeof(sample), "%.*s%sengine = \"buildah\"\n%s%s",
			       (int)(at - sample), sample, with ? "clock = 1767225600\n" : "", full,
			       strstr(sample, "\n[build.args]"));
		expect_ok(cfg_lock_read(span(text), &l, &err), &err);
		assert_int_equal(l.clock, with ? 1767225600 : 0);
		expect_text(&l, text);
		cfg_lock_done(&l);
	}
	expect_refused("engine = \"buildah\"\n", "clock = 5\nengine = \"buildah\"\n",
		       "'build.clock' of a build that is not hermetic");
	expect_refused("engine = \"buildah\"\n", "clock = 4294967296\nengine = \"buildah\"\n",
		       "line 18: 'build.clock' must be 0 to 4294967295, not 4294967296");
}

#define LEVELS "level = \"light\"\nnumber = 1\nrun = \"a\"\nsha256 = \"" SHA "\"\n"

/* A hermetic lock whose steps are `steps`. */
static void expect_steps_refused(const char *steps, enum ss_code code, const char *msg)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	struct cfg_lock l;
	struct ss_err err = { 0 };

	fill(&l);
	cfg_text_set(&l.hermetic, "full");
	cfg_text_set(&l.seed, SHA);
	cfg_lock_write(&l, &b);
	cfg_lock_done(&l);
	ss_buf_put(&b, span("\n[[step]]\n"));
	ss_buf_put(&b, span(steps));
	if (msg != NULL)
		expect_fails(cfg_lock_read(ss_buf_span(&b), &l, &err), &err, code, msg);
	else
		expect_ok(cfg_lock_read(ss_buf_span(&b), &l, &err), &err);
	cfg_lock_done(&l);
}

static void steps_that_were_edited_wrongly_are_refused(void **state)
{
	static char long_run[CFG_STEP_RUN_MAX + 128];

	(void)state;
	expect_steps_refused(LEVELS, SS_OK, NULL);
	expect_steps_refused("number = 1\nrun = \"a\"\nsha256 = \"" SHA "\"\n", SS_EINPUT,
			     "line 38: 'step.level' is missing");
	expect_steps_refused("level = \"none\"\n", SS_EINPUT,
			     "line 39: 'step.level' must be one of: light full; not 'none'");
	expect_steps_refused("level = \"full\"\nnumber = 0\n", SS_EINPUT,
			     "line 40: 'step.number' must be 1 to 4294967295, not 0");
	expect_steps_refused("level = \"full\"\nnumber = 1\nrun = \"\"\n", SS_EINPUT,
			     "line 41: 'step.run' is empty");
	expect_steps_refused("level = \"full\"\nnumber = 1\nrun = \"\\u001b[m\"\n", SS_EINPUT,
			     "line 41: 'step.run' holds a control character");
	expect_steps_refused("level = \"full\"\nnumber = 1\nrun = \"a\"\nsha256 = \"A\"\n",
			     SS_EINPUT,
			     "line 42: 'step.sha256' must be 64 lower-case hexadecimal digits");
	expect_steps_refused(LEVELS "why = \"x\"\n", SS_EINPUT, "line 43: unknown key 'step.why'");
	expect_steps_refused(LEVELS "\n[[step]]\n" LEVELS, SS_EINPUT, "two steps are number 1");
	(void)snprintf(long_run, sizeof(long_run), "run = \"%0*d\"\n", (int)CFG_STEP_RUN_MAX + 1,
		       0);
	expect_steps_refused(long_run, SS_ELIMIT,
			     "line 39: 'step.run' is 121 bytes; the limit is 120");
}

static void levels_are_of_hermetic_builds(void **state)
{
	(void)state;
	expect_refused("init = \"" SHA "\"\n", "init = \"" SHA "\"\n\n[[step]]\n" LEVELS,
		       "'step' of a build that is not hermetic");
	expect_refused("engine = \"buildah\"\n", "engine = \"buildah\"\nlevel = \"light\"\n",
		       "'build.level' of a build that is not hermetic");
	expect_refused("engine = \"buildah\"\n", "engine = \"buildah\"\nlevel = \"auto\"\n",
		       "line 19: 'build.level' must be one of: light full; not 'auto'");
}

static void steps_are_written_by_their_numbers_and_found_again(void **state)
{
	static const uint64_t numbers[] = { 3, 1, 12, 2 };
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(65536);
	struct cfg_lock l, back;
	const struct cfg_step *v;
	struct ss_err err = { 0 };

	(void)state;
	fill(&l);
	cfg_text_set(&l.hermetic, "full");
	cfg_text_set(&l.seed, SHA);
	for (size_t i = 0; i < SS_NELEMS(numbers); i++)
		cfg_steps_add(&l.steps, numbers[i], "abc", numbers[i] != 2);
	expect_ok(cfg_steps_sort(&l.steps, &err), &err);
	cfg_lock_write(&l, &text);
	expect_ok(cfg_lock_read(ss_buf_span(&text), &back, &err), &err);
	v = back.steps.v;
	assert_int_equal(back.steps.n, 4);
	assert_int_equal(v[0].number, 1);
	assert_int_equal(v[3].number, 12);
	/* FIPS 180-4, B.1 */
	assert_string_equal(v[0].sha256, "ba7816bf8f01cfea414140de5dae2223"
					 "b00361a396177a9cb410ff61f20015ad");
	assert_true(cfg_steps_light(&back.steps, 1, "abc"));
	assert_false(cfg_steps_light(&back.steps, 1, "abd"));
	assert_false(cfg_steps_light(&back.steps, 2, "abc"));
	assert_false(cfg_steps_light(&back.steps, 4, "abc"));
	cfg_lock_done(&l);
	cfg_lock_done(&back);
}

/* Whatever a Dockerfile holds, the lock can be read: whole characters, and no others. */
static void what_a_step_runs_is_shown_as_text(void **state)
{
	static const struct {
		const char *end, *shown;
	} cases[] = {
		{ "", "" }, { "x", "x" }, { "xy", "x" }, { "\xc3\xa4", "" }, { "\xe2\x82\xac", "" },
	};
	char line[CFG_STEP_RUN_MAX + 16], want[CFG_STEP_RUN_MAX + 16];

	(void)state;
	memset(line, 'a', sizeof(line));
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct cfg_list l = { 0 };

		(void)snprintf(line + CFG_STEP_RUN_MAX - 1, 16, "%s", cases[i].end);
		(void)snprintf(want, sizeof(want), "%.*s%s", (int)CFG_STEP_RUN_MAX - 1, line,
			       cases[i].shown);
		cfg_steps_add(&l, 1, line, true);
		assert_string_equal(((struct cfg_step *)l.v)->run, want);
		cfg_steps_done(&l);
	}
	for (size_t i = 0; i < 3; i++) {
		static const char *const odd[] = { "", "\xff\xfe", "a\xe2\x82" };
		struct cfg_list l = { 0 };

		cfg_steps_add(&l, 1, odd[i], true);
		assert_string_equal(((struct cfg_step *)l.v)->run, "?");
		cfg_steps_done(&l);
	}
}

static void what_is_not_listed_is_full(void **state)
{
	struct cfg_list l = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= CFG_STEPS_MAX + 1; i++)
		cfg_steps_add(&l, i, "a", true);
	assert_int_equal(l.n, CFG_STEPS_MAX);
	assert_true(cfg_steps_light(&l, CFG_STEPS_MAX, "a"));
	assert_false(cfg_steps_light(&l, CFG_STEPS_MAX + 1, "a"));
	cfg_steps_done(&l);
}

/* On a copy of exactly that size; what is cut off within a step is no lock. */
static void a_lock_that_is_cut_short_is_read_or_says_why(void **state)
{
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(65536);
	struct cfg_lock l;

	(void)state;
	fill(&l);
	cfg_text_set(&l.hermetic, "full");
	cfg_text_set(&l.seed, SHA);
	cfg_steps_add(&l.steps, 1, "abc", true);
	cfg_lock_write(&l, &text);
	cfg_lock_done(&l);
	for (size_t n = 0; n < text.n; n++) {
		AUTO_FREE uint8_t *part = ss_calloc(n + 1, 1);
		struct ss_err err = { 0 };

		memcpy(part, text.p, n);
		if (cfg_lock_read((struct ss_span){ part, n }, &l, &err) == 0) {
			assert_true(l.steps.n == 0 || n + 1 >= text.n);
			cfg_lock_done(&l);
			continue;
		}
		assert_int_equal(err.code, SS_EINPUT);
		assert_true(err.msg[0] != '\0');
	}
}

static void a_newer_schema_is_named_before_its_unknown_keys(void **state)
{
	struct cfg_lock l;
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(cfg_lock_read(span("future = 1\nschema = 9\n"), &l, &err), &err, SS_EINPUT,
		     "line 2: the lock has schema 9; this release reads schema 1");
}

static void every_key_is_documented(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1 << 20);
	struct ss_err err = { 0 };
	char path[4096];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/../../docs/formats/enclave-lock.md",
		       getenv("FIXTURES"));
	expect_ok(io_load_file(path, &b, &err), &err);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	for (const struct cfg_field *f = cfg_lock_fields; f->key != NULL; f++) {
		char row[96];

		(void)snprintf(row, sizeof(row), "`%s`", f->key);
		for (const struct cfg_field *g = f->fields; g != NULL && g->key != NULL; g++) {
			(void)snprintf(row, sizeof(row), "`%s.%s`", f->key, g->key);
			if (strstr((const char *)b.p, row) == NULL)
				fail_msg("%s is not documented", row);
		}
		if (f->fields == NULL && strstr((const char *)b.p, row) == NULL)
			fail_msg("%s is not documented", row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_is_written_sorted_and_in_canonical_form),
		cmocka_unit_test(what_was_written_reads_back_and_writes_to_the_same_bytes),
		cmocka_unit_test(inputs_are_written_in_their_order),
		cmocka_unit_test(the_order_in_which_things_are_recorded_does_not_show),
		cmocka_unit_test(a_lock_that_was_edited_wrongly_is_refused_by_line),
		cmocka_unit_test(a_hermetic_build_has_a_seed_and_no_other_has),
		cmocka_unit_test(only_a_hermetic_build_has_a_clock_and_early_ones_have_none),
		cmocka_unit_test(steps_that_were_edited_wrongly_are_refused),
		cmocka_unit_test(levels_are_of_hermetic_builds),
		cmocka_unit_test(steps_are_written_by_their_numbers_and_found_again),
		cmocka_unit_test(what_a_step_runs_is_shown_as_text),
		cmocka_unit_test(what_is_not_listed_is_full),
		cmocka_unit_test(a_lock_that_is_cut_short_is_read_or_says_why),
		cmocka_unit_test(a_newer_schema_is_named_before_its_unknown_keys),
		cmocka_unit_test(every_key_is_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

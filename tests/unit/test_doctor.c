/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "doctor/doctor.h"
#include "expect.h"
#include "io/cache.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/*
 * A project that is a text of lines "file: words". Words of a file say what becomes of it: a name
 * of a variation is written down when it varies; "chance" differs each time; "both" needs host and
 * time at once; "named" writes what host and kernel are called; "break:NAME" does not build when
 * that varies, "breakboth" where both do.
 */
struct world {
	const char *project;
	unsigned n; /* builds */
	char log[1024];
};

static bool varies(uint32_t vary, const char *word)
{
	const int v = doc_find(word);

	return v >= 0 && (vary & 1u << v) != 0;
}

static void put_word(struct world *w, uint32_t vary, const char *word, FILE *f)
{
	if (strcmp(word, "chance") == 0)
		(void)fprintf(f, "chance %u\n", w->n);
	else if (strcmp(word, "named") == 0)
		(void)fprintf(f, "by %s on %s, not elsewheres\n",
			      varies(vary, "host") ? "elsewhere" : "mill",
			      varies(vary, "kernel") ? "4.19.0-elsewhere" : "6.1");
	else if (strcmp(word, "both") == 0)
		(void)fprintf(f, "both %d\n", varies(vary, "host") && varies(vary, "time"));
	else
		(void)fprintf(f, "%s %d\n", word, varies(vary, word));
}

/* The result is a folder, which is compared as a root file system. */
static int build(void *ctx, uint32_t vary, const char *output, struct ss_err *err)
{
	struct world *w = ctx;
	const char *p = w->project;
	const size_t at = strlen(w->log);
	unsigned names = 0;
	const char *only = "";
	const struct timespec same_time[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	w->n++;
	for (int v = 0; v < DOC_VARIATIONS; v++)
		if ((vary & 1u << v) != 0) {
			names++;
			only = doc_row((enum doc_variation)v)->name;
		}
	(void)snprintf(w->log + at, sizeof(w->log) - at, "%s%s", at > 0 ? " " : "",
		       names == 0   ? "-"
		       : names == 1 ? only
				    : "many");
	io_remove_tree(output);
	if (mkdir(output, 0755) < 0)
		return ss_fail_sys(err, "cannot make '%s'", output);
	while (*p != '\0') {
		char name[64], word[64], path[4200];
		AUTO_FCLOSE FILE *f = NULL;
		size_t n = strcspn(p, ":");

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, p);
		(void)snprintf(path, sizeof(path), "%s/%s", output, name);
		f = fopen(path, "we");
		assert_non_null(f);
		for (p += n + 1; *p == ' '; p += n) {
			p++;
			n = strcspn(p, " \n");
			(void)snprintf(word, sizeof(word), "%.*s", (int)n, p);
			if (strncmp(word, "break:", 6) == 0 && varies(vary, word + 6))
				return ss_fail(err, SS_ESYS, "no %s here", word + 6);
			if (strcmp(word, "breakboth") == 0 && varies(vary, "host") &&
			    varies(vary, "time"))
				return ss_fail(err, SS_ESYS, "no host and time here");
			put_word(w, vary, word, f);
		}
		p += *p == '\n' ? 1 : 0;
		assert_int_equal(fflush(f), 0);
		assert_int_equal(futimens(fileno(f), same_time), 0);
	}
	assert_int_equal(utimensat(AT_FDCWD, output, same_time, 0), 0);
	return 0;
}

static uint64_t now_of_world;

static uint64_t now(void)
{
	return now_of_world += 1000;
}

static char dir[] = "/tmp/test_doctor.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

/* "file<triggers" ...: what differs, and what triggers it. */
static char *shown(const struct doc_report *r)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1 << 16);

	for (size_t i = 0; i < r->diff.n; i++) {
		const struct ex_diff *d = &r->diff.diffs[i];
		char one[512] = "";
		size_t n = (size_t)snprintf(one, sizeof(one), "%s%.*s<", i > 0 ? "; " : "",
					    (int)d->path.n, (const char *)d->path.p);

		if ((r->triggers[i] & DOC_EACH_TIME) != 0)
			n += (size_t)snprintf(one + n, sizeof(one) - n, " each");
		for (int v = 0; v < DOC_VARIATIONS; v++)
			if ((r->triggers[i] & 1u << v) != 0)
				n += (size_t)snprintf(one + n, sizeof(one) - n, " %s",
						      doc_row((enum doc_variation)v)->name);
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)one, n });
	}
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	return (char *)memcpy(ss_calloc(b.n, 1), b.p, b.n);
}

static uint32_t set_of(const char *a, const char *b, const char *c)
{
	const char *const names[] = { a, b, c };
	uint32_t ret = 0;

	for (size_t i = 0; i < 3; i++)
		if (names[i] != NULL)
			ret |= 1u << doc_find(names[i]);
	return ret;
}

static int run_as(struct world *w, uint32_t vary, bool quick, struct doc_report *ret,
		  struct ss_err *err)
{
	const struct doc_builder b = { .build = build,
				       .ctx = w,
				       .dir = dir,
				       .compare = { .arch = "x86_64" },
				       .now_ms = now,
				       .quick = quick };
	struct doc_builder with = b;

	with.compare.known = doc_known(&with.compare.n_known);

	return doc_run(&with, vary, ret, err);
}

static int run(struct world *w, uint32_t vary, struct doc_report *ret, struct ss_err *err)
{
	return run_as(w, vary, false, ret, err);
}

static void three_builds_say_that_nothing_matters(void **state)
{
	struct world w = { .project = "a: umask\nb:\n" };
	struct doc_report r;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(run(&w, set_of("host", "time", NULL), &r, &err), &err);
	assert_int_equal(r.diff.files, 0);
	assert_string_equal(w.log, "- - many");
	assert_int_equal(r.builds, 3);
	assert_int_equal(r.varied, set_of("host", "time", NULL));
	doc_report_done(&r);
}

static void each_difference_has_what_triggers_it(void **state)
{
	struct world w = { .project = "a: host\nb: host time\nc:\nd: chance\ne: both\n" };
	struct doc_report r;
	struct ss_err err = { 0 };
	AUTO_FREE char *got = NULL;

	(void)state;
	expect_ok(run(&w, set_of("host", "time", "umask"), &r, &err), &err);
	assert_string_equal(w.log, "- - many time umask host");
	got = shown(&r);
	assert_string_equal(got, "a< host; b< time host; b< time host; d< each; e<");
	doc_report_done(&r);
}

static void what_differs_each_time_needs_no_further_build(void **state)
{
	struct world w = { .project = "a: chance\n" };
	struct doc_report r;
	struct ss_err err = { 0 };
	AUTO_FREE char *got = NULL;

	(void)state;
	expect_ok(run(&w, set_of("host", "time", NULL), &r, &err), &err);
	assert_string_equal(w.log, "- - many");
	got = shown(&r);
	assert_string_equal(got, "a< each");
	doc_report_done(&r);
}

static void one_variation_is_not_built_twice(void **state)
{
	struct world w = { .project = "a: host\n" };
	struct doc_report r;
	struct ss_err err = { 0 };
	AUTO_FREE char *got = NULL;

	(void)state;
	expect_ok(run(&w, set_of("host", NULL, NULL), &r, &err), &err);
	assert_string_equal(w.log, "- - host");
	got = shown(&r);
	assert_string_equal(got, "a< host");
	doc_report_done(&r);
}

static void what_cannot_be_had_is_not_varied_with_its_reason(void **state)
{
	struct world w = { .project = "a: host break:time\n" };
	struct doc_report r;
	struct ss_err err = { 0 };
	AUTO_FREE char *got = NULL;

	(void)state;
	expect_ok(run(&w, set_of("host", "time", "umask"), &r, &err), &err);
	assert_string_equal(w.log, "- - many time umask host many");
	assert_int_equal(r.varied, set_of("host", "umask", NULL));
	assert_string_equal(r.why_not[DOC_TIME], "no time here");
	got = shown(&r);
	assert_string_equal(got, "a< host");
	doc_report_done(&r);
}

static void where_nothing_is_left_to_vary_two_builds_do(void **state)
{
	struct world w = { .project = "a: host\n" };
	struct doc_report r;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(run(&w, 0, &r, &err), &err);
	assert_string_equal(w.log, "- -");
	assert_int_equal(r.varied, 0);
	assert_int_equal(r.builds, 2);
	assert_null(r.why_not[DOC_HOST]);
	doc_report_done(&r);
}

static void a_project_that_does_not_build_is_an_error(void **state)
{
	struct world w = { .project = "a: break:time break:host break:umask\n" };
	struct doc_report r;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(run(&w, set_of("host", "time", NULL), &r, &err), &err);
	assert_int_equal(r.varied, 0);
	assert_string_equal(w.log, "- - many time host");
	doc_report_done(&r);
}

static void names_that_were_varied_are_known_by_whole_words(void **state)
{
	static const struct {
		const char *v;
		enum ex_cause cause[2];
	} cases[] = {
		{ "host", { EX_ID_HOST, EX_UNKNOWN } },
		{ "kernel", { EX_ENV_MACHINE, EX_UNKNOWN } },
		{ NULL, { EX_ENV_MACHINE, EX_ID_HOST } },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct world w = { .project = "a: named\n" };
		const uint32_t vary = cases[i].v != NULL ? set_of(cases[i].v, NULL, NULL)
							 : set_of("host", "kernel", NULL);
		struct doc_report r;
		struct ss_err err = { 0 };

		expect_ok(run_as(&w, vary, true, &r, &err), &err);
		assert_int_equal(r.diff.files, 1);
		assert_int_equal(r.diff.n_groups, cases[i].v != NULL ? 1 : 2);
		for (size_t g = 0; g < r.diff.n_groups; g++)
			assert_int_equal(r.diff.groups[g].cause, cases[i].cause[g]);
		doc_report_done(&r);
	}
}

static void of_two_file_systems_one_is_varied(void **state)
{
	struct world w = { .project = "a: file-system\nb: ext4\n" };
	struct doc_report r;
	struct ss_err err = { 0 };
	AUTO_FREE char *got = NULL;

	(void)state;
	expect_ok(run(&w, set_of("file-system", "ext4", NULL), &r, &err), &err);
	assert_string_equal(w.log, "- - file-system");
	assert_int_equal(r.varied, set_of("file-system", NULL, NULL));
	assert_string_equal(r.why_not[DOC_EXT4],
			    "a build has one file system beneath, and file-system is varied: with "
			    "--skip file-system this is");
	got = shown(&r);
	assert_string_equal(got, "a< file-system");
	doc_report_done(&r);
	w.log[0] = '\0';
	expect_ok(run_as(&w, set_of("host", "ext4", NULL), true, &r, &err), &err);
	assert_string_equal(w.log, "- many");
	assert_int_equal(r.varied, set_of("host", "ext4", NULL));
	assert_null(r.why_not[DOC_EXT4]);
	doc_report_done(&r);
}

static void quick_takes_two_builds_and_names_no_trigger(void **state)
{
	struct world w = { .project = "a: host\nb: both\nc: chance\nd:\n" };
	struct doc_report r;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(run_as(&w, set_of("host", "time", "umask"), true, &r, &err), &err);
	assert_string_equal(w.log, "- many");
	assert_int_equal(r.builds, 2);
	assert_int_equal(r.diff.files, 3);
	assert_null(r.triggers);
	assert_int_equal(doc_group_triggers(&r, &r.diff.groups[0]), 0);
	doc_report_done(&r);
	w.log[0] = '\0';
	expect_ok(run_as(&w, 0, true, &r, &err), &err);
	assert_string_equal(w.log, "- -");
	assert_int_equal(r.diff.files, 1);
	doc_report_done(&r);
}

static void quick_finds_what_cannot_be_had_by_halves(void **state)
{
	struct world w = { .project = "a: host break:time\nb: break:memory\n" };
	struct doc_report r;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(run_as(&w, DOC_ALL, true, &r, &err), &err);
	assert_int_equal(r.varied, DOC_ALL & ~set_of("time", "memory", "ext4"));
	assert_string_equal(r.why_not[DOC_TIME], "no time here");
	assert_string_equal(r.why_not[DOC_MEMORY], "no memory here");
	assert_null(r.why_not[DOC_HOST]);
	assert_non_null(r.why_not[DOC_EXT4]);
	assert_int_equal(r.diff.files, 1);
	assert_true(r.builds <= 16);
	doc_report_done(&r);
}

static void quick_says_what_breaks_together_only(void **state)
{
	struct world w = { .project = "a: breakboth\n" };
	struct doc_report r;
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(run_as(&w, set_of("host", "time", NULL), true, &r, &err), &err, SS_ESYS,
		     "with all variations at once: no host and time here");
	assert_string_equal(w.log, "- many time host");
}

static void conditions_are_what_the_names_say(void **state)
{
	AUTO_VIEW struct hm_view v = { 0 };
	AUTO_FREE char *work = NULL;
	struct ss_err err = { 0 };
	char top[] = "/tmp/test_doctor_cache.XXXXXX", want[256];

	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(setenv("XDG_CACHE_HOME", top, 1), 0);
	expect_ok(doc_conditions(set_of("host", "umask", "build-path"), top, &v, &work, &err),
		  &err);
	assert_string_equal(v.host.s, "elsewhere");
	assert_true(v.umask.set && v.umask.v == 2);
	assert_false(v.clock_offset.set || v.cpus.set || v.user_ns.set);
	expect_ok(hm_view_check(&v, &err), &err);
	(void)snprintf(want, sizeof(want), "%s/selfsame/work/elsewhere/", top);
	assert_int_equal(strncmp(work, want, strlen(want)), 0);
	assert_int_equal(access(work, W_OK), 0);
	doc_conditions_end(top);
	assert_int_equal(access(work, W_OK), 0);
}

/* Where this process may mount one; else there is a reason. Nothing stays in both cases. */
static void an_ext4_is_made_or_there_is_a_reason(void **state)
{
	char top[] = "/tmp/test_doctor_ext4.XXXXXX", made[64], want[64];

	(void)state;
	assert_non_null(mkdtemp(top));
	(void)snprintf(made, sizeof(made), "%s/ext4", top);
	(void)snprintf(want, sizeof(want), "%s/ext4/root/work", top);
	if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0)
		(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	for (int i = 0; i < 2; i++) { /* there is one at a time, and another one after it */
		AUTO_VIEW struct hm_view v = { 0 };
		AUTO_FREE char *work = NULL;
		struct ss_err err = { 0 };
		struct statfs st = { 0 };

		if (doc_conditions(set_of("ext4", "build-path", NULL), top, &v, &work, &err) == 0) {
			assert_int_equal(strncmp(work, want, strlen(want)), 0);
			assert_int_equal(statfs(work, &st), 0);
			assert_int_equal(st.f_type, EXT4_SUPER_MAGIC);
			assert_int_equal(access(work, W_OK), 0);
			assert_non_null(strstr(work, "/elsewhere/"));
		} else {
			assert_int_equal(err.code, SS_ESYS);
			assert_true(err.msg[0] != '\0');
			assert_null(work);
		}
		doc_conditions_end(top);
		assert_int_equal(access(made, F_OK), -1);
	}
	assert_int_equal(rmdir(top), 0);
}

/* All of them at once are a view that the runtime takes. */
static void all_conditions_together_are_well_formed(void **state)
{
	AUTO_VIEW struct hm_view v = { 0 };
	AUTO_FREE char *work = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(doc_conditions(DOC_ALL & ~(1u << DOC_BUILD_PATH | 1u << DOC_FILE_SYSTEM |
					     1u << DOC_EXT4),
				 "/nowhere", &v, &work, &err),
		  &err);
	expect_ok(hm_view_check(&v, &err), &err);
	assert_null(work);
	for (int i = 0; i < DOC_VARIATIONS; i++)
		assert_int_equal(doc_find(doc_row((enum doc_variation)i)->name), i);
	assert_int_equal(doc_find("times"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_builds_say_that_nothing_matters),
		cmocka_unit_test(each_difference_has_what_triggers_it),
		cmocka_unit_test(what_differs_each_time_needs_no_further_build),
		cmocka_unit_test(one_variation_is_not_built_twice),
		cmocka_unit_test(what_cannot_be_had_is_not_varied_with_its_reason),
		cmocka_unit_test(where_nothing_is_left_to_vary_two_builds_do),
		cmocka_unit_test(a_project_that_does_not_build_is_an_error),
		cmocka_unit_test(names_that_were_varied_are_known_by_whole_words),
		cmocka_unit_test(of_two_file_systems_one_is_varied),
		cmocka_unit_test(quick_takes_two_builds_and_names_no_trigger),
		cmocka_unit_test(quick_finds_what_cannot_be_had_by_halves),
		cmocka_unit_test(quick_says_what_breaks_together_only),
		cmocka_unit_test(conditions_are_what_the_names_say),
		cmocka_unit_test(an_ext4_is_made_or_there_is_a_reason),
		cmocka_unit_test(all_conditions_together_are_well_formed),
	};

	return cmocka_run_group_tests(tests, make_dir, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config/git.h"
#include "expect.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/selfsame-git-XXXXXX";

/* In a shell, in the temporary folder, as nobody in particular, at a fixed time. */
static void sh(const char *script)
{
	char all[2048];

	(void)snprintf(all, sizeof(all),
		       "set -e; cd %s; export HOME=%s GIT_CONFIG_NOSYSTEM=1 "
		       "GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a "
		       "GIT_COMMITTER_EMAIL=a@b; at() { export GIT_AUTHOR_DATE=\"@$1 +0000\" "
		       "GIT_COMMITTER_DATE=\"@$1 +0000\"; }; exec >/dev/null 2>&1; %s",
		       top, top, script);
	assert_int_equal(system(all), 0);
}

static struct cfg_git look_at(const char *dir)
{
	static const char *const outputs[] = { "measurements.json", "enclave.lock", "out.eif" };
	struct cfg_git_paths p = { .context = ".", .outputs = outputs, .n_outputs = 3 };
	struct cfg_git g = { 0 };
	struct ss_err err = { 0 };
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", top, dir);
	p.project = path;
	expect_ok(cfg_git_look(&p, &g, &err), &err);
	return g;
}

static void a_folder_outside_git_has_no_commit(void **state)
{
	(void)state;
	sh("mkdir plain");
	assert_int_equal(look_at("plain").state, CFG_GIT_NONE);
	sh("mkdir fresh; cd fresh; git init");
	assert_int_equal(look_at("fresh").state, CFG_GIT_NONE);
}

static void the_commit_is_the_last_that_changed_the_source(void **state)
{
	struct cfg_git first, g;

	(void)state;
	sh("mkdir repo; cd repo; git init; mkdir sub other; echo 1 > sub/app; echo 1 > other/x;"
	   "at 1000000001; git add .; git commit -m one");
	first = look_at("repo/sub");
	assert_int_equal(first.state, CFG_GIT_COMMIT);
	assert_int_equal(first.time, 1000000001);
	assert_int_equal(strlen(first.source.commit), 40);
	assert_false(first.source.dirty);

	/* Results are not source, committed or not. */
	sh("cd repo/sub; touch measurements.json enclave.lock out.eif");
	assert_false(look_at("repo/sub").source.dirty);
	sh("cd repo/sub; at 1000000002; git add .; git commit -m results");
	g = look_at("repo/sub");
	assert_string_equal(g.source.commit, first.source.commit);

	/* Nor is what lies elsewhere in the repository. */
	sh("cd repo; echo 2 > other/x; at 1000000003; git commit -am other");
	assert_int_equal(look_at("repo/sub").time, 1000000001);
	assert_int_equal(look_at("repo").time, 1000000003);
}

static void changes_and_new_files_are_dirty(void **state)
{
	(void)state;
	sh("mkdir dirty; cd dirty; git init; echo 1 > app; at 5; git add .; git commit -m one");
	assert_false(look_at("dirty").source.dirty);
	sh("cd dirty; touch new");
	assert_true(look_at("dirty").source.dirty);
	sh("cd dirty; rm new; echo 2 > app");
	assert_true(look_at("dirty").source.dirty);
	sh("cd dirty; git checkout app; echo new > .gitignore; at 6; git add .; git commit -m two;"
	   "touch new");
	assert_false(look_at("dirty").source.dirty);
}

static bool leaves_out(const void *ctx, const char *path)
{
	const char *slash = strrchr(path, '/');

	assert_memory_equal(path, top, strlen(top));
	return strcmp(slash + 1, ctx) == 0;
}

static void what_git_ignores_and_the_build_does_not_lies_beside(void **state)
{
	struct cfg_git_paths p = { .context = ".", .leaves_out = leaves_out };
	struct cfg_git g = { 0 };
	struct ss_err err = { 0 };
	char path[256];

	(void)state;
	sh("mkdir beside; cd beside; git init; echo 1 > app; printf '*.o\n' > .gitignore; at 5;"
	   "git add .; git commit -m one; touch x.o");
	(void)snprintf(path, sizeof(path), "%s/beside", top);
	p.project = path;
	p.ctx = "y.o";
	expect_ok(cfg_git_look(&p, &g, &err), &err);
	assert_true(g.beside);
	assert_false(g.source.dirty); /* the commit's time may be taken */
	p.ctx = "x.o";
	expect_ok(cfg_git_look(&p, &g, &err), &err);
	assert_false(g.beside);
	sh("cd beside; touch new");
	expect_ok(cfg_git_look(&p, &g, &err), &err);
	assert_true(g.source.dirty);
	assert_false(g.beside);
}

static void a_dockerfile_elsewhere_is_source_too(void **state)
{
	struct cfg_git_paths p = { .context = "." };
	struct cfg_git g = { 0 };
	struct ss_err err = { 0 };
	char project[256], file[256];

	(void)state;
	sh("mkdir apart; cd apart; git init; mkdir app other; echo 1 > app/x; echo 1 > other/D; at "
	   "5;"
	   "git add .; git commit -m one; echo 2 > other/D");
	(void)snprintf(project, sizeof(project), "%s/apart/app", top);
	(void)snprintf(file, sizeof(file), "%s/apart/other/D", top);
	p.project = project;
	expect_ok(cfg_git_look(&p, &g, &err), &err);
	assert_false(g.source.dirty);
	p.dockerfile = file;
	expect_ok(cfg_git_look(&p, &g, &err), &err);
	assert_true(g.source.dirty);
	p.dockerfile = "/dev/null"; /* not of this work tree: no commit says what was built */
	expect_ok(cfg_git_look(&p, &g, &err), &err);
	assert_int_equal(g.state, CFG_GIT_NONE);
}

static void a_shallow_clone_that_ends_too_early_says_so(void **state)
{
	(void)state;
	sh("mkdir deep; cd deep; git init; mkdir sub; echo 1 > sub/app; at 7; git add .;"
	   "git commit -m one; echo 1 > x; at 8; git add .; git commit -m two;"
	   "cd ..; git clone --depth 1 file://$PWD/deep shallow");
	assert_int_equal(look_at("deep/sub").time, 7);
	assert_int_equal(look_at("shallow/sub").state, CFG_GIT_SHALLOW);
	/* At the top the boundary may be right, but nothing says that it is. */
	assert_int_equal(look_at("shallow").state, CFG_GIT_SHALLOW);
	sh("cd shallow; at 9; echo 2 > sub/app; git commit -am three");
	assert_int_equal(look_at("shallow/sub").state, CFG_GIT_COMMIT);
}

static void what_the_repository_wants_to_run_is_not_run(void **state)
{
	char path[256];

	(void)state;
	sh("mkdir evil; cd evil; git init; echo 1 > app; at 7; git add .; git commit -m one;"
	   "printf '#!/bin/sh\\ntouch %s/ran\\n' $HOME > h; chmod +x h;"
	   "git config core.fsmonitor $PWD/h");
	assert_true(look_at("evil").source.dirty);
	(void)snprintf(path, sizeof(path), "%s/ran", top);
	assert_int_equal(access(path, F_OK), -1);
}

/* --- the epoch ---------------------------------------------------------------------------------
 */

static void expect_epoch(const char *option, const char *env, const struct cfg_enclave *c,
			 const struct cfg_git *g, uint32_t want)
{
	const struct cfg_epoch_from from = { option, env, c, g };
	struct ss_err err = { 0 };
	uint32_t got = 77;

	expect_ok(cfg_epoch_choose(&from, &got, &err), &err);
	assert_int_equal(got, want);
}

static void expect_no_epoch(const char *option, const char *env, const struct cfg_enclave *c,
			    const struct cfg_git *g, enum ss_code code, const char *msg)
{
	const struct cfg_epoch_from from = { option, env, c, g };
	struct ss_err err = { 0 };
	uint32_t got = 77;

	expect_fails(cfg_epoch_choose(&from, &got, &err), &err, code, msg);
	assert_int_equal(got, 77);
}

static void option_then_environment_then_file(void **state)
{
	const struct cfg_enclave none = { 0 };
	const struct cfg_enclave fixed = { .epoch_kind = CFG_EPOCH_FIXED, .epoch = 30 };
	const struct cfg_enclave commit = { .epoch_kind = CFG_EPOCH_COMMIT };
	const struct cfg_git g = { .state = CFG_GIT_COMMIT, .time = 40 };

	(void)state;
	expect_epoch("10", "20", &fixed, &g, 10);
	expect_epoch(NULL, "20", &fixed, &g, 20);
	expect_epoch(NULL, "", &fixed, &g, 30);
	expect_epoch(NULL, NULL, &commit, &g, 40);
	expect_epoch("commit", "20", &fixed, &g, 40);
	expect_epoch(NULL, NULL, &none, &g, 0);
	expect_epoch("0", NULL, &none, &g, 0);
	expect_epoch("4294967295", NULL, &none, &g, 4294967295u);
}

static void an_epoch_that_cannot_be_meant_is_refused(void **state)
{
	const struct cfg_enclave none = { 0 };
	const struct cfg_enclave commit = { .epoch_kind = CFG_EPOCH_COMMIT };
	const struct cfg_git g0 = { 0 };
	const struct cfg_git dirty = { .state = CFG_GIT_COMMIT, .source.dirty = true };
	const struct cfg_git shallow = { .state = CFG_GIT_SHALLOW };

	(void)state;
	expect_no_epoch("1700000000000", NULL, &none, &g0, SS_EUSAGE,
			"--source-date-epoch is 1700000000000: that looks like milliseconds; it "
			"counts seconds");
	expect_no_epoch("99999999999", NULL, &none, &g0, SS_EUSAGE,
			"--source-date-epoch is 99999999999; it must be 0 to 4294967295");
	expect_no_epoch("100000000000", NULL, &none, &g0, SS_EUSAGE,
			"--source-date-epoch is 100000000000: that looks like milliseconds; it "
			"counts seconds");
	expect_no_epoch("-1", NULL, &none, &g0, SS_EUSAGE,
			"--source-date-epoch is -1; it must be 0 to 4294967295");
	expect_no_epoch("1e9", NULL, &none, &g0, SS_EUSAGE,
			"--source-date-epoch is '1e9'; it must be whole seconds");
	expect_no_epoch("", NULL, &none, &g0, SS_EUSAGE,
			"--source-date-epoch is ''; it must be whole seconds");
	expect_no_epoch(NULL, "now", &none, &g0, SS_EUSAGE,
			"the environment's SOURCE_DATE_EPOCH is 'now'; it must be whole seconds");
	expect_no_epoch(NULL, NULL, &commit, &g0, SS_EINPUT,
			"source date epoch \"commit\": the source is not committed to a git work "
			"tree");
	expect_no_epoch(NULL, NULL, &commit, &dirty, SS_EINPUT,
			"source date epoch \"commit\": the work tree has changes that are not "
			"committed");
	expect_no_epoch("commit", NULL, &none, &shallow, SS_EINPUT,
			"source date epoch \"commit\": the clone is shallow and ends before the "
			"commit that last changed the source");
}

/* --- history -----------------------------------------------------------------------------------
 */

struct seen {
	char text[512];
};

static int see(void *ctx, const struct cfg_record *r, struct ss_err *err)
{
	struct seen *s = ctx;
	const size_t n = strlen(s->text);

	(void)err;
	(void)snprintf(s->text + n, sizeof(s->text) - n, "%lld %s %02x%s;", (long long)r->time,
		       r->subject, r->m.m.pcr0[0],
		       r->removed             ? " removed"
		       : r->bad.code != SS_OK ? r->bad.msg
					      : "");
	return 0;
}

static void store(const char *path, uint8_t pcr0)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	struct cfg_measurements m = { .m.pcr0 = { pcr0 } };
	char full[256];
	FILE *f;

	cfg_measurements_write(&m, &b);
	(void)snprintf(full, sizeof(full), "%s/%s", top, path);
	f = fopen(full, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(b.p, 1, b.n, f), b.n);
	assert_int_equal(fclose(f), 0);
}

static void recorded_measurements_are_listed_newest_first(void **state)
{
	struct seen s = { "" };
	struct ss_err err = { 0 };
	char dir[256];

	(void)state;
	sh("mkdir -p hist/sub; cd hist; git init");
	store("hist/sub/measurements.json", 0x11);
	sh("cd hist; at 1; git add .; git commit -m 'first one'");
	store("hist/sub/measurements.json", 0x22);
	sh("cd hist; at 2; git commit -am second; at 3; git rm sub/measurements.json;"
	   "git commit -m third; mkdir sub");
	(void)snprintf(dir, sizeof(dir), "%s/hist/sub", top);
	expect_ok(cfg_history(dir, see, &s, &err), &err);
	assert_string_equal(s.text, "3 third 00 removed;2 second 22;1 first one 11;");
}

static void a_record_that_cannot_be_read_hides_no_other(void **state)
{
	struct seen s = { "" };
	struct ss_err err = { 0 };
	char dir[256];

	(void)state;
	sh("mkdir bad; cd bad; git init; echo '{' > measurements.json; at 1; git add .;"
	   "git commit -m x");
	store("bad/measurements.json", 0x33);
	sh("cd bad; at 2; git commit -am y");
	(void)snprintf(dir, sizeof(dir), "%s/bad", top);
	expect_ok(cfg_history(dir, see, &s, &err), &err);
	assert_memory_equal(s.text, "2 y 33;1 x 00measurements", 25);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(top) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	char cmd[64];

	(void)state;
	(void)snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_outside_git_has_no_commit),
		cmocka_unit_test(the_commit_is_the_last_that_changed_the_source),
		cmocka_unit_test(changes_and_new_files_are_dirty),
		cmocka_unit_test(a_dockerfile_elsewhere_is_source_too),
		cmocka_unit_test(what_git_ignores_and_the_build_does_not_lies_beside),
		cmocka_unit_test(a_shallow_clone_that_ends_too_early_says_so),
		cmocka_unit_test(what_the_repository_wants_to_run_is_not_run),
		cmocka_unit_test(option_then_environment_then_file),
		cmocka_unit_test(an_epoch_that_cannot_be_meant_is_refused),
		cmocka_unit_test(recorded_measurements_are_listed_newest_first),
		cmocka_unit_test(a_record_that_cannot_be_read_hides_no_other),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

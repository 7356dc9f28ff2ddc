/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stage.h"
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/selfsame-stage-XXXXXX";

static void sh(const char *script)
{
	char all[4096];

	(void)snprintf(all, sizeof(all), "set -e; cd %s; %s", top, script);
	assert_int_equal(system(all), 0);
}

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void stage(const char *from, const char *to, const char *ignore)
{
	struct ss_err err = { 0 };
	char a[256], b[256];

	(void)snprintf(a, sizeof(a), "%s/%s", top, from);
	(void)snprintf(b, sizeof(b), "%s/%s", top, to);
	assert_int_equal(mkdir(b, 0755), 0);
	expect_ok(stage_context(a, b, span(ignore), 1000, NULL, &err), &err);
}

/* What find says of the copy: type, permissions, time, name, target, content. */
static void expect_copy(const char *dir, const char *want)
{
	char cmd[512], got[4096] = "";
	size_t n;
	FILE *f;

	(void)snprintf(cmd, sizeof(cmd),
		       "cd %s/%s && find . -mindepth 1 -printf '%%y %%m %%T@ %%P %%l\\n' | "
		       "LC_ALL=C sort -k4 | sed 's/\\.0* / /; s/ $//'",
		       top, dir);
	f = popen(cmd, "re");
	assert_non_null(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	assert_int_equal(pclose(f), 0);
	assert_string_equal(got, want);
}

static void modes_and_times_are_what_git_keeps(void **state)
{
	const mode_t was = umask(077);

	(void)state;
	sh("mkdir -p a/sub/empty; echo 1 > a/file; echo 2 > a/run; echo 3 > a/sub/group;"
	   "chmod 600 a/file; chmod 4711 a/run; chmod 674 a/sub/group; chmod 2770 a/sub;"
	   "ln -s ../file a/sub/link; ln -s /nowhere a/dangling; ln a/file a/twin; : > a/nothing;"
	   "mkfifo a/fifo; touch -d @5 a/file");
	stage("a", "a2", "");
	(void)umask(was);
	expect_copy("a2", "l 777 1000 dangling /nowhere\n"
			  "f 644 1000 file\n"
			  "f 644 1000 nothing\n"
			  "f 755 1000 run\n"
			  "d 755 1000 sub\n"
			  "d 755 1000 sub/empty\n"
			  "f 644 1000 sub/group\n"
			  "l 777 1000 sub/link ../file\n"
			  "f 644 1000 twin\n");
	sh("cmp a/run a2/run; cmp a/file a2/twin; ! [ a2/file -ef a2/twin ]");
}

static void large_files_arrive_whole(void **state)
{
	(void)state;
	sh("mkdir b; head -c 5000001 /dev/urandom > b/big; truncate -s 3M b/holes");
	stage("b", "b2", "");
	sh("cmp b/big b2/big; cmp b/holes b2/holes");
}

static void what_is_surely_ignored_is_not_copied(void **state)
{
	(void)state;
	sh("mkdir -p c/.git/objects c/node_modules/x c/src/node_modules c/out; touch c/.git/HEAD "
	   "c/node_modules/x/y c/src/node_modules/z c/src/a.o c/a.o c/keep c/out/x.eif");
	stage("c", "c2", "# comment\n.git\r\n/node_modules/\n*.o\n**/z\nout/*.eif\n");
	expect_copy("c2", "f 644 1000 keep\n"
			  "d 755 1000 out\n"
			  "d 755 1000 src\n"
			  "f 644 1000 src/a.o\n"
			  "d 755 1000 src/node_modules\n");
	/* With an exception nothing is sure. */
	stage("c", "c3", ".git\nnode_modules\n!node_modules/x\n");
	sh("[ -e c3/.git/HEAD ] && [ -e c3/node_modules/x/y ]");
}

static void only_plain_patterns_are_trusted(void **state)
{
	static const struct {
		const char *ignore;
		const char *path;
		bool ignored;
	} cases[] = {
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "x/a", false },
		{ " /a/ ", "a", true },
		{ "./a", "a", true },
		{ "a*", "abc", true },
		{ "a*", "a/b", false },
		{ "a?c", "abc", true },
		{ "*", ".hidden", true },
		{ "a/*/c", "a/b/c", true },
		{ "a/*/c", "a/b/b/c", false },
		{ "**/c", "c", true },
		{ "**/c", "a/b/c", true },
		{ "**/c", "a/b/xc", false },
		{ "**/b/c", "a/b/c", true },
		{ "**/.git", ".git", true },
		{ "**/.git", "a/.git", true },
		{ "**/.git", "a/.gitignore", false },
		{ "a/**/c", "a/b/c", false }, /* not plain */
		{ "a/**", "a/b", false },     /* not plain */
		{ "[ab]", "a", false },       /* not plain */
		{ "a\\*", "a*", false },      /* not plain */
		{ "x/../a", "a", false },     /* not plain */
		{ "#a", "#a", false },
		{ "a\n!b", "a", false },
		{ "", "a", false },
		{ "/", "a", false },
		{ ".", "a", false },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		if (stage_is_ignored(span(cases[i].ignore), cases[i].path) != cases[i].ignored)
			fail_msg("'%s' of '%s'", cases[i].path, cases[i].ignore);
}

static void failures_name_the_file(void **state)
{
	struct ss_err err = { 0 };
	char a[256], b[256], want[512];

	(void)state;
	sh("mkdir d d2; touch d/x; mkdir d2/x; touch d2/x/y");
	(void)snprintf(a, sizeof(a), "%s/d", top);
	(void)snprintf(b, sizeof(b), "%s/d2", top);
	assert_int_equal(stage_context(a, b, span(""), 0, NULL, &err), -1);
	(void)snprintf(want, sizeof(want), "context '%s': 'x': ", a);
	assert_memory_equal(err.msg, want, strlen(want));
	(void)snprintf(b, sizeof(b), "%s/nowhere", top);
	(void)snprintf(want, sizeof(want), "cannot open '%s': No such file or directory", b);
	expect_fails(stage_context(a, b, span(""), 0, NULL, &err), &err, SS_ESYS, want);
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
		cmocka_unit_test(modes_and_times_are_what_git_keeps),
		cmocka_unit_test(large_files_arrive_whole),
		cmocka_unit_test(what_is_surely_ignored_is_not_copied),
		cmocka_unit_test(only_plain_patterns_are_trusted),
		cmocka_unit_test(failures_name_the_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

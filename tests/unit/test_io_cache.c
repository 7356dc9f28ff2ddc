/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "io/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/tmp/selfsame-cache-XXXXXX";

static void sh(const char *script)
{
	char all[2048];

	(void)snprintf(all, sizeof(all), "set -e; cd %s; %s", top, script);
	assert_int_equal(system(all), 0);
}

static unsigned count(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static void expect_cache(const char *xdg, const char *home, const char *want)
{
	struct ss_err err = { 0 };
	char full[256];
	char *got;

	(void)(xdg != NULL ? setenv("XDG_CACHE_HOME", xdg, 1) : unsetenv("XDG_CACHE_HOME"));
	(void)(home != NULL ? setenv("HOME", home, 1) : unsetenv("HOME"));
	got = io_cache_dir("work", &err);
	if (want == NULL) {
		assert_null(got);
		assert_string_equal(err.msg, "neither XDG_CACHE_HOME nor HOME is set");
		return;
	}
	(void)snprintf(full, sizeof(full), "%s/%s", top, want);
	assert_string_equal(got, full);
	assert_int_equal(access(full, W_OK), 0);
	free(got);
}

static void the_cache_is_where_the_user_wants_it(void **state)
{
	char a[128], b[128];

	(void)state;
	(void)snprintf(a, sizeof(a), "%s/xdg", top);
	(void)snprintf(b, sizeof(b), "%s/home", top);
	sh("mkdir home");
	expect_cache(a, b, "xdg/selfsame/work");
	expect_cache(a, b, "xdg/selfsame/work"); /* there already */
	expect_cache("relative", b, "home/.cache/selfsame/work");
	expect_cache(NULL, b, "home/.cache/selfsame/work");
	expect_cache(NULL, NULL, NULL);
}

static void a_private_folder_goes_with_all_it_holds(void **state)
{
	struct io_private p = IO_PRIVATE_NONE;
	struct ss_err err = { 0 };
	char cmd[512];

	(void)state;
	sh("mkdir one; echo keep > outside");
	expect_ok(io_private_new("/tmp/nowhere-at-all", &p, NULL, NULL, &err) == -1 ? 0 : -1, &err);
	assert_string_equal(err.msg,
			    "cannot open '/tmp/nowhere-at-all': No such file or directory");
	(void)snprintf(cmd, sizeof(cmd), "%s/one", top);
	expect_ok(io_private_new(cmd, &p, NULL, NULL, &err), &err);
	(void)snprintf(cmd, sizeof(cmd),
		       "cd %s; mkdir -p a/b/c; touch a/b/c/f .hidden; ln -s %s/outside l; "
		       "ln -s %s d; mkfifo p; chmod 0 a/b/c; chmod 0 a/b",
		       p.path, top, top);
	assert_int_equal(system(cmd), 0);
	(void)snprintf(cmd, sizeof(cmd), "%s/one", top);
	assert_int_equal(count(cmd), 1);
	io_private_done(&p);
	assert_int_equal(count(cmd), 0);
	(void)snprintf(cmd, sizeof(cmd), "%s/outside", top);
	assert_int_equal(access(cmd, F_OK), 0);
	io_private_done(&p); /* again: nothing */
}

static void see(void *ctx, const char *path)
{
	unsigned *n = ctx;

	assert_int_equal(access(path, F_OK), 0);
	++*n;
}

static void what_a_killed_run_left_is_removed_and_what_lives_is_not(void **state)
{
	struct io_private mine = IO_PRIVATE_NONE, next = IO_PRIVATE_NONE;
	struct ss_err err = { 0 };
	char dir[128];
	unsigned stale = 0;
	pid_t pid;
	int status;

	(void)state;
	sh("mkdir two");
	(void)snprintf(dir, sizeof(dir), "%s/two", top);
	expect_ok(io_private_new(dir, &mine, see, &stale, &err), &err);
	assert_int_equal(stale, 0);
	pid = fork();
	if (pid == 0) {
		struct io_private dead = IO_PRIVATE_NONE;

		if (io_private_new(dir, &dead, NULL, NULL, &err) == 0)
			(void)raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count(dir), 2);
	expect_ok(io_private_new(dir, &next, see, &stale, &err), &err);
	assert_int_equal(stale, 1);
	assert_int_equal(count(dir), 2);
	assert_int_equal(access(mine.path, F_OK), 0);
	io_private_done(&mine);
	io_private_done(&next);
	assert_int_equal(count(dir), 0);
}

/* Needs the right to mount; the tests run as root or in a user namespace of their own. */
static void a_mount_inside_is_let_go_and_its_content_survives(void **state)
{
	struct io_private p = IO_PRIVATE_NONE;
	struct ss_err err = { 0 };
	char dir[128], at[256], file[256];

	(void)state;
	sh("mkdir three precious; echo x > precious/file");
	(void)snprintf(dir, sizeof(dir), "%s/three", top);
	expect_ok(io_private_new(dir, &p, NULL, NULL, &err), &err);
	(void)snprintf(at, sizeof(at), "%s/with blank", p.path);
	(void)snprintf(file, sizeof(file), "%s/precious", top);
	assert_int_equal(mkdir(at, 0755), 0);
	if (mount(file, at, NULL, MS_BIND, NULL) != 0)
		fail_msg("cannot mount: run this as root");
	assert_int_equal(mount(file, at, NULL, MS_BIND, NULL), 0); /* twice, one on the other */
	io_private_done(&p);
	assert_int_equal(count(dir), 0);
	(void)snprintf(file, sizeof(file), "%s/precious/file", top);
	assert_int_equal(access(file, F_OK), 0);
}

static void locks_are_shared_or_exclusive(void **state)
{
	struct ss_err err = { 0 };
	char path[128];
	int a, b, c;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/lock", top);
	expect_ok(io_lock_file(path, false, true, &a, &err), &err);
	expect_ok(io_lock_file(path, false, false, &b, &err), &err);
	assert_true(a >= 0 && b >= 0);
	expect_ok(io_lock_file(path, true, false, &c, &err), &err);
	assert_int_equal(c, -1);
	(void)close(a);
	(void)close(b);
	expect_ok(io_lock_file(path, true, false, &c, &err), &err);
	assert_true(c >= 0);
	(void)close(c);
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
		cmocka_unit_test(the_cache_is_where_the_user_wants_it),
		cmocka_unit_test(a_private_folder_goes_with_all_it_holds),
		cmocka_unit_test(what_a_killed_run_left_is_removed_and_what_lives_is_not),
		cmocka_unit_test(a_mount_inside_is_let_go_and_its_content_survives),
		cmocka_unit_test(locks_are_shared_or_exclusive),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

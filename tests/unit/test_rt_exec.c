/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "runtime/app.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char top[] = "/tmp/test_rt_exec.XXXXXX";

static void put_file(const char *path, const char *text, mode_t mode)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int make_tree(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL || chdir(top) < 0)
		return -1;
	assert_int_equal(mkdir("one", 0755), 0);
	assert_int_equal(mkdir("two", 0755), 0);
	put_file("one/denied", "#!/bin/sh\nexit 40\n", 0644);
	put_file("two/denied", "#!/bin/sh\nexit 41\n", 0755);
	put_file("two/second", "#!/bin/sh\nexit 42\n", 0755);
	put_file("here", "#!/bin/sh\nexit 43\n", 0755);
	put_file("two/no-interpreter", "#!/not/there\n", 0755);
	put_file("two/text", "echo not a program\n", 0755);
	return 0;
}

static int remove_tree(void **state)
{
	static const char *const names[] = { "one/denied", "two/denied",         "two/second",
					     "here",       "two/no-interpreter", "two/text" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(names); i++)
		assert_int_equal(unlink(names[i]), 0);
	return rmdir("one") + rmdir("two") + rmdir(top);
}

/* What a child that becomes `name` exits with; its message if it cannot. */
static int try(const char *name, const char *path, char *ret_msg)
{
	char arg[64], var[128];
	char *argv[] = { arg, NULL };
	char *envp[] = { var, NULL };
	int p[2], status;
	ssize_t n;
	pid_t pid;

	(void)snprintf(arg, sizeof(arg), "%s", name);
	(void)snprintf(var, sizeof(var), "PATH=%s", path);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct ss_err err = { 0 };

		(void)rt_exec(argv, path != NULL ? envp : envp + 1, &err);
		(void)!write(p[1], err.msg, strlen(err.msg));
		_exit(99);
	}
	(void)close(p[1]);
	n = read(p[0], ret_msg, SS_ERR_MSG_MAX);
	assert_true(n >= 0);
	ret_msg[n] = '\0';
	(void)close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void exec_finds_programs_as_execvp_does(void **state)
{
	static const struct {
		const char *name, *path;
		int status;
	} cases[] = {
		{ "second", "one:two", 42 },  { "denied", "one:two", 41 },
		{ "./here", "one", 43 },      { "here", "", 43 },
		{ "here", "one:", 43 },       { "here", ":one", 43 },
		{ "two/second", "one", 42 },  { "second", "none:two", 42 },
		{ "second", "here:two", 42 }, /* a file where a folder should be */
	};
	char msg[SS_ERR_MSG_MAX + 1];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		assert_int_equal(try(cases[i].name, cases[i].path, msg), cases[i].status);
		assert_string_equal(msg, "");
	}
}

static void exec_failures_say_what_is_missing(void **state)
{
	static const struct {
		const char *name, *path, *msg;
	} cases[] = {
		{ "absent", "one:two", "cannot start 'absent': not found in PATH (one:two)" },
		{ "denied", "one", "cannot start 'denied': nothing it may execute in PATH (one)" },
		{ "./absent", "one",
		  "cannot start './absent': there is no such file in the image" },
		{ "no-interpreter", "two",
		  "cannot start 'two/no-interpreter': the interpreter or loader that it names is "
		  "not in the image" },
		{ "text", "two",
		  "cannot start 'two/text': not a program of this architecture, and no script that "
		  "begins with #!" },
		{ "one/denied", "", "cannot start 'one/denied': Permission denied" },
		{ "a\nb", "one", "cannot start 'a\\x0ab': not found in PATH (one)" },
	};
	char msg[SS_ERR_MSG_MAX + 1];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		assert_int_equal(try(cases[i].name, cases[i].path, msg), 99);
		assert_string_equal(msg, cases[i].msg);
	}
}

static void exec_without_path_searches_the_usual_folders(void **state)
{
	char msg[SS_ERR_MSG_MAX + 1];

	(void)state;
	assert_int_equal(try("true", NULL, msg), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(exec_finds_programs_as_execvp_does),
		cmocka_unit_test(exec_failures_say_what_is_missing),
		cmocka_unit_test(exec_without_path_searches_the_usual_folders),
	};

	return cmocka_run_group_tests_name("rt_exec", tests, make_tree, remove_tree);
}

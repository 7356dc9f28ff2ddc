/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "io/file.h"
#include "io/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

struct heard {
	char text[65536];
	size_t n;
	size_t longest;
	size_t lines;
};

static void hear(void *ctx, enum io_stream from, const char *line)
{
	struct heard *h = ctx;
	const size_t n = strlen(line);

	h->lines++;
	h->longest = n > h->longest ? n : h->longest;
	if (h->n + n + 3 < sizeof(h->text))
		h->n += (size_t)sprintf(h->text + h->n, "%c%s|", from == IO_STDERR ? '!' : '.',
					line);
}

static int shell(const char *script, struct heard *h, struct io_exit *e, struct ss_err *err)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct io_spawn s = { .argv = argv, .line = hear, .ctx = h };

	return io_spawn_run(&s, e, err);
}

static void lines_of_both_streams_arrive_and_the_status_is_told(void **state)
{
	struct heard h = { 0 };
	struct io_exit e = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(shell("echo one; echo two; printf 'no end'; exit 7", &h, &e, &err), &err);
	assert_string_equal(h.text, ".one|.two|.no end|");
	assert_int_equal(e.status, 7);
	expect_fails(io_exit_check(&e, "sh", SS_EREMOTE, &err), &err, SS_EREMOTE,
		     "'sh' failed with status 7");
	h = (struct heard){ 0 };
	expect_ok(shell("printf 'a\\0b\\r50%%\\r\\n\\n' >&2; exec 2>&-; exit 3", &h, &e, &err),
		  &err);
	assert_string_equal(h.text, "!a?b|!50%|!|!|");
	expect_fails(io_exit_check(&e, "sh", SS_ESYS, &err), &err, SS_ESYS,
		     "'sh' failed with status 3: 50%");
	expect_ok(shell("kill -9 $$", &h, &e, &err), &err);
	assert_int_equal(e.status, 137);
}

static void long_lines_are_cut_and_none_of_much_output_is_lost(void **state)
{
	struct heard h = { 0 };
	struct io_exit e = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(shell("head -c 10000 /dev/zero | tr '\\0' x; echo; seq 1 20000", &h, &e, &err),
		  &err);
	assert_int_equal(h.longest, IO_SPAWN_LINE_MAX);
	assert_int_equal(h.lines, 3 + 20000);
}

static void the_program_sees_only_what_it_is_given(void **state)
{
	const char *const argv[] = { "sh", "-c", "env; pwd; umask; cat; ls /proc/self/fd", NULL };
	const char *const env[] = { "A=1", "PATH=/usr/bin:/bin", "PWD=/", NULL };
	struct heard h = { 0 };
	struct io_exit e = { 0 };
	struct ss_err err = { 0 };
	AUTO_CLOSE int spool = -1;
	AUTO_CLOSE int leak = -1;
	struct io_spawn s = { .argv = argv, .env = env, .dir = "/", .line = hear, .ctx = &h };

	(void)state;
	s.umask = 0027;
	expect_ok(io_spool_new(&leak, &err), &err);
	expect_ok(io_spool_new(&spool, &err), &err);
	expect_ok(io_write_all(spool, (struct ss_span){ (const uint8_t *)"in\n", 3 }, &err), &err);
	assert_int_equal(lseek(spool, 0, SEEK_SET), 0);
	s.in_fd = spool;
	expect_ok(io_spawn_run(&s, &e, &err), &err);
	assert_string_equal(h.text, ".A=1|.PATH=/usr/bin:/bin|.PWD=/|./|.0027|.in|.0|.1|.2|.3|");
}

static void standard_output_can_be_a_file(void **state)
{
	const char *const argv[] = { "sh", "-c", "echo data; echo said >&2", NULL };
	struct heard h = { 0 };
	struct io_exit e = { 0 };
	struct ss_err err = { 0 };
	AUTO_CLOSE int spool = -1;
	uint8_t got[16];
	size_t n = 0;
	struct io_spawn s = { .argv = argv, .line = hear, .ctx = &h };

	(void)state;
	expect_ok(io_spool_new(&spool, &err), &err);
	s.out_fd = spool;
	expect_ok(io_spawn_run(&s, &e, &err), &err);
	assert_string_equal(h.text, "!said|");
	expect_ok(io_pread_full(spool, 0, got, sizeof(got), &n, &err), &err);
	assert_int_equal(n, 5);
	assert_memory_equal(got, "data\n", 5);
}

static void what_cannot_start_is_said(void **state)
{
	const char *const none[] = { "selfsame-no-such-engine", NULL };
	const char *const plain[] = { "/etc/passwd", NULL };
	const char *const sh[] = { "sh", "-c", "true", NULL };
	struct io_exit e = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(io_spawn_run(&(struct io_spawn){ .argv = none }, &e, &err), &err, SS_ESYS,
		     "'selfsame-no-such-engine' is not installed (not found in PATH)");
	expect_fails(io_spawn_run(&(struct io_spawn){ .argv = plain }, &e, &err), &err, SS_ESYS,
		     "'/etc/passwd' is not a program");
	expect_fails(io_spawn_run(&(struct io_spawn){ .argv = sh, .dir = "/no/such" }, &e, &err),
		     &err, SS_ESYS, "cannot start '/usr/bin/sh': No such file or directory");
}

/* Orphans become ours (main()), so one that has ended can be reaped and is then really gone. */
static bool gone(pid_t pid)
{
	for (int i = 0; i < 500; i++) {
		(void)waitpid(pid, NULL, WNOHANG);
		if (kill(pid, 0) < 0 && errno == ESRCH)
			return true;
		(void)usleep(20000);
	}
	return false;
}

static void when_the_time_is_over_the_whole_group_goes(void **state)
{
	/* The grandchild holds the pipe open and does not care for SIGTERM. */
	const char *const argv[] = { "sh", "-c",
				     "trap '' TERM; sleep 60 & echo $!; wait; wait; sleep 60",
				     NULL };
	struct heard h = { 0 };
	struct io_exit e = { 0 };
	struct ss_err err = { 0 };
	const time_t start = time(NULL);
	struct io_spawn s = { .argv = argv, .line = hear, .ctx = &h, .timeout_ms = 300 };

	(void)state;
	expect_fails(io_spawn_run(&s, &e, &err), &err, SS_ESYS, "'sh' did not end within 300 ms");
	assert_true(time(NULL) - start < 20);
	assert_true(gone((pid_t)strtoul(h.text + 1, NULL, 10)));
}

static void a_daemon_left_behind_is_not_waited_for(void **state)
{
	struct heard h = { 0 };
	struct io_exit e = { 0 };
	struct ss_err err = { 0 };
	const time_t start = time(NULL);

	(void)state;
	expect_ok(shell("sleep 30 & echo $!", &h, &e, &err), &err);
	assert_true(time(NULL) - start < 10);
	assert_int_equal(kill((pid_t)strtoul(h.text + 1, NULL, 10), SIGKILL), 0);
}

static void tell(void *ctx, enum io_stream from, const char *line)
{
	const int *fd = ctx;

	(void)from;
	(void)!write(*fd, line, strlen(line) + 1);
}

/* SIGTERM to us: the program's group goes first, then we go, by that very signal. */
static void a_signal_ends_the_group_and_then_us(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(signals); i++) {
		int fds[2], status = 0;
		char text[32] = "";
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		(void)signal(signals[i], SIG_DFL); /* nohup ignores one */
		pid = fork();
		if (pid == 0) {
			const char *const argv[] = { "sh", "-c", "sleep 60 & echo $!; wait", NULL };
			struct io_exit e;
			struct ss_err err;

			(void)!io_spawn_run(
				&(struct io_spawn){ .argv = argv, .line = tell, .ctx = &fds[1] },
				&e, &err);
			_exit(99); /* not reached */
		}
		(void)close(fds[1]);
		assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
		(void)close(fds[0]);
		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_true(gone((pid_t)strtoul(text, NULL, 10)));
	}
}

static void if_we_are_killed_the_program_is_told(void **state)
{
	int fds[2], status = 0;
	char text[32] = "";
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		const char *const argv[] = { "sh", "-c", "echo $$; exec sleep 60", NULL };
		struct io_exit e;
		struct ss_err err;

		(void)!io_spawn_run(
			&(struct io_spawn){ .argv = argv, .line = tell, .ctx = &fds[1] }, &e, &err);
		_exit(99);
	}
	(void)close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	(void)close(fds[0]);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(gone((pid_t)strtoul(text, NULL, 10)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_both_streams_arrive_and_the_status_is_told),
		cmocka_unit_test(long_lines_are_cut_and_none_of_much_output_is_lost),
		cmocka_unit_test(the_program_sees_only_what_it_is_given),
		cmocka_unit_test(standard_output_can_be_a_file),
		cmocka_unit_test(what_cannot_start_is_said),
		cmocka_unit_test(when_the_time_is_over_the_whole_group_goes),
		cmocka_unit_test(a_daemon_left_behind_is_not_waited_for),
		cmocka_unit_test(a_signal_ends_the_group_and_then_us),
		cmocka_unit_test(if_we_are_killed_the_program_is_told),
	};

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

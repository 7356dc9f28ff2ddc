/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "io/cgroup.h"
#include "io/spawn.h"
#include "io/stop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A word that only the processes of this test carry, and that `sleep` takes for a number. */
static char word[32];

/* How many processes have been started with that word. */
static unsigned count_ours(void)
{
	DIR *d = opendir("/proc");
	unsigned n = 0;

	assert_non_null(d);
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		char path[300], text[512];
		ssize_t got;
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		fd = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? open(path, O_RDONLY | O_CLOEXEC)
								: -1;
		if (fd < 0)
			continue;
		got = read(fd, text, sizeof(text));
		(void)close(fd);
		if (got > 0 && memmem(text, (size_t)got, word, strlen(word)) != NULL)
			n++;
	}
	(void)closedir(d);
	return n;
}

static bool becomes(unsigned want)
{
	for (int i = 0; i < 250; i++) {
		if (count_ours() == want)
			return true;
		(void)usleep(20000);
	}
	return false;
}

struct heard {
	char text[1024];
};

static void hear(void *ctx, enum io_stream from, const char *line)
{
	struct heard *h = ctx;
	const size_t n = strlen(h->text);

	(void)snprintf(h->text + n, sizeof(h->text) - n, "%c%s|", from == IO_STDERR ? '!' : '.',
		       line);
}

static int enclosed(const char *script, struct heard *h, struct io_exit *e, struct ss_err *err)
{
	const char *const argv[] = { "sh", "-c", script, "sh", word, NULL };
	const struct io_spawn s = { .argv = argv, .line = hear, .ctx = h, .enclosed = true };

	*h = (struct heard){ 0 };
	return io_spawn_run(&s, e, err);
}

static void what_it_starts_and_mounts_ends_with_it(void **state)
{
	struct heard h;
	struct io_exit e = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(enclosed("echo $$; readlink /proc/self >/dev/null || exit 9;"
			   "mount -t tmpfs none /mnt && : >/mnt/seen-inside || exit 8;"
			   "setsid sleep $1 & sleep 0.1; exit 7",
			   &h, &e, &err),
		  &err);
	assert_string_equal(h.text, ".1|");
	assert_int_equal(e.status, 7);
	assert_int_equal(count_ours(), 0); /* at once, not soon */
	assert_int_equal(access("/mnt/seen-inside", F_OK), -1);
}

static void what_cannot_start_is_said_as_without(void **state)
{
	const char *const argv[] = { "sh", "-c", "exit 0", NULL };
	const struct io_spawn s = { .argv = argv, .dir = "/no/such", .enclosed = true };
	struct io_exit e = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(io_spawn_run(&s, &e, &err), &err, SS_ESYS,
		     "cannot start '/usr/bin/sh': No such file or directory");
}

/* In a process of its own: a program that cares for no signal, and starts one that left its group.
 */
static pid_t start_stubborn(void)
{
	const pid_t pid = fork();

	if (pid == 0) {
		struct heard h;
		struct io_exit e;
		struct ss_err err;

		(void)!enclosed("trap '' TERM HUP INT; setsid sleep $1 & sleep $1", &h, &e, &err);
		_exit(99);
	}
	return pid;
}

static void a_signal_to_us_ends_it_all_at_once(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGKILL };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(signals); i++) {
		const time_t start = time(NULL);
		int status = 0;
		pid_t pid;

		if (signals[i] != SIGKILL)
			(void)signal(signals[i], SIG_DFL); /* nohup ignores one */
		pid = start_stubborn();

		/* the shell and two sleeps */
		assert_true(becomes(3));
		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
		assert_true(becomes(0));
		assert_true(time(NULL) - start < 3); /* not IO_SPAWN_GRACE_MS */
	}
}

static void what_tidies_up_is_not_stopped(void **state)
{
	const pid_t pid = fork();
	int status = 0;

	(void)state;
	if (pid == 0) {
		const char *const argv[] = { "sh", "-c", "exit 3", NULL };
		struct io_spawn s = { .argv = argv };
		struct ss_err err = { 0 };
		struct io_exit e = { 0 };
		int wake;

		if (io_stop_watch(&wake, &err) < 0 || raise(SIGTERM) != 0)
			_exit(1);
		s.tidying = true;
		if (io_spawn_run(&s, &e, &err) < 0 || e.status != 3)
			_exit(2);
		s.tidying = false;
		if (io_spawn_run(&s, &e, &err) == 0 ||
		    strcmp(err.msg, "'sh': stopped by a signal") != 0)
			_exit(3);
		io_stop_unwatch();
		_exit(4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

/* A hierarchy in which groups can be made: one of version 1, or the only one. */
static const char *find_hierarchy(void)
{
	static const char *const tops[] = { "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified",
					    "/sys/fs/cgroup" };

	for (size_t i = 0; i < SS_NELEMS(tops); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/selfsame-above-%s", tops[i], word);
		if (mkdir(path, 0755) == 0)
			return tops[i];
	}
	return NULL;
}

static void control_groups_are_found_by_name_and_removed_with_what_is_below(void **state)
{
	const char *top = find_hierarchy();
	char above[128], name[64], path[256], sub[300];

	(void)state;
	if (top == NULL)
		skip(); /* no control groups that we may change */
	(void)snprintf(above, sizeof(above), "%s/selfsame-above-%s", top, word);
	(void)snprintf(name, sizeof(name), "selfsame-test-%s", word);
	(void)snprintf(path, sizeof(path), "%s/%s", above, name);
	(void)snprintf(sub, sizeof(sub), "%s/sub", path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(mkdir(sub, 0755), 0);
	io_cgroup_remove("selfsame-test");
	assert_int_equal(access(sub, F_OK), 0);
	io_cgroup_remove(name);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(above), 0); /* it was not asked for, and is still there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_starts_and_mounts_ends_with_it),
		cmocka_unit_test(what_cannot_start_is_said_as_without),
		cmocka_unit_test(a_signal_to_us_ends_it_all_at_once),
		cmocka_unit_test(what_tidies_up_is_not_stopped),
		cmocka_unit_test(control_groups_are_found_by_name_and_removed_with_what_is_below),
	};

	if (getuid() != 0) {
		puts("1..0 # SKIP name spaces are made by root only");
		return 0;
	}
	(void)snprintf(word, sizeof(word), "61.%ld", (long)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}

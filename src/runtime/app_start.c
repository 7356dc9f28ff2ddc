/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "runtime/app.h"
#include "runtime/etc_files.h"
#include "runtime/format.h"
#include "runtime/own_root.h"
#include "runtime/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Writing ends, and what the keeper alone holds. */
struct keeper {
	const struct rt_app *app;
	int output[2];
	int report;
	int status;
};

static int write_all(int fd, const void *p, size_t n)
{
	return write(fd, p, n) == (ssize_t)n ? 0 : -1; /* a pipe takes PIPE_BUF in one piece */
}

SS_NORETURN static void give_up(int report, enum rt_stop_code code, const struct ss_err *err)
{
	char line[RT_REPORT_MAX];
	const size_t n = strlen(err->msg);

	line[0] = (char)code;
	memcpy(line + 1, err->msg, n);
	(void)write_all(report, line, n + 1);
	_exit(1);
}

/* stdin is empty; stdout and stderr belong to the application's user, so that it can open
 * /dev/stdout again. */
static int arrange_stdio(const struct keeper *k, struct ss_err *err)
{
	const struct mc_config *c = k->app->config;
	const int null = open("/dev/null", O_RDONLY);

	if (null < 0 || dup2(null, 0) < 0)
		return ss_fail_sys(err, "cannot open the application's /dev/null");
	for (int i = 0; i < 2; i++)
		if (fchown(k->output[i], RT_ID_BASE + c->uid, RT_ID_BASE + c->gid) < 0 ||
		    dup2(k->output[i], i + 1) < 0)
			return ss_fail_sys(err, "cannot hand over its output");
	if (null > 2)
		(void)close(null);
	return 0;
}

SS_NORETURN static void run_application(const struct keeper *k)
{
	struct ss_err err = { 0 };

	if (arrange_stdio(k, &err) < 0)
		give_up(k->report, RT_E_ISOLATION, &err);
	(void)rt_app_exec(k->app, &err);
	give_up(k->report, RT_E_START, &err);
}

/* Collects whoever ended; true when that was the application. */
static bool reap(pid_t app, int *ret_status)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != app)
			continue;
		*ret_status = status;
		ended = true;
	}
	return ended;
}

/* Every signal but SIGCHLD is the watcher's wish to pass it on. */
static int keep(pid_t app, const sigset_t *all)
{
	int status = 0;

	for (;;) {
		siginfo_t info;
		const int sig = sigwaitinfo(all, &info);

		if (sig == SIGCHLD && reap(app, &status))
			return status;
		if (sig > 0 && sig != SIGCHLD)
			(void)kill(app, sig);
	}
}

/* Of this IPC namespace: segments as the room says, messages and semaphores of a few MiB. */
static int limit_segments(const struct rt_room *room, struct ss_err *err)
{
	char pages[24];

	(void)rt_format(pages, sizeof(pages), "%llu", (unsigned long long)room->segment_pages);
	if (rt_put_setting("/proc/sys/kernel/shmall", pages, err) < 0 ||
	    rt_put_setting("/proc/sys/kernel/msgmni", "128", err) < 0 ||
	    rt_put_setting("/proc/sys/kernel/sem", "250 32000 100 128", err) < 0)
		return -1;
	return 0;
}

SS_NORETURN static void run_keeper(const struct keeper *k)
{
	struct ss_err err = { 0 };
	sigset_t all;
	pid_t app;
	int status;

	(void)sigfillset(&all); /* they are blocked since init began */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "keeper", 0, 0, 0);
	if (sethostname(RT_HOSTNAME, sizeof(RT_HOSTNAME) - 1) < 0) {
		ss_err_set_sys(&err, "cannot set the host name");
		give_up(k->report, RT_E_ISOLATION, &err);
	}
	/* When memory has run out, what is left of the application goes first: its processes; then
	 * this one, and with it all that they left in /dev/shm and the like. */
	if (rt_oom_score("-999", &err) < 0 || limit_segments(&k->app->room, &err) < 0 ||
	    rt_app_enter_root(k->app, &err) < 0)
		give_up(k->report, RT_E_ISOLATION, &err);
	app = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); /* fork(), without its locks */
	if (app == 0)
		run_application(k);
	if (app < 0) {
		ss_err_set_sys(&err, "cannot make a process");
		give_up(k->report, RT_E_ISOLATION, &err);
	}
	/* From here on it only passes on signals. */
	if (rt_caps_bound(0, &err) < 0 || rt_caps_set(RT_CAP_KILL, &err) < 0)
		give_up(k->report, RT_E_ISOLATION, &err);
	(void)close(k->report);
	(void)close(k->output[0]);
	(void)close(k->output[1]);
	rt_secrets_drop_copy();
	status = keep(app, &all);
	(void)write_all(k->status, &status, sizeof(status));
	_exit(0); /* and the kernel ends whatever else is in the namespace */
}

static int make_pipe(int *ret_read, int *ret_write, struct ss_err *err)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return ss_fail_sys(err, "cannot make a pipe");
	*ret_read = p[0];
	*ret_write = p[1];
	return 0;
}

int rt_app_start(struct rt_app *app, struct ss_err *err)
{
	struct keeper k = { .app = app };

	if (rt_app_clone_tree(app, err) < 0 || make_pipe(&app->output[0], &k.output[0], err) < 0 ||
	    make_pipe(&app->output[1], &k.output[1], err) < 0 ||
	    make_pipe(&app->report, &k.report, err) < 0 ||
	    make_pipe(&app->status, &k.status, err) < 0)
		return -1;
	app->keeper = (pid_t)syscall(
		SYS_clone, SIGCHLD | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS, 0, 0,
		0, 0);
	if (app->keeper == 0)
		run_keeper(&k);
	if (app->keeper < 0)
		return ss_fail_sys(err, "cannot make the application's namespaces");
	(void)close(k.output[0]);
	(void)close(k.output[1]);
	(void)close(k.report);
	(void)close(k.status);
	(void)close(app->tree);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "runtime/app.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define CONSOLE_FD 2

enum { OUT, ERR, REPORT, SIGNALS, WATCHED };

struct watch {
	struct rt_app *app;
	struct pollfd fds[WATCHED];
	bool mid_line; /* the console's last byte was no newline */
	bool started;
	bool keeper_ended;
	int keeper_status;
	struct rt_app_end *end;
	struct ss_err *err;
};

static char relay_room[16384];

static void put_console(struct watch *w, const char *p, size_t n)
{
	if (n > 0)
		w->mid_line = p[n - 1] != '\n';
	while (n > 0) {
		const ssize_t done = write(CONSOLE_FD, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return; /* a console that takes nothing must not stop the application */
		p += done;
		n -= (size_t)done;
	}
}

/* Our own lines begin lines. */
static void fresh_line(struct watch *w)
{
	if (w->mid_line)
		put_console(w, "\n", 1);
}

static void forget(struct pollfd *p)
{
	(void)close(p->fd);
	p->fd = -1; /* poll() passes over it */
}

static void relay(struct watch *w, struct pollfd *p)
{
	const ssize_t n = read(p->fd, relay_room, sizeof(relay_room));

	if (n > 0)
		put_console(w, relay_room, (size_t)n);
	else if (n == 0 || errno != EINTR)
		forget(p);
}

/* The end of the pipe, which exec closes, means that the program runs. */
static void hear_report(struct watch *w, struct pollfd *p)
{
	char line[RT_REPORT_MAX];
	const ssize_t n = read(p->fd, line, sizeof(line) - 1);

	if (n > 0) {
		line[n] = '\0';
		w->end->failed = true;
		w->end->code = (enum rt_stop_code)line[0];
		ss_err_set(w->err, SS_ESYS, "%s", line + 1);
		return;
	}
	forget(p);
	if (w->end->failed)
		return;
	w->started = true;
	fresh_line(w);
	rt_say(RT_P_STARTED, "application started");
}

static void hear_signals(struct watch *w)
{
	struct signalfd_siginfo info;
	pid_t pid;
	int status;

	if (read(w->fds[SIGNALS].fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo != SIGCHLD) {
		(void)kill(w->app->keeper, (int)w->app->config->stop_signal);
		return;
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != w->app->keeper)
			continue;
		w->keeper_ended = true;
		w->keeper_status = status;
	}
}

/* With the keeper everything in its namespace is gone, so the pipes have ends. */
static bool is_over(const struct watch *w)
{
	return w->keeper_ended && w->fds[OUT].fd < 0 && w->fds[ERR].fd < 0 && w->fds[REPORT].fd < 0;
}

static int open_signals(int *ret, struct ss_err *err)
{
	sigset_t s;

	(void)sigemptyset(&s);
	(void)sigaddset(&s, SIGCHLD);
	(void)sigaddset(&s, SIGTERM);
	(void)sigaddset(&s, SIGINT);
	(void)sigaddset(&s, SIGPWR);
	*ret = signalfd(-1, &s, SFD_CLOEXEC);
	if (*ret < 0)
		return ss_fail_sys(err, "cannot wait for signals");
	return 0;
}

static int run(struct watch *w, struct ss_err *err)
{
	while (!is_over(w)) {
		if (poll(w->fds, WATCHED, -1) < 0 && errno != EINTR)
			return ss_fail_sys(err, "cannot wait for the application");
		/* First, so that "started" stands before what the program says. */
		if (w->fds[REPORT].fd >= 0 && w->fds[REPORT].revents != 0)
			hear_report(w, &w->fds[REPORT]);
		for (int i = OUT; i <= ERR; i++)
			if (w->fds[i].fd >= 0 && w->fds[i].revents != 0)
				relay(w, &w->fds[i]);
		if (w->fds[SIGNALS].revents != 0)
			hear_signals(w);
	}
	fresh_line(w);
	return 0;
}

int rt_app_watch(struct rt_app *app, int status_fd, struct rt_app_end *ret, struct ss_err *err)
{
	struct rt_app_end end = { .failed = false };
	struct watch w = { .app = app, .end = &end, .err = err };
	AUTO_CLOSE int signals = -1;

	if (open_signals(&signals, err) < 0)
		return -1;
	w.fds[OUT] = (struct pollfd){ .fd = app->output[0], .events = POLLIN };
	w.fds[ERR] = (struct pollfd){ .fd = app->output[1], .events = POLLIN };
	w.fds[REPORT] = (struct pollfd){ .fd = app->report, .events = POLLIN };
	w.fds[SIGNALS] = (struct pollfd){ .fd = signals, .events = POLLIN };
	if (run(&w, err) < 0)
		return -1;
	if (!end.failed &&
	    read(status_fd, &end.status, sizeof(end.status)) != (ssize_t)sizeof(end.status)) {
		/* The keeper was killed (SIGKILL as stop signal): that is the application's end. */
		if (!w.started || !WIFSIGNALED(w.keeper_status))
			return ss_fail(err, SS_ESYS, "the application's keeper is gone");
		end.status = w.keeper_status;
	}
	*ret = end;
	return 0;
}

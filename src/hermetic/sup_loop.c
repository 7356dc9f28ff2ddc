/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whatever happens to a task of the step, one after the other. */

static void let_go(pid_t tid, int signal)
{
	(void)ptrace(PTRACE_CONT, tid, NULL, sup_pointer((uint64_t)signal));
}

static unsigned long message_of(pid_t tid)
{
	unsigned long v = 0;

	(void)ptrace(PTRACE_GETEVENTMSG, tid, NULL, &v);
	return v;
}

/* A task has made another, which may have shown up before. */
static void on_made(struct sup *s, struct sup_task *maker)
{
	const pid_t tid = (pid_t)message_of(maker->tid);
	struct sup_task *child;

	if (tid <= 0)
		return;
	child = sup_task_get(&s->tasks, tid);
	sup_task_derive(maker, child);
	child->odd = child->odd || (s->listener >= 0 && sup_regs_makes_space(maker->tid));
	if (child->stopped) {
		child->stopped = false;
		let_go(tid, 0);
	}
}

/* Its other threads are gone; it has the id of the first, whichever of them it was. */
static void on_exec(struct sup *s, struct sup_task *t)
{
	const pid_t was = (pid_t)message_of(t->tid);
	const struct sup_task *other = was != t->tid ? sup_task_find(&s->tasks, was) : NULL;

	if (other != NULL) {
		struct sup_task *const next = t->next;
		const pid_t tid = t->tid;

		*t = *other;
		t->next = next;
		t->tid = tid;
		sup_task_drop(&s->tasks, was);
	}
	t->wait.is = false;
	t->swap.is = false;
	t->call = SUP_NONE;
	t->slow = SUP_SLOW_NO;
	s->began_main = true;
	sup_exec(s, t);
}

static bool is_stop(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void on_event(struct sup *s, struct sup_task *t, int event, int signal)
{
	bool more = false;

	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		on_made(s, t);
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(s, t);
		break;
	case PTRACE_EVENT_SECCOMP:
		more = sup_call_begin(s, t);
		break;
	case PTRACE_EVENT_STOP:
		if (is_stop(signal)) { /* stopped as a whole, until SIGCONT */
			(void)ptrace(PTRACE_LISTEN, t->tid, NULL, NULL);
			return;
		}
		if (!t->known) {
			t->stopped = true;
			return;
		}
		more = sup_notify_again(t);
		break;
	default:
		break;
	}
	if (t->late > 0)
		return;
	if (more)
		(void)ptrace(PTRACE_SYSCALL, t->tid, NULL, NULL);
	else
		let_go(t->tid, 0);
}

static void on_stop(struct sup *s, pid_t tid, int status)
{
	struct sup_task *t = sup_task_get(&s->tasks, tid);
	const int signal = WSTOPSIG(status);
	const int event = status >> 16;

	if (event != 0) {
		on_event(s, t, event, signal);
	} else if (signal == (SIGTRAP | 0x80) && t->slow == SUP_SLOW_ASKED) {
		if (sup_notify_enter(t))
			(void)ptrace(PTRACE_SYSCALL, tid, NULL, NULL);
		else
			let_go(tid, 0);
	} else if (signal == (SIGTRAP | 0x80)) {
		sup_call_end(s, t);
		let_go(tid, 0);
	} else if (signal == SIGSEGV && s->view->tsc.set && sup_regs_tsc(&s->tsc_sites, t)) {
		let_go(tid, 0);
	} else {
		if (s->listener >= 0)
			sup_regs_again(tid);
		let_go(tid, signal);
	}
}

static void on_end(struct sup *s, pid_t tid)
{
	struct sup_task *t = sup_task_find(&s->tasks, tid);
	struct sup_task *maker;

	if (t == NULL)
		return;
	maker = sup_task_find(&s->tasks, t->maker);
	if (maker != NULL)
		sup_clock_inherit(&s->clock, maker, t);
	sup_task_drop(&s->tasks, tid);
}

/* All that is there to hear. True once the step's own process has ended. */
static bool hear(struct sup *s, int *ret)
{
	pid_t tid;
	int status;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (WIFSTOPPED(status)) {
			on_stop(s, tid, status);
			continue;
		}
		sup_masks_feed(s);
		on_end(s, tid);
		if (tid == s->main) {
			*ret = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			return true;
		}
	}
	return tid < 0 && errno == ECHILD;
}

/* Signals to us are for the step. */
static void pass_signals(const struct sup *s, int fd)
{
	struct signalfd_siginfo all[8]; /* more are heard the next time */
	const ssize_t n = read(fd, all, sizeof(all));

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(all[0]); i++)
		if (all[i].ssi_signo != SIGCHLD)
			(void)kill(s->main, (int)all[i].ssi_signo);
}

static int watch_signals(int *ret, struct ss_err *err)
{
	static const int signals[] = { SIGCHLD, SIGTERM, SIGINT,  SIGHUP,
				       SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SS_NELEMS(signals); i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return ss_fail_sys(err, "cannot block signals");
	*ret = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret < 0 ? ss_fail_sys(err, "cannot watch signals") : 0;
}

/* Whoever is left ends with the step, and before the listener: a call that nobody answers tells an
 * error that no program has seen before. */
static void end_others(const struct sup *s)
{
	for (size_t i = 0; i < SS_NELEMS(s->tasks.v); i++)
		for (const struct sup_task *t = s->tasks.v[i]; t != NULL; t = t->next)
			(void)kill(t->tid, SIGKILL);
}

int sup_loop(struct sup *s, int *ret, struct ss_err *err)
{
	struct pollfd fds[5] = { { .events = POLLIN },
				 { .fd = s->fifo[0], .events = POLLOUT },
				 { .fd = s->fifo[1], .events = POLLOUT },
				 { .fd = s->uuid_watch, .events = POLLIN },
				 { .fd = s->listener, .events = POLLIN } };
	bool over;

	*ret = 125;
	/* What happened before we watch is heard first. */
	if (watch_signals(&fds[0].fd, err) < 0)
		return -1;
	over = hear(s, ret);
	while (!over) {
		if (poll(fds, SS_NELEMS(fds), sup_late_end(s, let_go)) < 0 && errno != EINTR)
			return ss_fail_sys(err, "cannot wait for the step");
		if ((fds[4].revents & POLLIN) != 0)
			sup_notify(s);
		else if (fds[4].revents != 0)
			fds[4].fd = -1; /* nobody is left who could ask */
		if (fds[1].revents != 0 || fds[2].revents != 0 || fds[3].revents != 0)
			sup_masks_feed(s);
		if (fds[0].revents != 0) { /* of a child that stopped, too */
			pass_signals(s, fds[0].fd);
			over = hear(s, ret);
		}
	}
	end_others(s);
	return 0;
}

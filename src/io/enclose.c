/* SPDX-License-Identifier: Apache-2.0 */
#include "io/enclose.h"

#include <errno.h>

#ifdef __linux__
#include "base/attr.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

SS_NORETURN static void wait_outside(pid_t inner, const sigset_t *set)
{
	int status = 0;

	for (;;) {
		const int sig = sigwaitinfo(set, NULL);

		if (sig > 0 && sig != SIGCHLD)
			(void)kill(inner, SIGKILL);
		/* The kernel lets process 1 go only when nothing else is left inside. */
		if (waitpid(inner, &status, WNOHANG) == inner)
			break;
	}
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* `alive` ends when the process outside does, which may be before we could ask to be told. */
static int settle_inside(int alive, const sigset_t *set)
{
	struct pollfd p = { .fd = alive };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)poll(&p, 1, 0);
	if (p.revents != 0)
		_exit(128 + SIGKILL);
	(void)close(alive);
	(void)sigprocmask(SIG_UNBLOCK, set, NULL);
	/* What is unmounted outside goes here too; what is mounted here stays here. */
	if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return errno;
	return 0;
}

int io_enclose(int report)
{
	int alive[2];
	sigset_t set;
	pid_t pid;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe2(alive, O_CLOEXEC) < 0 || unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
		return errno;
	pid = _Fork();
	if (pid < 0)
		return errno;
	if (pid == 0) {
		(void)close(alive[1]);
		return settle_inside(alive[0], &set);
	}
	(void)close(alive[0]);
	(void)close(report);
	wait_outside(pid, &set);
}
#else
int io_enclose(int report)
{
	(void)report;
	return ENOSYS;
}
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "hermetic/sup.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* From fork to exec: the step's own process becomes who the bundle says, in sight of the tracer. */

/* --- who it is -------------------------------------------------------------------------------- */

static int drop_bounding(uint64_t keep, struct ss_err *err)
{
	for (unsigned c = 0; c < 64 && prctl(PR_CAPBSET_READ, c) >= 0; c++)
		if ((keep >> c & 1) == 0 && prctl(PR_CAPBSET_DROP, c) < 0)
			return ss_fail_sys(err, "cannot drop capability %u", c);
	return 0;
}

static int set_groups(const struct sup_who *w, struct ss_err *err)
{
	gid_t now[SS_NELEMS(w->groups)];
	const int n = getgroups(SS_NELEMS(now), now);

	if (n >= 0 && (size_t)n == w->n_groups &&
	    memcmp(now, w->groups, w->n_groups * sizeof(*now)) == 0)
		return 0;
	if (setgroups(w->n_groups, w->groups) < 0)
		return ss_fail_sys(err, "cannot set the step's groups");
	return 0;
}

static int set_caps(const struct sup_who *w, struct ss_err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (unsigned i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(w->effective >> (32 * i)),
			.permitted = (uint32_t)(w->permitted >> (32 * i)),
			.inheritable = (uint32_t)(w->inheritable >> (32 * i)),
		};
	if (syscall(SYS_capset, &head, data) < 0)
		return ss_fail_sys(err, "cannot set the step's capabilities");
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* One that is not inheritable cannot be raised; real runtimes go on without, too. */
	for (unsigned c = 0; c < 64; c++)
		if ((w->ambient >> c & 1) != 0)
			(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0);
	return 0;
}

static int become(const struct sup_who *w, struct ss_err *err)
{
	if (set_groups(w, err) < 0)
		return -1;
	if (setresgid(w->gid, w->gid, w->gid) < 0)
		return ss_fail_sys(err, "cannot become group %u", w->gid);
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setresuid(w->uid, w->uid, w->uid) < 0)
		return ss_fail_sys(err, "cannot become user %u", w->uid);
	(void)prctl(PR_SET_KEEPCAPS, 0);
	return set_caps(w, err);
}

/* --- what it has ------------------------------------------------------------------------------ */

/* Of those that this process has: the first of the number (cpus), and below it (processors). */
static int choose_cpus(struct sup *s, struct ss_err *err)
{
	const struct hm_view *v = s->view;
	cpu_set_t all, low;
	int64_t n = 0;

	CPU_ZERO(&s->cpus);
	CPU_ZERO(&low);
	if (!v->cpus.set && !v->processors.set)
		return 0;
	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return ss_fail_sys(err, "cannot read the processors of the step");
	/* A program that asks where it runs gets a number below what it was told. */
	for (size_t c = 0; v->processors.set && c < (size_t)v->processors.v; c++)
		if (CPU_ISSET(c, &all))
			CPU_SET(c, &low);
	if (CPU_COUNT(&low) > 0)
		all = low;
	for (size_t c = 0; c < CPU_SETSIZE && (!v->cpus.set || n < v->cpus.v); c++)
		if (CPU_ISSET(c, &all)) {
			CPU_SET(c, &s->cpus);
			n++;
		}
	if (v->cpus.set && n < v->cpus.v)
		return ss_fail(err, SS_ESYS, "there are only %d processors here (cpus)", (int)n);
	return 0;
}

static int take_cpus(const struct sup *s, struct ss_err *err)
{
	if (CPU_COUNT(&s->cpus) > 0 && sched_setaffinity(0, sizeof(s->cpus), &s->cpus) < 0)
		return ss_fail_sys(err, "cannot choose the processors of the step");
	return 0;
}

static int trap_tsc(const struct hm_view *v, struct ss_err *err)
{
#ifdef __x86_64__
	if (v->tsc.set && prctl(PR_SET_TSC, PR_TSC_SIGSEGV) < 0)
		return ss_fail_sys(err, "cannot trap the time stamp counter (tsc)");
#else
	(void)v;
	(void)err;
#endif
	return 0;
}

/* --- the program ------------------------------------------------------------------------------ */

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

/* As a runtime looks it up: in the step's own PATH. */
static int run_program(char **argv, struct ss_err *err)
{
	const char *path = getenv("PATH");
	char full[4096];

	if (strchr(argv[0], '/') != NULL) {
		(void)execve(argv[0], argv, environ);
		return ss_fail_sys(err, "cannot run '%s'", argv[0]);
	}
	while (path != NULL && *path != '\0') {
		const size_t n = strcspn(path, ":");

		if (n > 0 &&
		    (size_t)snprintf(full, sizeof(full), "%.*s/%s", (int)n, path, argv[0]) <
			    sizeof(full) &&
		    is_program(full)) {
			(void)execve(full, argv, environ);
			return ss_fail_sys(err, "cannot run '%s'", full);
		}
		path += n + (path[n] == ':');
	}
	return ss_fail(err, SS_ESYS, "'%s' is not in PATH", argv[0]);
}

/* The tracer's side of the listener goes to it; who executes has none. */
static void send_listener(int to, int listener)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	char none = 0;
	struct iovec v = { &none, 1 };
	const struct msghdr m = { .msg_iov = &v,
				  .msg_iovlen = 1,
				  .msg_control = listener >= 0 ? control.bytes : NULL,
				  .msg_controllen = listener >= 0 ? sizeof(control.bytes) : 0 };

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &listener, sizeof(int));
	(void)sendmsg(to, &m, MSG_NOSIGNAL);
	(void)close(to);
	if (listener >= 0)
		(void)close(listener);
}

/* -1: there is none, or its sender has ended. */
static int receive_listener(int from)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	char none;
	struct iovec v = { &none, 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	int fd = -1;

	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m) != NULL &&
	    control.head.cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

static int go(const struct sup *s, const struct sup_who *who, char **argv, int to,
	      struct ss_err *err)
{
	int listener = -1;
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (take_cpus(s, err) < 0 || trap_tsc(s->view, err) < 0 ||
	    sup_filter_install(s->view, s->notify, &listener, err) < 0)
		return -1;
	send_listener(to, listener);
	if (drop_bounding(who->bounding, err) < 0 || become(who, err) < 0)
		return -1;
	return run_program(argv, err);
}

/* The child tells in its own words why it could not, as nobody else can. */
static SS_NORETURN void child(const struct sup *s, const struct sup_who *who, char **argv,
			      int wait_fd)
{
	struct ss_err err = { 0 };
	char text[SS_ERR_MSG_MAX + 64];
	char c;
	int n;

	if (read(wait_fd, &c, 1) != 0)
		_exit(125);
	(void)go(s, who, argv, wait_fd, &err);
	n = snprintf(text, sizeof(text), "selfsame-step: error: %s\n", err.msg);
	(void)!write(STDERR_FILENO, text, (size_t)n);
	_exit(127);
}

/* --- processes before it ---------------------------------------------------------------------- */

static int use_up_pids(const struct hm_view *v, struct ss_err *err)
{
	pid_t pid = 0;

	for (int64_t tries = 0; v->pid_base.set && pid < v->pid_base.v; tries++) {
		pid = fork();
		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid || tries > 65536)
			return ss_fail_sys(err, "cannot use up process ids (pid-base)");
	}
	return 0;
}

int sup_start(struct sup *s, const struct sup_who *who, char **argv, struct ss_err *err)
{
	const uint64_t options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
				 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP |
				 PTRACE_O_EXITKILL;
	struct sup_task *t;
	int hold[2];

	if (choose_cpus(s, err) < 0 || use_up_pids(s->view, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hold) < 0)
		return ss_fail_sys(err, "cannot make a pair of sockets");
	s->notify = sup_notify_can(s->view, who);
	s->main = fork();
	if (s->main < 0)
		return ss_fail_sys(err, "cannot start the step");
	if (s->main == 0) {
		(void)close(hold[1]);
		child(s, who, argv, hold[0]);
	}
	(void)close(hold[0]);
	if (ptrace(PTRACE_SEIZE, s->main, NULL, sup_pointer(options)) < 0) {
		(void)ss_fail_sys(err, "cannot trace the step");
		(void)kill(s->main, SIGKILL);
		return -1;
	}
	t = sup_task_get(&s->tasks, s->main);
	memcpy(t->key, s->key, sizeof(t->key));
	t->known = true;
	(void)shutdown(hold[1], SHUT_WR);
	sup_notify_begin(s, receive_listener(hold[1]));
	(void)close(hold[1]);
	return 0;
}

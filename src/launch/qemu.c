/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/qemu.h"

#include "base/mem.h"
#include "base/show.h"
#include "fmt/frame.h"
#include "io/cache.h"
#include "io/spawn.h"
#include "launch/qemu_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define FIRST_PORT 20000u /* of the host's, where any will do */
#define BACKLOG 4096      /* of calls; the system's own limit is lower or the same */
#define HEARTBEAT FRAME_PORT_HEARTBEAT

struct qemu {
	struct machine m;
	struct io_private dir;       /* of the sockets, and QEMU's working directory */
	struct vhost_vsock *vsock;   /* until the thread has it */
	struct vhost_nsm *nsm;       /* likewise; NULL where there is none of ours */
	struct nsm_machine *answers; /* what it answers with */
	struct qemu_thread *thread;
	pid_t pid; /* 0 = not started, or reaped */
	int pidfd;
	int console;
	int words;
	uint32_t next_port;
	int heart; /* listens for the heartbeat, from before the start on */
	bool stopped;
	int status; /* of waitpid(), once reaped */
};

static struct qemu *of(struct machine *m)
{
	return (struct qemu *)(void *)m;
}

static const struct qemu *const_of(const struct machine *m)
{
	return (const struct qemu *)(const void *)m;
}

/* The folder's name may be longer than a socket's may; its descriptor never is. */
static void path_of(const struct qemu *q, const char *name, char *ret, size_t size)
{
	(void)snprintf(ret, size, "/proc/self/fd/%d/%s", q->dir.fd, name);
}

/* --- what the owner may do ------------------------------------------------------------------- */

static int dial(struct machine *m, uint32_t port, struct ss_err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
		return ss_fail_sys(err, "cannot call port %u of the enclave", port);
	qemu_thread_call(of(m)->thread, fds[1], port);
	return fds[0];
}

static int bind_at(struct qemu *q, uint32_t *port, struct ss_err *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const uint32_t at = *port != 0 ? *port : q->next_port++;
	char name[32];

	(void)snprintf(name, sizeof(name), "v_%u", at);
	path_of(q, name, addr.sun_path, sizeof(addr.sun_path));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return ss_fail_sys(err, "cannot listen at port %u for the enclave", at);
	*port = at;
	return ss_take_fd(&fd);
}

static int listen_at(struct machine *m, uint32_t *port, struct ss_err *err)
{
	struct qemu *q = of(m);

	if (*port == HEARTBEAT && q->heart >= 0)
		return ss_take_fd(&q->heart);
	return bind_at(q, port, err);
}

static bool is_ours(const struct machine *m, int accepted_fd)
{
	(void)m;
	(void)accepted_fd;
	return true; /* the folder of the sockets is ours alone */
}

static int console(const struct machine *m)
{
	return const_of(m)->console;
}

static int end_fd(const struct machine *m)
{
	return const_of(m)->pidfd;
}

static void reap(struct qemu *q)
{
	while (q->pid > 0 && waitpid(q->pid, &q->status, 0) < 0 && errno == EINTR)
		continue;
	q->pid = 0;
}

static void end(struct machine *m, struct machine_end *ret)
{
	struct qemu *q = of(m);
	char why[200] = "";

	reap(q);
	*ret = (struct machine_end){ .by_us = q->stopped };
	if (q->thread != NULL)
		qemu_thread_why(q->thread, why, sizeof(why));
	if (WIFEXITED(q->status) && WEXITSTATUS(q->status) == 0)
		ret->in_order = !q->stopped;
	else if (WIFEXITED(q->status))
		(void)snprintf(ret->why, sizeof(ret->why), "QEMU ended with status %d%s%s",
			       WEXITSTATUS(q->status), why[0] != '\0' ? ": " : "", why);
	else
		(void)snprintf(ret->why, sizeof(ret->why), "QEMU was killed by signal %d%s%s",
			       WTERMSIG(q->status), why[0] != '\0' ? ": " : "", why);
}

static void stop(struct machine *m)
{
	struct qemu *q = of(m);

	q->stopped = true;
	if (q->pid > 0)
		(void)kill(q->pid, SIGKILL);
}

static void free_it(struct machine *m)
{
	struct qemu *q = of(m);

	stop(m);
	reap(q);
	qemu_thread_free(q->thread);
	vhost_vsock_free(q->vsock);
	vhost_nsm_free(q->nsm);
	nsm_machine_free(q->answers);
	ss_closep(&q->console);
	ss_closep(&q->words);
	ss_closep(&q->heart);
	ss_closep(&q->pidfd);
	io_private_done(&q->dir);
	free(q);
}

#define OPS                                                                                        \
	.dial = dial, .listen = listen_at, .is_ours = is_ours, .console = console,                 \
	.end_fd = end_fd, .end = end, .stop = stop, .free = free_it

static const struct machine_ops nitro_ops = { .name = "qemu nitro-enclave", OPS };
static const struct machine_ops microvm_ops = { .name = "qemu microvm", OPS };
static const struct machine_ops nsm_ops = { .name = "qemu microvm with our NSM", OPS };

/* --- start ----------------------------------------------------------------------------------- */

struct child {
	const struct qemu_args *args;
	const struct qemu_fds *fds;
	char **env;
	int dir, out, words, report;
	pid_t parent;
};

static void keep_open(int fd)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, 0);
}

/* In the child, between fork and exec: only async-signal-safe calls, no memory. */
SS_NORETURN static void become(const struct child *c)
{
	const int null = open("/dev/null", O_RDONLY);
	sigset_t none;
	int e;

	/* ^C on the terminal is for us, who tell the guest. */
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != c->parent)
		_exit(127);
	(void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (fchdir(c->dir) == 0 && dup2(null, 0) >= 0 && dup2(c->out, 1) >= 0 &&
	    dup2(c->words, 2) >= 0) {
		keep_open(c->fds->eif);
		keep_open(c->fds->kernel);
		keep_open(c->fds->initrd);
		(void)execve(c->args->v[0], c->args->v, c->env);
	}
	e = errno;
	(void)!write(c->report, &e, sizeof(e));
	_exit(127);
}

/* Ours, with temporary files in the private folder. The strings are borrowed. */
static char **make_env(char *tmpdir)
{
	size_t n = 0, at = 0;
	char **env;

	while (environ[n] != NULL)
		n++;
	env = ss_calloc(n + 2, sizeof(*env));
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "TMPDIR=", 7) != 0)
			env[at++] = environ[i];
	env[at] = tmpdir;
	return env;
}

/* Pipe ends above 2, so that no dup2() in the child overwrites one that is still needed. */
static int high_pipe(int fds[2], struct ss_err *err)
{
	int low[2];

	if (pipe2(low, O_CLOEXEC) != 0)
		return ss_fail_sys(err, "cannot make a pipe");
	for (int i = 0; i < 2; i++) {
		fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
		(void)close(low[i]);
	}
	if (fds[0] >= 0 && fds[1] >= 0)
		return 0;
	ss_closep(&fds[0]);
	ss_closep(&fds[1]);
	return ss_fail_sys(err, "cannot make a pipe");
}

/* True if the child became QEMU; otherwise errno is why not. */
static bool was_started(pid_t pid, int report)
{
	int e = 0;
	ssize_t n;

	do
		n = read(report, &e, sizeof(e));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return true;
	(void)waitpid(pid, NULL, 0);
	errno = e;
	return false;
}

static int spawn(struct qemu *q, const struct qemu_args *args, const struct qemu_fds *fds,
		 struct ss_err *err)
{
	AUTO_FREE char *tmpdir = NULL;
	AUTO_FREE char **env = NULL;
	const size_t room = strlen(q->dir.path) + sizeof("TMPDIR=");
	int out[2], words[2], report[2];
	struct child c = { .args = args, .fds = fds, .dir = q->dir.fd, .parent = getpid() };
	pid_t pid;
	bool good;

	tmpdir = ss_calloc(room, 1);
	(void)snprintf(tmpdir, room, "TMPDIR=%s", q->dir.path);
	env = make_env(tmpdir);
	if (high_pipe(out, err) < 0)
		return -1;
	q->console = out[0];
	if (high_pipe(words, err) < 0) {
		(void)close(out[1]);
		return -1;
	}
	q->words = words[0];
	if (high_pipe(report, err) < 0) {
		(void)close(out[1]);
		(void)close(words[1]);
		return -1;
	}
	c.env = env;
	c.out = out[1];
	c.words = words[1];
	c.report = report[1];
	pid = fork();
	if (pid == 0)
		become(&c);
	(void)close(out[1]);
	(void)close(words[1]);
	(void)close(report[1]);
	good = pid > 0 && was_started(pid, report[0]);
	(void)close(report[0]);
	if (!good)
		return ss_fail_sys(err, "cannot start '%s'", args->v[0]);
	q->pid = pid;
	(void)fcntl(q->console, F_SETFL, O_NONBLOCK);
	(void)fcntl(q->words, F_SETFL, O_NONBLOCK);
	return 0;
}

static int open_vsock(struct qemu *q, const struct machine_spec *spec, struct ss_err *err)
{
	char vhost[64], base[64];
	const struct vhost_vsock_opts o = { .vhost_path = vhost,
					    .base = base,
					    .guest_cid = spec->cid,
					    .max_conns = MACHINE_MAX_CONNS };

	uint32_t port = HEARTBEAT;

	path_of(q, "vhost", vhost, sizeof(vhost));
	path_of(q, "v", base, sizeof(base));
	if (vhost_vsock_open(&o, &q->vsock, err) < 0)
		return -1;
	/* The guest may call before the owner has had a turn. */
	q->heart = bind_at(q, &port, err);
	return q->heart < 0 ? -1 : 0;
}

static int open_nsm(struct qemu *q, struct ss_err *err)
{
	char path[64];

	path_of(q, "nsm", path, sizeof(path));
	return q->answers != NULL ? vhost_nsm_open(path, q->answers, &q->nsm, err) : 0;
}

static int start_thread(struct qemu *q, struct ss_err *err)
{
	struct qemu_thread_opts o = { .pidfd = -1 };

	q->pidfd = (int)syscall(SYS_pidfd_open, q->pid, 0);
	if (q->pidfd < 0)
		return ss_fail_sys(err, "cannot watch QEMU");
	o.vsock = TAKE_PTR(q->vsock);
	o.nsm = TAKE_PTR(q->nsm);
	o.words_fd = ss_take_fd(&q->words);
	o.pidfd = q->pidfd;
	return qemu_thread_start(&o, &q->thread, err);
}

static int load_cmdline(const struct eif_file *f, struct ss_buf *ret, struct ss_err *err)
{
	const struct eif_section *s = eif_file_find(f, EIF_CMDLINE, 0);

	if (s == NULL || eif_file_load(f, s, ret, err) < 0)
		return ss_ctx(err, "the command line");
	if (memchr(ret->p, '\0', ret->n) != NULL)
		return ss_fail(err, SS_EINPUT, "the command line holds a NUL byte");
	ss_buf_put(ret, (struct ss_span){ (const uint8_t *)"", 1 });
	return 0;
}

static void fds_done(struct qemu_fds *fds)
{
	ss_closep(&fds->kernel);
	ss_closep(&fds->initrd);
}

/* The arguments, and the descriptors in them. */
static int start_guest(struct qemu *q, const struct machine_spec *spec, const struct qemu_opts *o,
		       struct ss_err *err)
{
	AUTO_BUF struct ss_buf cmdline = SS_BUF_INIT(EIF_CMDLINE_MAX + 1);
	SS_CLEANUP(fds_done) struct qemu_fds fds = { o->file->fd, -1, -1 };
	SS_CLEANUP(qemu_args_done) struct qemu_args args = { 0 };
	struct qemu_guest g = { .found = o->found,
				.fds = &fds,
				.id = o->id,
				.memory_mib = spec->memory_mib,
				.cpus = spec->cpus,
				.kernel_messages = o->kernel_messages };

	if (o->found->kind != QEMU_NITRO) {
		fds.eif = -1;
		if (load_cmdline(o->file, &cmdline, err) < 0 ||
		    qemu_copy_parts(o->file, EIF_KERNEL, &fds.kernel, err) < 0 ||
		    qemu_copy_parts(o->file, EIF_RAMDISK, &fds.initrd, err) < 0)
			return -1;
		g.cmdline = (const char *)cmdline.p;
	}
	qemu_args_guest(&g, &args);
	return spawn(q, &args, &fds, err);
}

static void name_kind(struct qemu *q, enum qemu_kind kind)
{
	q->m.has_nsm = kind != QEMU_MICROVM;
	switch (kind) {
	case QEMU_NITRO:
		q->m.ops = &nitro_ops;
		q->m.notice = "QEMU emulates the NSM: nobody signs its attestation documents";
		return;
	case QEMU_NSM:
		q->m.ops = &nsm_ops;
		q->m.notice = "the NSM is emulated: a test root, NOT AWS, signs its attestation "
			      "documents";
		return;
	case QEMU_MICROVM:
		q->m.ops = &microvm_ops;
		q->m.notice = "this QEMU has no nitro-enclave machine, so there is no NSM: nothing "
			      "inside can be attested (tools/setup-qemu makes one that has it)";
		return;
	}
}

int qemu_start(const struct machine_spec *spec, const struct qemu_opts *o, struct machine **ret,
	       struct ss_err *err)
{
	struct qemu *q = ss_calloc(1, sizeof(*q));

	*q = (struct qemu){ .dir = IO_PRIVATE_NONE,
			    .pidfd = -1,
			    .console = -1,
			    .words = -1,
			    .heart = -1,
			    .next_port = FIRST_PORT };
	q->answers = o->nsm;
	name_kind(q, o->found->kind);
	q->m.cid = spec->cid;
	if (io_private_new(o->work, &q->dir, NULL, NULL, err) < 0 || open_vsock(q, spec, err) < 0 ||
	    open_nsm(q, err) < 0 || start_guest(q, spec, o, err) < 0 || start_thread(q, err) < 0) {
		free_it(&q->m);
		return -1;
	}
	*ret = &q->m;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "io/spawn.h"

#include "base/mem.h"
#include "io/enclose.h"
#include "io/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* One pipe from the program and the part of a line seen so far. */
struct reader {
	int fd; /* -1 once at its end, or when there is none */
	enum io_stream from;
	size_t n;
	char line[IO_SPAWN_LINE_MAX + 1];
};

struct run {
	const struct io_spawn *s;
	pid_t pid;
	uint64_t deadline; /* UINT64_MAX = none */
	uint64_t kill_at;  /* when SIGTERM did not help; 0 = not told to stop yet */
	bool killed;
	bool timed_out;
	bool stopped;
	struct reader out;
	struct reader err;
	struct io_exit exit;
};

static uint64_t now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool is_program(const char *path)
{
	struct stat st = { 0 };

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *io_spawn_find(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/') != NULL)
		return is_program(name) ? strdup(name) : NULL;
	if (path == NULL || name[0] == '\0')
		return NULL;
	for (const char *p = path;;) {
		const size_t n = strcspn(p, ":");
		const size_t size = n + strlen(name) + 2;
		AUTO_FREE char *full = ss_calloc(size, 1);

		/* An empty element would mean the working directory, which is somebody else's. */
		(void)snprintf(full, size, "%.*s/%s", (int)n, p, name);
		if (n > 0 && is_program(full))
			return TAKE_PTR(full);
		if (p[n] == '\0')
			return NULL;
		p += n + 1;
	}
}

static void remember(struct run *r, const char *line)
{
	size_t n = 0;

	for (; n < sizeof(r->exit.last) - 1 && line[n] != '\0'; n++) {
		const bool control = (line[n] > 0 && line[n] < 0x20) || line[n] == 0x7f;

		r->exit.last[n] = line[n];
		if (control)
			r->exit.last[n] = '?';
	}
	r->exit.last[n] = '\0';
}

static void emit(struct run *r, struct reader *d)
{
	d->line[d->n] = '\0';
	if (d->from == IO_STDERR && d->n > 0)
		remember(r, d->line);
	if (r->s->line != NULL)
		r->s->line(r->s->ctx, d->from, d->line);
	d->n = 0;
}

static void take_bytes(struct run *r, struct reader *d, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' || (p[i] == '\r' && d->n > 0)) {
			emit(r, d);
			continue;
		}
		if (p[i] == '\r')
			continue;
		if (d->n == IO_SPAWN_LINE_MAX)
			emit(r, d);
		d->line[d->n] = p[i];
		if (p[i] == '\0')
			d->line[d->n] = '?';
		d->n++;
	}
}

/* What is there now; at the end of the stream the descriptor goes. */
static void drain(struct run *r, struct reader *d)
{
	char block[16384];

	while (d->fd >= 0) {
		const ssize_t n = read(d->fd, block, sizeof(block));

		if (n > 0) {
			take_bytes(r, d, block, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		(void)close(ss_take_fd(&d->fd));
	}
}

/* In the child, between fork and exec: only async-signal-safe calls, no memory. */
SS_NORETURN static void become(const struct io_spawn *s, const char *file, const int fds[3],
			       int report)
{
	sigset_t none;
	int e = 0;

	(void)setpgid(0, 0);
#ifdef __linux__
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* What we were started with by somebody careless. Ours close on exec anyway. */
	(void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
#endif
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (s->umask != 0)
		(void)umask((mode_t)s->umask);
	if (s->enclosed)
		e = io_enclose(report);
	/* fds are all above 2, so no dup2() can overwrite one that is still needed. */
	if (e == 0 && dup2(fds[0], 0) >= 0 && dup2(fds[1], 1) >= 0 && dup2(fds[2], 2) >= 0 &&
	    (s->dir == NULL || chdir(s->dir) == 0)) {
		union {
			const char *const *in;
			char *const *out;
		} argv = { .in = s->argv }, env = { .in = s->env };

		(void)execve(file, argv.out, s->env != NULL ? env.out : environ);
	}
	e = e != 0 ? e : errno;
	(void)!write(report, &e, sizeof(e));
	_exit(127);
}

/* Both ends close on exec and lie above 2, whatever is closed in this process. */
static int high_pipe(int fds[2], struct ss_err *err)
{
	int low[2];

	if (pipe(low) < 0)
		return ss_fail_sys(err, "cannot make a pipe");
	for (int i = 0; i < 2; i++) {
		fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
		(void)close(low[i]);
	}
	if (fds[0] >= 0 && fds[1] >= 0)
		return 0;
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			(void)close(ss_take_fd(&fds[i]));
	return ss_fail_sys(err, "cannot make a pipe");
}

static int fork_it(struct run *r, const char *file, const int fds[3], struct ss_err *err)
{
	int report[2];
	int e = 0;
	ssize_t n;

	if (high_pipe(report, err) < 0)
		return -1;
	r->pid = fork();
	if (r->pid == 0)
		become(r->s, file, fds, report[1]);
	(void)close(report[1]);
	if (r->pid < 0) {
		(void)close(report[0]);
		return ss_fail_sys(err, "cannot start '%s'", file);
	}
	(void)setpgid(r->pid, r->pid); /* here too: whoever comes first */
	do
		n = read(report[0], &e, sizeof(e));
	while (n < 0 && errno == EINTR);
	(void)close(report[0]);
	if (n <= 0)
		return 0;
	(void)waitpid(r->pid, NULL, 0);
	errno = e;
	return ss_fail_sys(err, "cannot start '%s'", file);
}

static int open_pipe(struct reader *d, int *child, struct ss_err *err)
{
	int fds[2];

	if (high_pipe(fds, err) < 0)
		return -1;
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	d->fd = fds[0];
	*child = fds[1];
	return 0;
}

static int start(struct run *r, const char *file, struct ss_err *err)
{
	const struct io_spawn *s = r->s;
	AUTO_CLOSE int in = s->in_fd != 0 ? fcntl(s->in_fd, F_DUPFD_CLOEXEC, 3)
					  : open("/dev/null", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int out = -1;
	AUTO_CLOSE int errs = -1;

	if (in >= 0 && in < 3) {
		const int high = fcntl(in, F_DUPFD_CLOEXEC, 3);

		(void)close(in);
		in = high;
	}
	if (in < 0)
		return ss_fail_sys(err, "cannot start '%s'", file);
	if (s->out_fd != 0)
		out = fcntl(s->out_fd, F_DUPFD_CLOEXEC, 3);
	else if (open_pipe(&r->out, &out, err) < 0)
		return -1;
	if (out < 0)
		return ss_fail_sys(err, "cannot start '%s'", file);
	if (open_pipe(&r->err, &errs, err) < 0)
		return -1;
	return fork_it(r, file, (const int[3]){ in, out, errs }, err);
}

/* True once the program has ended; it stays a zombie, so that its group's number stays ours. */
static bool has_ended(const struct run *r)
{
	siginfo_t i;

	memset(&i, 0, sizeof(i));
	return waitid(P_PID, (id_t)r->pid, &i, WEXITED | WNOHANG | WNOWAIT) == 0 && i.si_pid != 0;
}

static void stop_group(struct run *r, uint64_t now)
{
	if (r->kill_at == 0) {
		(void)kill(-r->pid, SIGTERM);
		r->kill_at = now + IO_SPAWN_GRACE_MS;
	} else if (!r->killed && now >= r->kill_at) {
		(void)kill(-r->pid, SIGKILL);
		r->killed = true;
	}
}

/* What tidies up after a stop is not stopped itself. */
static void heed_stop(struct run *r)
{
	if (!r->s->tidying && io_stop_signal() != 0)
		r->stopped = true;
}

/* Until the program has ended and its streams are empty, or something else stops it. */
static void follow(struct run *r, int wake)
{
	const bool heed = !r->s->tidying;
	unsigned nap = 1;

	while (!has_ended(r)) {
		struct pollfd p[3] = { { .fd = r->out.fd, .events = POLLIN },
				       { .fd = r->err.fd, .events = POLLIN },
				       { .fd = heed && !r->stopped ? wake : -1,
					 .events = POLLIN } };
		/* With a stream open its end wakes us; without one we look now and then. */
		const bool open = r->out.fd >= 0 || r->err.fd >= 0;
		uint64_t now;

		nap = open ? 100 : nap < 100 ? nap * 2 : 100;
		(void)poll(p, 3, (int)nap);
		drain(r, &r->out);
		drain(r, &r->err);
		now = now_ms();
		heed_stop(r);
		if (now >= r->deadline && !r->stopped)
			r->timed_out = true;
		if (r->stopped || r->timed_out)
			stop_group(r, now);
	}
	/* However quickly it ended: whoever is told to stop starts nothing more. */
	heed_stop(r);
	/* What a grandchild in the background may print later is not waited for. */
	drain(r, &r->out);
	drain(r, &r->err);
	if (r->stopped || r->timed_out)
		(void)kill(-r->pid, SIGKILL);
}

static void close_stream(struct run *r, struct reader *d)
{
	if (d->n > 0)
		emit(r, d);
	if (d->fd >= 0)
		(void)close(ss_take_fd(&d->fd));
}

static void reap(struct run *r)
{
	int status = 0;

	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	r->exit.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_it(struct run *r, struct ss_err *err)
{
	const char *name = r->s->argv[0];
	AUTO_FREE char *file = io_spawn_find(name);
	int wake, rc;

	if (file == NULL && strchr(name, '/') == NULL)
		return ss_fail(err, SS_ESYS, "'%s' is not installed (not found in PATH)", name);
	if (file == NULL)
		return ss_fail(err, SS_ESYS, "'%s' is not a program", name);
	if (io_stop_watch(&wake, err) < 0)
		return -1;
	rc = start(r, file, err);
	if (rc == 0) {
		if (r->s->timeout_ms != 0)
			r->deadline = now_ms() + r->s->timeout_ms;
		follow(r, wake);
	}
	close_stream(r, &r->out);
	close_stream(r, &r->err);
	if (rc == 0)
		reap(r);
	io_stop_unwatch(); /* a signal that came ends us here */
	if (rc < 0)
		return -1;
	if (r->stopped)
		return ss_fail(err, SS_ESYS, "'%s': stopped by a signal", name);
	if (r->timed_out)
		return ss_fail(err, SS_ESYS, "'%s' did not end within %llu ms", name,
			       (unsigned long long)r->s->timeout_ms);
	return 0;
}

int io_spawn_run(const struct io_spawn *s, struct io_exit *ret, struct ss_err *err)
{
	AUTO_FREE struct run *r = ss_calloc(1, sizeof(*r));

	r->s = s;
	r->deadline = UINT64_MAX;
	r->out.fd = -1;
	r->err.fd = -1;
	r->err.from = IO_STDERR;
	if (run_it(r, err) < 0)
		return -1;
	*ret = r->exit;
	return 0;
}

int io_exit_check(const struct io_exit *e, const char *what, enum ss_code code, struct ss_err *err)
{
	if (e->status == 0)
		return 0;
	if (e->last[0] == '\0')
		return ss_fail(err, code, "'%s' failed with status %d", what, e->status);
	return ss_fail(err, code, "'%s' failed with status %d: %s", what, e->status, e->last);
}

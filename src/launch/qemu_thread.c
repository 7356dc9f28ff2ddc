/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/qemu_thread.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#define WORDS_MAX 256u

struct call {
	int fd;
	uint32_t port;
};

struct qemu_thread {
	struct qemu_thread_opts o;
	int calls[2]; /* a pipe of struct call; its end ends the thread */
	pthread_t thread;
	pthread_mutex_t lock;
	char device[SS_ERR_MSG_MAX]; /* why the device broke; guarded by lock */
	char words[WORDS_MAX];       /* QEMU's last line; guarded by lock */
	char line[WORDS_MAX];
	size_t n_line;
};

static void end_line(struct qemu_thread *t)
{
	if (t->n_line == 0)
		return;
	(void)pthread_mutex_lock(&t->lock);
	memcpy(t->words, t->line, t->n_line);
	t->words[t->n_line] = '\0';
	(void)pthread_mutex_unlock(&t->lock);
	t->n_line = 0;
}

/* False when QEMU has closed it. */
static bool read_words(struct qemu_thread *t)
{
	char block[1024];
	const ssize_t n = read(t->o.words_fd, block, sizeof(block));

	for (ssize_t i = 0; i < n; i++) {
		if (block[i] == '\n' || block[i] == '\r')
			end_line(t);
		else if (t->n_line < sizeof(t->line) - 1)
			t->line[t->n_line++] = block[i];
	}
	if (n == 0)
		end_line(t);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void give_up(struct qemu_thread *t, const struct ss_err *err)
{
	(void)pthread_mutex_lock(&t->lock);
	memcpy(t->device, err->msg, sizeof(t->device));
	(void)pthread_mutex_unlock(&t->lock);
	(void)syscall(SYS_pidfd_send_signal, t->o.pidfd, SIGKILL, NULL, 0);
}

/* False when there will be no more. */
static bool take_calls(struct qemu_thread *t)
{
	struct call calls[64];
	const ssize_t n = read(t->calls[0], calls, sizeof(calls));

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(calls[0]); i++)
		vhost_vsock_call(t->o.vsock, calls[i].fd, calls[i].port);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void *serve(void *ctx)
{
	struct qemu_thread *t = ctx;
	struct pollfd p[] = { { .fd = t->calls[0], .events = POLLIN },
			      { .fd = vhost_vsock_fd(t->o.vsock), .events = POLLIN },
			      { .fd = t->o.words_fd, .events = POLLIN },
			      { .fd = t->o.nsm != NULL ? vhost_nsm_fd(t->o.nsm) : -1,
				.events = POLLIN } };

	for (;;) {
		const int n = poll(p, SS_NELEMS(p), QEMU_TICK_MS);
		struct ss_err err = { 0 };
		bool ended;

		if (n == 0)
			vhost_vsock_tick(t->o.vsock);
		if (n <= 0)
			continue;
		if (p[0].revents != 0 && !take_calls(t))
			return NULL;
		if (p[1].revents != 0 && vhost_vsock_step(t->o.vsock, &ended, &err) < 0) {
			give_up(t, &err);
			p[1].fd = -1;
		}
		if (p[2].revents != 0 && !read_words(t))
			p[2].fd = -1;
		if (t->o.nsm != NULL && p[3].revents != 0 &&
		    vhost_nsm_step(t->o.nsm, &ended, &err) < 0) {
			give_up(t, &err);
			p[3].fd = -1;
		}
	}
}

int qemu_thread_start(const struct qemu_thread_opts *o, struct qemu_thread **ret,
		      struct ss_err *err)
{
	struct qemu_thread *t = ss_calloc(1, sizeof(*t));
	sigset_t all, old;
	int rc;

	t->o = *o;
	(void)pthread_mutex_init(&t->lock, NULL);
	if (pipe2(t->calls, O_CLOEXEC) != 0) {
		t->calls[0] = t->calls[1] = -1;
		qemu_thread_free(t);
		return ss_fail_sys(err, "cannot make a pipe");
	}
	(void)fcntl(t->calls[0], F_SETFL, O_NONBLOCK);
	/* Signals are for the thread that starts us. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&t->thread, NULL, serve, t);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0) {
		ss_closep(&t->calls[1]);
		t->calls[1] = -1;
		qemu_thread_free(t);
		errno = rc;
		return ss_fail_sys(err, "cannot start a thread");
	}
	*ret = t;
	return 0;
}

void qemu_thread_free(struct qemu_thread *t)
{
	if (t == NULL)
		return;
	if (t->calls[1] >= 0) {
		(void)close(t->calls[1]);
		(void)pthread_join(t->thread, NULL);
	}
	ss_closep(&t->calls[0]);
	vhost_vsock_free(t->o.vsock);
	vhost_nsm_free(t->o.nsm);
	ss_closep(&t->o.words_fd);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

void qemu_thread_call(struct qemu_thread *t, int fd, uint32_t port)
{
	const struct call c = { fd, port };
	ssize_t n;

	/* Waits at most for the thread to read, which never waits for anything. */
	do
		n = write(t->calls[1], &c, sizeof(c));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(c))
		(void)close(fd);
}

void qemu_thread_why(struct qemu_thread *t, char *ret, size_t size)
{
	(void)pthread_mutex_lock(&t->lock);
	(void)snprintf(ret, size, "%.200s", t->device[0] != '\0' ? t->device : t->words);
	(void)pthread_mutex_unlock(&t->lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "io/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

static const int watched[] = { SIGINT, SIGTERM, SIGHUP };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;                /* guarded by lock */
static bool ours[SS_NELEMS(watched)]; /* guarded by lock */
static int wake[2] = { -1, -1 };      /* written under lock while no handler is set */
static volatile sig_atomic_t noted;

static void note(int sig)
{
	const int saved = errno;

	noted = sig;
	(void)!write(wake[1], "", 1); /* never drained: every waiter sees it */
	errno = saved;
}

static int first_watch(struct ss_err *err)
{
	struct sigaction act = { .sa_handler = note };

	if (pipe(wake) < 0)
		return ss_fail_sys(err, "cannot make a pipe");
	for (int i = 0; i < 2; i++) {
		(void)fcntl(wake[i], F_SETFD, FD_CLOEXEC);
		(void)fcntl(wake[i], F_SETFL, O_NONBLOCK);
	}
	noted = 0;
	for (size_t i = 0; i < SS_NELEMS(watched); i++) {
		struct sigaction old = { 0 };

		(void)sigaction(watched[i], NULL, &old);
		ours[i] = (old.sa_flags & SA_SIGINFO) == 0 && old.sa_handler == SIG_DFL;
		if (ours[i])
			(void)sigaction(watched[i], &act, NULL);
	}
	return 0;
}

int io_stop_watch(int *ret_fd, struct ss_err *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&lock);
	if (users == 0)
		rc = first_watch(err);
	if (rc == 0) {
		users++;
		*ret_fd = wake[0];
	}
	(void)pthread_mutex_unlock(&lock);
	return rc;
}

static int last_unwatch(void)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };

	for (size_t i = 0; i < SS_NELEMS(watched); i++)
		if (ours[i])
			(void)sigaction(watched[i], &dfl, NULL);
	for (int i = 0; i < 2; i++) {
		(void)close(wake[i]);
		wake[i] = -1;
	}
	return noted;
}

void io_stop_unwatch(void)
{
	int sig = 0;

	(void)pthread_mutex_lock(&lock);
	if (--users == 0)
		sig = last_unwatch();
	(void)pthread_mutex_unlock(&lock);
	if (sig != 0)
		(void)kill(getpid(), sig);
}

int io_stop_signal(void)
{
	return noted;
}

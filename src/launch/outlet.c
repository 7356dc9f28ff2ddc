/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/outlet.h"

#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>

#define STUCK_S 5

struct piece {
	STAILQ_ENTRY(piece) list;
	enum outlet_to to;
	size_t n;
	uint8_t bytes[];
};
STAILQ_HEAD(piece_list, piece);

struct outlet {
	struct loop *loop;
	struct loop_fd io;
	outlet_news news;
	void *ctx;
	int fds[2];
	int wake; /* an eventfd for the loop */
	int quit; /* an eventfd for the thread */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t work;
	/* guarded by lock */
	struct piece_list pieces;
	size_t waiting; /* bytes */
	bool closed, full;
	int failed;
};

/* False: told to quit and it would have to wait, or the descriptor is broken (then errno). */
static bool write_piece(struct outlet *o, const struct piece *p, int *ret_error)
{
	size_t done = 0;

	*ret_error = 0;
	while (done < p->n) {
		struct pollfd w[2] = { { .fd = o->fds[p->to], .events = POLLOUT },
				       { .fd = o->quit, .events = POLLIN } };
		ssize_t n;

		if (poll(w, 2, -1) < 0)
			continue;
		if (w[1].revents != 0 && w[0].revents == 0)
			return false;
		/* So much a pipe that is writable takes without waiting. */
		n = write(o->fds[p->to], p->bytes + done,
			  p->n - done < PIPE_BUF ? p->n - done : PIPE_BUF);
		if (n < 0 && errno != EINTR && errno != EAGAIN) {
			*ret_error = errno;
			return false;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static void tell(const struct outlet *o)
{
	const uint64_t one = 1;

	if (write(o->wake, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

static void *work(void *ctx)
{
	struct outlet *o = ctx;

	(void)pthread_mutex_lock(&o->lock);
	for (;;) {
		struct piece *p = STAILQ_FIRST(&o->pieces);
		int error = 0;

		if (p == NULL && o->closed)
			break;
		if (p == NULL) {
			(void)pthread_cond_wait(&o->work, &o->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&o->pieces, list);
		(void)pthread_mutex_unlock(&o->lock);
		(void)write_piece(o, p, &error);
		(void)pthread_mutex_lock(&o->lock);
		o->waiting -= p->n;
		free(p);
		if (error != 0 && o->failed == 0)
			o->failed = error;
		if (error != 0 || STAILQ_EMPTY(&o->pieces) ||
		    (o->full && o->waiting < OUTLET_ROOM / 2))
			tell(o);
	}
	(void)pthread_mutex_unlock(&o->lock);
	return NULL;
}

static void on_wake(struct loop_fd *f, uint32_t events)
{
	struct outlet *o = LOOP_OWNER(f, struct outlet, io);
	uint64_t n;
	int failed;

	(void)events;
	if (read(f->fd, &n, sizeof(n)) < 0)
		return;
	(void)pthread_mutex_lock(&o->lock);
	failed = o->failed;
	o->full = o->waiting >= OUTLET_ROOM;
	(void)pthread_mutex_unlock(&o->lock);
	o->news(o->ctx, failed);
}

static int start(struct outlet *o, struct ss_err *err)
{
	sigset_t all, old;
	int rc;

	if (o->wake < 0 || o->quit < 0)
		return ss_fail_sys(err, "cannot wait for output");
	if (loop_add(o->loop, &o->io, EPOLLIN, err) < 0)
		return -1;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&o->thread, NULL, work, o);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	o->started = rc == 0;
	errno = rc;
	return rc == 0 ? 0 : ss_fail_sys(err, "cannot start a thread");
}

int outlet_new(struct loop *l, int out_fd, int err_fd, outlet_news news, void *ctx,
	       struct outlet **ret, struct ss_err *err)
{
	struct outlet *o = ss_calloc(1, sizeof(*o));

	o->loop = l;
	o->news = news;
	o->ctx = ctx;
	o->fds[OUTLET_OUT] = out_fd;
	o->fds[OUTLET_ERR] = err_fd;
	o->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	o->quit = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	o->io = (struct loop_fd){ .fd = o->wake, .on = on_wake };
	STAILQ_INIT(&o->pieces);
	(void)pthread_mutex_init(&o->lock, NULL);
	(void)pthread_cond_init(&o->work, NULL);
	if (start(o, err) < 0) {
		outlet_free(o, true);
		return -1;
	}
	*ret = o;
	return 0;
}

/* False: it is stuck in a write, to a stopped terminal for example. */
static bool join(struct outlet *o, bool now)
{
	const uint64_t one = 1;
	struct timespec limit = { 0 };

	if (!o->started)
		return true;
	if (!now)
		return pthread_join(o->thread, NULL) == 0;
	(void)!write(o->quit, &one, sizeof(one));
	(void)clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += STUCK_S;
	return pthread_timedjoin_np(o->thread, NULL, &limit) == 0;
}

void outlet_free(struct outlet *o, bool now)
{
	struct piece *p;

	if (o == NULL)
		return;
	loop_remove(o->loop, &o->io);
	(void)pthread_mutex_lock(&o->lock);
	o->closed = true;
	(void)pthread_cond_signal(&o->work);
	(void)pthread_mutex_unlock(&o->lock);
	if (!join(o, now))
		return; /* the thread still uses it; the program is about to end */
	while ((p = STAILQ_FIRST(&o->pieces)) != NULL) {
		STAILQ_REMOVE_HEAD(&o->pieces, list);
		free(p);
	}
	ss_closep(&o->wake);
	ss_closep(&o->quit);
	(void)pthread_cond_destroy(&o->work);
	(void)pthread_mutex_destroy(&o->lock);
	free(o);
}

void outlet_put(struct outlet *o, enum outlet_to to, struct ss_span s)
{
	struct piece *p;

	if (s.n == 0)
		return;
	p = ss_calloc(1, sizeof(*p) + s.n);
	p->to = to;
	p->n = s.n;
	memcpy(p->bytes, s.p, s.n);
	(void)pthread_mutex_lock(&o->lock);
	if (o->failed != 0 && to == OUTLET_OUT) {
		free(p);
	} else {
		STAILQ_INSERT_TAIL(&o->pieces, p, list);
		o->waiting += p->n;
		o->full = o->waiting >= OUTLET_ROOM;
		(void)pthread_cond_signal(&o->work);
	}
	(void)pthread_mutex_unlock(&o->lock);
}

bool outlet_is_full(struct outlet *o)
{
	bool full;

	(void)pthread_mutex_lock(&o->lock);
	full = o->full;
	(void)pthread_mutex_unlock(&o->lock);
	return full;
}

bool outlet_is_empty(struct outlet *o)
{
	bool empty;

	(void)pthread_mutex_lock(&o->lock);
	empty = o->waiting == 0;
	(void)pthread_mutex_unlock(&o->lock);
	return empty;
}

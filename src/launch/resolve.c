/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/resolve.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

struct resolve_job {
	TAILQ_ENTRY(resolve_job) list;
	char name[RESOLVE_MAX_NAME + 1];
	uint16_t port;
	void (*done)(void *ctx, const struct resolve_answer *a); /* the loop's thread only */
	void *ctx;
	struct resolve_answer answer;
};
TAILQ_HEAD(job_list, resolve_job);

/* What threads share; the last one out frees it. */
struct desk {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job_list waiting, answered;
	size_t n_jobs, n_waiting, n_threads, n_idle;
	unsigned users; /* threads, and the resolver */
	bool closed;
	int wake; /* an eventfd */
};

struct resolver {
	struct loop *loop;
	struct loop_fd io;
	struct desk *desk;
};

socklen_t resolve_addr_size(const union resolve_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

static void drop_jobs(struct job_list *l)
{
	struct resolve_job *j;

	while ((j = TAILQ_FIRST(l)) != NULL) {
		TAILQ_REMOVE(l, j, list);
		free(j);
	}
}

/* With the lock held, which is let go. */
static void leave(struct desk *d)
{
	const bool last = --d->users == 0;

	(void)pthread_mutex_unlock(&d->lock);
	if (!last)
		return;
	drop_jobs(&d->waiting);
	drop_jobs(&d->answered);
	(void)close(d->wake);
	(void)pthread_cond_destroy(&d->work);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
}

/* --- threads ------------------------------------------------------------------------------- */

static void look_up(struct resolve_job *j)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	if (getaddrinfo(j->name, NULL, &hints, &list) != 0)
		return;
	for (const struct addrinfo *a = list; a != NULL && j->answer.n < RESOLVE_MAX_ADDRS;
	     a = a->ai_next) {
		union resolve_addr *to = &j->answer.addrs[j->answer.n];

		if (a->ai_addrlen > sizeof(*to) ||
		    (a->ai_family != AF_INET && a->ai_family != AF_INET6))
			continue;
		memcpy(to, a->ai_addr, a->ai_addrlen);
		if (a->ai_family == AF_INET6)
			to->v6.sin6_port = htons(j->port);
		else
			to->v4.sin_port = htons(j->port);
		j->answer.n++;
	}
	freeaddrinfo(list);
}

static void *work(void *ctx)
{
	struct desk *d = ctx;
	const uint64_t one = 1;

	(void)pthread_mutex_lock(&d->lock);
	while (!d->closed) {
		struct resolve_job *j = TAILQ_FIRST(&d->waiting);

		if (j == NULL) {
			d->n_idle++;
			(void)pthread_cond_wait(&d->work, &d->lock);
			d->n_idle--;
			continue;
		}
		TAILQ_REMOVE(&d->waiting, j, list);
		d->n_waiting--;
		(void)pthread_mutex_unlock(&d->lock);
		look_up(j);
		(void)pthread_mutex_lock(&d->lock);
		TAILQ_INSERT_TAIL(&d->answered, j, list);
		if (write(d->wake, &one, sizeof(one)) < 0)
			continue; /* it is readable already */
	}
	leave(d);
	return NULL;
}

/* With the lock held. Without a new thread an old one takes the job later. */
static bool add_thread(struct desk *d)
{
	pthread_t thread;
	pthread_attr_t attr;
	sigset_t all, old;
	bool good;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	good = pthread_create(&thread, &attr, work, d) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	d->users += good;
	d->n_threads += good;
	return good;
}

/* --- the loop's side ------------------------------------------------------------------------- */

static struct resolve_job *next_answer(struct desk *d)
{
	struct resolve_job *j;

	(void)pthread_mutex_lock(&d->lock);
	j = TAILQ_FIRST(&d->answered);
	if (j != NULL) {
		TAILQ_REMOVE(&d->answered, j, list);
		d->n_jobs--;
	}
	(void)pthread_mutex_unlock(&d->lock);
	return j;
}

static void on_wake(struct loop_fd *f, uint32_t events)
{
	struct resolver *r = LOOP_OWNER(f, struct resolver, io);
	struct resolve_job *j;
	uint64_t n;

	(void)events;
	if (read(f->fd, &n, sizeof(n)) < 0)
		return;
	while ((j = next_answer(r->desk)) != NULL) {
		if (j->done != NULL)
			j->done(j->ctx, &j->answer);
		free(j);
	}
}

int resolver_new(struct loop *l, struct resolver **ret, struct ss_err *err)
{
	struct resolver *r = ss_calloc(1, sizeof(*r));
	struct desk *d = ss_calloc(1, sizeof(*d));

	(void)pthread_mutex_init(&d->lock, NULL);
	(void)pthread_cond_init(&d->work, NULL);
	TAILQ_INIT(&d->waiting);
	TAILQ_INIT(&d->answered);
	d->users = 1;
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->loop = l;
	r->desk = d;
	r->io = (struct loop_fd){ .fd = d->wake, .on = on_wake };
	if (d->wake < 0 || loop_add(l, &r->io, EPOLLIN, err) < 0) {
		resolver_free(r);
		return ss_fail_sys(err, "cannot wait for names");
	}
	*ret = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	loop_remove(r->loop, &r->io);
	(void)pthread_mutex_lock(&r->desk->lock);
	r->desk->closed = true;
	(void)pthread_cond_broadcast(&r->desk->work);
	leave(r->desk);
	free(r);
}

struct resolve_job *resolver_ask(struct resolver *r, struct ss_span name, uint16_t port,
				 void (*done)(void *ctx, const struct resolve_answer *a), void *ctx)
{
	struct desk *d = r->desk;
	struct resolve_job *j = NULL;

	assert(name.n > 0 && name.n <= RESOLVE_MAX_NAME);
	(void)pthread_mutex_lock(&d->lock);
	if (d->n_jobs < RESOLVE_MAX_JOBS &&
	    (d->n_idle > d->n_waiting || d->n_threads == RESOLVE_THREADS || add_thread(d) ||
	     d->n_threads > 0)) {
		j = ss_calloc(1, sizeof(*j));
		memcpy(j->name, name.p, name.n);
		j->port = port;
		j->done = done;
		j->ctx = ctx;
		TAILQ_INSERT_TAIL(&d->waiting, j, list);
		d->n_jobs++;
		d->n_waiting++;
		(void)pthread_cond_signal(&d->work);
	}
	(void)pthread_mutex_unlock(&d->lock);
	return j;
}

void resolver_cancel(struct resolve_job *j)
{
	/* `done` is read by this thread only, so the job can stay where it is. */
	if (j != NULL)
		j->done = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_state.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define STEP_IDLE_S 3600 /* a step may keep a connection for as long as a compiler runs */
#define THREAD_STACK ((size_t)1 << 20)

static void *run(void *ctx)
{
	struct rec_conn *c = ctx;
	struct recorder *r = c->r;
	const int fd = c->fd;
	sigset_t pipe_only;

	/* Nobody but us asks libssl to write: it has no way to leave the signal out. */
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	rec_must(pthread_sigmask(SIG_BLOCK, &pipe_only, NULL));
	r->serve(c);
	rec_tls_free(c->tls);
	ss_buf_done(&c->in);
	free(c->origin);
	free(c->where);
	free(c);
	rec_must(pthread_mutex_lock(&r->lock));
	for (size_t i = 0; i < REC_CONNECTIONS_MAX; i++)
		if (r->slots[i].state == REC_SLOT_RUNNING && r->slots[i].fd == fd)
			r->slots[i].state = REC_SLOT_OVER;
	(void)close(fd); /* under the lock: its number may be another's at once */
	r->n_open--;
	rec_must(pthread_cond_broadcast(&r->gone));
	rec_must(pthread_mutex_unlock(&r->lock));
	return NULL;
}

/* Those that are over have let go of the lock: they wait for nobody. */
static void join_over(struct recorder *r)
{
	for (size_t i = 0; i < REC_CONNECTIONS_MAX; i++)
		if (r->slots[i].state == REC_SLOT_OVER) {
			rec_must(pthread_join(r->slots[i].thread, NULL));
			r->slots[i].state = REC_SLOT_FREE;
		}
}

/* A slot when there is one; NULL at the end. The lock is held. */
static struct rec_slot *find_slot(struct recorder *r)
{
	while (r->n_open == REC_CONNECTIONS_MAX && !rec_is_stopping(r))
		rec_must(pthread_cond_wait(&r->gone, &r->lock));
	join_over(r);
	for (size_t i = 0; i < REC_CONNECTIONS_MAX; i++)
		if (r->slots[i].state == REC_SLOT_FREE)
			return rec_is_stopping(r) ? NULL : &r->slots[i];
	return NULL;
}

static bool start_thread(struct rec_slot *s, struct rec_conn *c)
{
	pthread_attr_t attr;
	int rc;

	rec_must(pthread_attr_init(&attr));
	rec_must(pthread_attr_setstacksize(&attr, THREAD_STACK));
	rc = pthread_create(&s->thread, &attr, run, c);
	rec_must(pthread_attr_destroy(&attr));
	return rc == 0;
}

void rec_patience(int fd)
{
	const struct timeval idle = { .tv_sec = STEP_IDLE_S };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof(idle));
}

static struct rec_conn *conn_new(struct recorder *r, int fd, size_t step, bool led)
{
	struct rec_conn *c = ss_calloc(1, sizeof(*c));

	*c = (struct rec_conn){ .r = r,
				.fd = fd,
				.step = step,
				.led = led,
				.in = SS_BUF_INIT((size_t)2 * REC_HEAD_MAX) };
	rec_patience(fd);
	return c;
}

/* The lock is held: the thread cannot leave its slot before it is free. The connection is the
 * thread's from its first moment, and may be freed at once. */
static bool start(struct recorder *r, struct rec_slot *slot, struct rec_conn *c)
{
	const int fd = c->fd;

	if (slot == NULL || !start_thread(slot, c))
		return false;
	slot->state = REC_SLOT_RUNNING;
	slot->fd = fd;
	r->n_open++;
	return true;
}

static void drop(struct rec_conn *c)
{
	(void)close(c->fd);
	free(c->origin);
	free(c);
}

void rec_begin(struct recorder *r, int fd, size_t step, bool led)
{
	struct rec_conn *c = conn_new(r, fd, step, led);

	rec_must(pthread_mutex_lock(&r->lock));
	if (!start(r, find_slot(r), c))
		drop(c);
	rec_must(pthread_mutex_unlock(&r->lock));
}

bool rec_begin_part(const struct rec_conn *whole, int fd)
{
	struct recorder *r = whole->r;
	struct rec_conn *c = conn_new(r, fd, whole->step, whole->led);
	bool ok;

	c->part = true;
	cfg_text_set(&c->origin, whole->origin);
	rec_must(pthread_mutex_lock(&r->lock));
	/* Never waits: those who hold the slots may be waiting like us. */
	ok = r->n_open < REC_CONNECTIONS_MAX && start(r, find_slot(r), c);
	if (!ok)
		drop(c);
	rec_must(pthread_mutex_unlock(&r->lock));
	return ok;
}

void rec_slots_end(struct recorder *r)
{
	rec_must(pthread_mutex_lock(&r->lock));
	for (size_t i = 0; i < REC_CONNECTIONS_MAX; i++)
		if (r->slots[i].state == REC_SLOT_RUNNING)
			(void)shutdown(r->slots[i].fd, SHUT_RDWR);
	while (r->n_open > 0)
		rec_must(pthread_cond_wait(&r->gone, &r->lock));
	join_over(r);
	rec_must(pthread_mutex_unlock(&r->lock));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "io/fan.h"

#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

struct slot {
	uint8_t *p;
	size_t n;
};

struct worker {
	struct io_fan *fan;
	struct io_consumer c;
	pthread_t thread;
	uint64_t done; /* chunks consumed; guarded by fan->lock */
};

struct io_fan {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	pthread_cond_t drained;
	struct slot slots[IO_FAN_CHUNKS];
	struct worker workers[IO_FAN_MAX];
	size_t n_workers;
	uint64_t pushed; /* chunks handed on; guarded by lock */
	size_t part;     /* bytes already in the chunk being filled by io_fan_put() */
	uint8_t *room;   /* that chunk, or NULL */
	bool ended;
	bool failed;
	struct ss_err err;
};

/* True with a chunk to work on, false when there will be no more. */
static bool next_chunk(struct worker *w, struct ss_span *ret)
{
	struct io_fan *f = w->fan;
	bool got = false;

	(void)pthread_mutex_lock(&f->lock);
	while (w->done == f->pushed && !f->ended && !f->failed)
		(void)pthread_cond_wait(&f->filled, &f->lock);
	if (!f->failed && w->done < f->pushed) {
		const struct slot *s = &f->slots[w->done % IO_FAN_CHUNKS];

		*ret = (struct ss_span){ s->p, s->n };
		got = true;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return got;
}

static void chunk_done(struct worker *w, int rc, const struct ss_err *err)
{
	struct io_fan *f = w->fan;

	(void)pthread_mutex_lock(&f->lock);
	w->done++;
	if (rc < 0 && !f->failed) {
		f->failed = true;
		f->err = *err;
		(void)pthread_cond_broadcast(&f->filled);
	}
	(void)pthread_cond_signal(&f->drained);
	(void)pthread_mutex_unlock(&f->lock);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct ss_span chunk;

	while (next_chunk(w, &chunk)) {
		struct ss_err err = { 0 };
		const int rc = chunk.n > 0 ? w->c.put(w->c.ctx, chunk, &err) : 0;

		chunk_done(w, rc, &err);
	}
	return NULL;
}

static void join_and_free(struct io_fan *f)
{
	for (size_t i = 0; i < f->n_workers; i++)
		(void)pthread_join(f->workers[i].thread, NULL);
	for (size_t i = 0; i < IO_FAN_CHUNKS; i++)
		free(f->slots[i].p);
	(void)pthread_mutex_destroy(&f->lock);
	(void)pthread_cond_destroy(&f->filled);
	(void)pthread_cond_destroy(&f->drained);
	free(f);
}

int io_fan_open(const struct io_consumer *consumers, size_t n, struct io_fan **ret,
		struct ss_err *err)
{
	struct io_fan *f = ss_calloc(1, sizeof(*f));

	assert(n > 0 && n <= IO_FAN_MAX);
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->filled, NULL);
	(void)pthread_cond_init(&f->drained, NULL);
	for (size_t i = 0; i < IO_FAN_CHUNKS; i++)
		f->slots[i].p = ss_calloc(IO_FAN_CHUNK_SIZE, 1);
	for (size_t i = 0; i < n; i++) {
		struct worker *w = &f->workers[i];

		*w = (struct worker){ .fan = f, .c = consumers[i] };
		if (pthread_create(&w->thread, NULL, work, w) != 0) {
			io_fan_abort(f);
			return ss_fail(err, SS_ESYS, "cannot start a thread");
		}
		f->n_workers++;
	}
	*ret = f;
	return 0;
}

static uint64_t slowest(const struct io_fan *f)
{
	uint64_t least = f->pushed;

	for (size_t i = 0; i < f->n_workers; i++)
		if (f->workers[i].done < least)
			least = f->workers[i].done;
	return least;
}

uint8_t *io_fan_room(struct io_fan *f)
{
	uint8_t *room = NULL;

	(void)pthread_mutex_lock(&f->lock);
	while (!f->failed && f->pushed - slowest(f) >= IO_FAN_CHUNKS)
		(void)pthread_cond_wait(&f->drained, &f->lock);
	if (!f->failed)
		room = f->slots[f->pushed % IO_FAN_CHUNKS].p;
	(void)pthread_mutex_unlock(&f->lock);
	return room;
}

void io_fan_push(struct io_fan *f, size_t n)
{
	assert(n <= IO_FAN_CHUNK_SIZE);
	(void)pthread_mutex_lock(&f->lock);
	f->slots[f->pushed % IO_FAN_CHUNKS].n = n;
	f->pushed++;
	(void)pthread_cond_broadcast(&f->filled);
	(void)pthread_mutex_unlock(&f->lock);
}

static void flush_part(struct io_fan *f)
{
	if (f->room != NULL && f->part > 0)
		io_fan_push(f, f->part);
	f->room = NULL;
	f->part = 0;
}

uint8_t *io_fan_tail(struct io_fan *f, size_t *ret_n)
{
	if (f->room == NULL)
		f->room = io_fan_room(f);
	if (f->room == NULL)
		return NULL;
	*ret_n = IO_FAN_CHUNK_SIZE - f->part;
	return f->room + f->part;
}

void io_fan_advance(struct io_fan *f, size_t n)
{
	assert(f->room != NULL && n <= IO_FAN_CHUNK_SIZE - f->part);
	f->part += n;
	if (f->part == IO_FAN_CHUNK_SIZE)
		flush_part(f);
}

int io_fan_put(struct io_fan *f, struct ss_span s)
{
	while (s.n > 0) {
		size_t n;
		uint8_t *p = io_fan_tail(f, &n);

		if (p == NULL)
			return -1;
		n = n < s.n ? n : s.n;
		memcpy(p, s.p, n);
		io_fan_advance(f, n);
		s.p += n;
		s.n -= n;
	}
	return 0;
}

int io_fan_close(struct io_fan *f, struct ss_err *err)
{
	int rc = 0;

	flush_part(f);
	(void)pthread_mutex_lock(&f->lock);
	f->ended = true;
	(void)pthread_cond_broadcast(&f->filled);
	(void)pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < f->n_workers; i++)
		(void)pthread_join(f->workers[i].thread, NULL);
	f->n_workers = 0;
	if (f->failed) {
		*err = f->err;
		rc = -1;
	}
	join_and_free(f);
	return rc;
}

void io_fan_abort(struct io_fan *f)
{
	if (f == NULL)
		return;
	(void)pthread_mutex_lock(&f->lock);
	f->failed = true;
	(void)pthread_cond_broadcast(&f->filled);
	(void)pthread_mutex_unlock(&f->lock);
	join_and_free(f);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "record/recorder.h"

#include "base/hex.h"
#include "base/show.h"
#include "record/rec_parts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ALIASES_MAX 4096u
#define REFUSED_MAX 1024u /* kinds; more are told each time */
#define STEP_IDLE_S 3600  /* a step may keep a connection for as long as a compiler runs */
#define THREAD_STACK ((size_t)1 << 20)

struct alias {
	char *plain;
	char *real;
};

/* A connection and its thread. */
struct slot {
	enum { FREE, RUNNING, OVER } state; /* OVER: to be joined */
	int fd;
	pthread_t thread;
};

/* What was refused, and how often. */
struct refusal {
	char *line;
	uint64_t n;
};

/* A step and what it asked for. */
struct place {
	bool taken;
	struct rec_step *step;
	struct rec_counts counts;
};

struct recorder {
	const struct rec_config *config;
	struct rec_names *names;
	struct rec_tape *tape;
	struct rec_authority *authority;
	int listen_fd;
	int wake[2]; /* a byte: stop */
	atomic_bool stopping;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t gone;
	struct slot slots[REC_CONNECTIONS_MAX];
	size_t n_open; /* connections */
	struct alias *aliases;
	size_t n_aliases;
	struct refusal *refused;
	size_t n_refused;
	struct place steps[REC_STEPS_MAX];
};

static void must(int rc)
{
	assert(rc == 0);
	(void)rc;
}

const struct rec_config *rec_config_of(const struct recorder *r)
{
	return r->config;
}

struct rec_tape *rec_tape_of(const struct recorder *r)
{
	return r->tape;
}

const struct rec_authority *rec_authority_of(const struct recorder *r)
{
	return r->authority;
}

struct rec_names *rec_names_in(const struct recorder *r)
{
	return r->names;
}

bool rec_is_stopping(const struct recorder *r)
{
	return atomic_load(&r->stopping);
}

void rec_tell(struct recorder *r, const struct rec_request *q, const char *why)
{
	char line[SS_ERR_MSG_MAX + 512];

	if (r->config->problem == NULL)
		return;
	if (q->plain.n > 0)
		(void)snprintf(line, sizeof(line), "%s %.400s: %s", q->method,
			       (const char *)q->plain.p, why);
	else
		(void)snprintf(line, sizeof(line), "%s", why);
	must(pthread_mutex_lock(&r->lock));
	r->config->problem(r->config->ctx, line);
	must(pthread_mutex_unlock(&r->lock));
}

void rec_refused(struct recorder *r, const char *line)
{
	struct refusal *f = NULL;

	must(pthread_mutex_lock(&r->lock));
	for (size_t i = 0; f == NULL && i < r->n_refused; i++)
		if (strcmp(r->refused[i].line, line) == 0)
			f = &r->refused[i];
	if (f == NULL && r->n_refused < REFUSED_MAX) {
		if (r->refused == NULL)
			r->refused = ss_calloc(REFUSED_MAX, sizeof(*r->refused));
		r->refused[r->n_refused] = (struct refusal){ ss_copy(line), 1 };
		r->n_refused++;
		f = NULL;
	}
	if (f != NULL)
		f->n++;
	else if (r->config->problem != NULL)
		r->config->problem(r->config->ctx, line);
	must(pthread_mutex_unlock(&r->lock));
}

/* What happened more than once, at the end. */
static void tell_refused(struct recorder *r)
{
	char line[SS_ERR_MSG_MAX + 512];

	for (size_t i = 0; i < r->n_refused; i++) {
		(void)snprintf(line, sizeof(line), "%s (%" PRIu64 " times)", r->refused[i].line,
			       r->refused[i].n);
		if (r->refused[i].n > 1 && r->config->problem != NULL)
			r->config->problem(r->config->ctx, line);
	}
}

/* --- what is counted -----------------------------------------------------------------------------
 */

void rec_count(const struct rec_conn *c, uint64_t bytes, bool cached)
{
	struct rec_counts *k;

	if (c->step >= REC_STEPS_MAX)
		return;
	must(pthread_mutex_lock(&c->r->lock));
	k = &c->r->steps[c->step].counts;
	k->requests++;
	k->bytes += bytes;
	k->cached += cached;
	must(pthread_mutex_unlock(&c->r->lock));
}

void rec_count_refusal(struct recorder *r, size_t step)
{
	if (step >= REC_STEPS_MAX)
		return;
	must(pthread_mutex_lock(&r->lock));
	r->steps[step].counts.failed++;
	must(pthread_mutex_unlock(&r->lock));
}

void rec_count_failure(const struct rec_conn *c)
{
	rec_count_refusal(c->r, c->step);
}

/* --- redirects to secrets ------------------------------------------------------------------------
 */

static struct alias *find_alias(struct recorder *r, const char *plain)
{
	for (size_t i = r->n_aliases; i > 0; i--)
		if (strcmp(r->aliases[i - 1].plain, plain) == 0)
			return &r->aliases[i - 1];
	return NULL;
}

void rec_alias_add(struct recorder *r, const char *plain, const char *real)
{
	struct alias *a;

	must(pthread_mutex_lock(&r->lock));
	a = find_alias(r, plain);
	if (a == NULL && r->n_aliases < ALIASES_MAX) {
		if ((r->n_aliases & (r->n_aliases - 1)) == 0)
			r->aliases = ss_reallocarray(r->aliases,
						     r->n_aliases == 0 ? 1 : 2 * r->n_aliases,
						     sizeof(*r->aliases));
		a = &r->aliases[r->n_aliases++];
		*a = (struct alias){ 0 };
		cfg_text_set(&a->plain, plain);
	}
	if (a != NULL)
		cfg_text_set(&a->real, real);
	must(pthread_mutex_unlock(&r->lock));
}

bool rec_alias_find(struct recorder *r, const char *plain, struct ss_buf *ret)
{
	const struct alias *a;

	must(pthread_mutex_lock(&r->lock));
	a = find_alias(r, plain);
	if (a != NULL)
		ss_buf_put(ret, (struct ss_span){ (const uint8_t *)a->real, strlen(a->real) + 1 });
	must(pthread_mutex_unlock(&r->lock));
	return a != NULL;
}

/* --- playing -------------------------------------------------------------------------------------
 */

static bool refuse(struct rec_conn *c, const struct rec_request *q, unsigned status,
		   const char *why)
{
	rec_tell(c->r, q, why);
	rec_count_failure(c);
	return rec_send_refusal(c, q, status, why);
}

static bool play_body(struct rec_conn *c, struct rec_request *q, const struct cfg_input *in)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	struct ss_err err = { 0 };
	enum rec_found found = REC_MISSING;
	AUTO_CLOSE int fd = -1;
	uint64_t size = 0;
	char line[256];

	if (!ss_unhex(in->sha256, hash, sizeof(hash)))
		return refuse(c, q, 502, "the lock's entry has no hash");
	if (rec_store_get(c->r->config->store, hash, &found, &fd, &size, &err) < 0)
		return refuse(c, q, 502, err.msg);
	if (found != REC_WHOLE && c->r->config->fetch_missing)
		return rec_fetch_again(c, q, in);
	if (found != REC_WHOLE || size != in->size) {
		(void)snprintf(line, sizeof(line), "%s in the store of inputs: %s",
			       found == REC_MISSING ? "not"
			       : found == REC_WHOLE ? "of another size"
						    : "damaged",
			       in->sha256);
		return refuse(c, q, 502, line);
	}
	rec_count(c, in->size, true);
	return rec_send_answer(c, q, in, fd);
}

static bool play(struct rec_conn *c, struct rec_request *q)
{
	const struct rec_id id = { q->method, (const char *)q->plain.p,
				   q->key[0] != '\0' ? q->key : NULL };
	const struct cfg_input *in = rec_tape_play(c->r->tape, &id);

	if (in == NULL && c->r->config->more)
		return rec_record(c, q);
	if (in == NULL)
		return refuse(c, q, 403, "not in the lock: this was never fetched while recording");
	if (in->sha256 == NULL || in->size == 0) {
		rec_count(c, 0, true);
		return rec_send_answer(c, q, in, -1);
	}
	return play_body(c, q, in);
}

/* --- connections ---------------------------------------------------------------------------------
 */

static bool serve_one(struct rec_conn *c)
{
	SS_CLEANUP(rec_request_done)
	struct rec_request q = {
		.raw = SS_BUF_INIT(REC_HEAD_MAX),
		.real = SS_BUF_INIT(REC_URL_ROOM),
		.plain = SS_BUF_INIT(REC_URL_ROOM),
		.body_fd = -1,
	};
	struct ss_err err = { 0 };
	int rc;

	if (c->tls != NULL && rec_tls_is_h2(c->tls)) {
		rec_h2_serve(c);
		return false;
	}
	rc = rec_request_read(c, &q, &err);
	if (rc == REC_ENDED)
		return false;
	if (rc == REC_CONNECT)
		return rec_connect(c, &q);
	if (rc < 0) {
		q.head.keep = false;
		rec_tell(c->r, &q, err.msg);
		rec_count_failure(c);
		return rec_send_refusal(c, &q, q.method[0] != '\0' ? 403 : 400, err.msg) &&
		       q.head.keep;
	}
	return (c->r->config->play ? play(c, &q) : rec_record(c, &q)) && q.head.keep;
}

static void *serve(void *ctx)
{
	struct rec_conn *c = ctx;
	struct recorder *r = c->r;
	const int fd = c->fd;
	sigset_t pipe_only;

	/* Nobody but us asks libssl to write: it has no way to leave the signal out. */
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	must(pthread_sigmask(SIG_BLOCK, &pipe_only, NULL));
	if (!c->led || c->part || rec_led(c))
		while (!rec_is_stopping(r) && serve_one(c))
			continue;
	rec_tls_free(c->tls);
	ss_buf_done(&c->in);
	free(c->origin);
	free(c->where);
	free(c);
	must(pthread_mutex_lock(&r->lock));
	for (size_t i = 0; i < REC_CONNECTIONS_MAX; i++)
		if (r->slots[i].state == RUNNING && r->slots[i].fd == fd)
			r->slots[i].state = OVER;
	(void)close(fd); /* under the lock: its number may be another's at once */
	r->n_open--;
	must(pthread_cond_broadcast(&r->gone));
	must(pthread_mutex_unlock(&r->lock));
	return NULL;
}

/* Those that are over have let go of the lock: they wait for nobody. */
static void join_over(struct recorder *r)
{
	for (size_t i = 0; i < REC_CONNECTIONS_MAX; i++)
		if (r->slots[i].state == OVER) {
			must(pthread_join(r->slots[i].thread, NULL));
			r->slots[i].state = FREE;
		}
}

/* A slot when there is one; NULL at the end. The lock is held. */
static struct slot *find_slot(struct recorder *r)
{
	while (r->n_open == REC_CONNECTIONS_MAX && !rec_is_stopping(r))
		must(pthread_cond_wait(&r->gone, &r->lock));
	join_over(r);
	for (size_t i = 0; i < REC_CONNECTIONS_MAX; i++)
		if (r->slots[i].state == FREE)
			return rec_is_stopping(r) ? NULL : &r->slots[i];
	return NULL;
}

static bool start_thread(struct slot *s, struct rec_conn *c)
{
	pthread_attr_t attr;
	int rc;

	must(pthread_attr_init(&attr));
	must(pthread_attr_setstacksize(&attr, THREAD_STACK));
	rc = pthread_create(&s->thread, &attr, serve, c);
	must(pthread_attr_destroy(&attr));
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

/* The lock is held: the thread cannot end before it is free. */
static bool start(struct recorder *r, struct slot *slot, struct rec_conn *c)
{
	if (slot == NULL || !start_thread(slot, c))
		return false;
	slot->state = RUNNING;
	slot->fd = c->fd;
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

	must(pthread_mutex_lock(&r->lock));
	if (!start(r, find_slot(r), c))
		drop(c);
	must(pthread_mutex_unlock(&r->lock));
}

bool rec_begin_part(const struct rec_conn *whole, int fd)
{
	struct recorder *r = whole->r;
	struct rec_conn *c = conn_new(r, fd, whole->step, whole->led);
	bool ok;

	c->part = true;
	cfg_text_set(&c->origin, whole->origin);
	must(pthread_mutex_lock(&r->lock));
	/* Never waits: those who hold the slots may be waiting like us. */
	ok = r->n_open < REC_CONNECTIONS_MAX && start(r, find_slot(r), c);
	if (!ok)
		drop(c);
	must(pthread_mutex_unlock(&r->lock));
	return ok;
}

static void *listen_all(void *ctx)
{
	struct recorder *r = ctx;

	while (!rec_is_stopping(r)) {
		struct pollfd p[] = { { r->listen_fd, POLLIN, 0 }, { r->wake[0], POLLIN, 0 } };
		int fd;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents != 0)
			break;
		fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			rec_begin(r, fd, REC_STEPS_MAX, false);
		else if (errno == EMFILE || errno == ENFILE)
			(void)poll(&p[1], 1, 100); /* until one of them ends */
	}
	return NULL;
}

/* --- steps ---------------------------------------------------------------------------------------
 */

int recorder_step_begin(struct recorder *r, const int doors[IO_DOORS], size_t *ret_step,
			struct ss_err *err)
{
	struct rec_step *s;
	size_t at = 0;

	must(pthread_mutex_lock(&r->lock));
	while (at < REC_STEPS_MAX && r->steps[at].taken)
		at++;
	if (at < REC_STEPS_MAX)
		r->steps[at] = (struct place){ .taken = true };
	must(pthread_mutex_unlock(&r->lock));
	if (at == REC_STEPS_MAX) {
		for (size_t i = 0; i < IO_DOORS; i++)
			ss_closep(&doors[i]);
		return ss_fail(err, SS_ELIMIT, "more than %u steps at a time", REC_STEPS_MAX);
	}
	s = rec_step_new(r, at, doors, err);
	must(pthread_mutex_lock(&r->lock));
	r->steps[at].step = s;
	r->steps[at].taken = s != NULL;
	must(pthread_mutex_unlock(&r->lock));
	*ret_step = at;
	return s != NULL ? 0 : -1;
}

void recorder_step_end(struct recorder *r, size_t step, struct rec_counts *ret)
{
	struct rec_step *s;

	assert(step < REC_STEPS_MAX);
	must(pthread_mutex_lock(&r->lock));
	s = r->steps[step].step;
	r->steps[step].step = NULL;
	must(pthread_mutex_unlock(&r->lock));
	rec_step_free(s); /* without the lock: its thread may want it */
	must(pthread_mutex_lock(&r->lock));
	*ret = r->steps[step].counts;
	r->steps[step].taken = false;
	must(pthread_mutex_unlock(&r->lock));
}

/* --- the whole -----------------------------------------------------------------------------------
 */

static void release(struct recorder *r)
{
	rec_tape_free(r->tape);
	rec_authority_free(r->authority);
	ss_closep(&r->listen_fd);
	ss_closep(&r->wake[0]);
	ss_closep(&r->wake[1]);
	for (size_t i = 0; i < r->n_aliases; i++) {
		free(r->aliases[i].plain);
		free(r->aliases[i].real);
	}
	free(r->aliases);
	for (size_t i = 0; i < r->n_refused; i++)
		free(r->refused[i].line);
	free(r->refused);
	rec_names_free(r->names);
	must(pthread_mutex_destroy(&r->lock));
	must(pthread_cond_destroy(&r->gone));
	free(r);
}

int recorder_start(const struct rec_config *c, int listen_fd, struct recorder **ret,
		   struct ss_err *err)
{
	struct recorder *r = ss_calloc(1, sizeof(*r));

	r->config = c;
	r->listen_fd = listen_fd;
	r->wake[0] = r->wake[1] = -1;
	must(pthread_mutex_init(&r->lock, NULL));
	must(pthread_cond_init(&r->gone, NULL));
	r->tape = c->play ? rec_tape_load(c->inputs) : rec_tape_new();
	r->names = rec_names_new();
	r->authority = rec_authority_new(err);
	if (r->authority == NULL) {
		release(r);
		return -1;
	}
	if (pipe2(r->wake, O_CLOEXEC) < 0) {
		(void)ss_fail_sys(err, "cannot make a pipe");
		release(r);
		return -1;
	}
	if (pthread_create(&r->thread, NULL, listen_all, r) != 0) {
		(void)ss_fail(err, SS_ESYS, "cannot start a thread");
		release(r);
		return -1;
	}
	*ret = r;
	return 0;
}

int recorder_certificate(const struct recorder *r, struct ss_buf *ret, struct ss_err *err)
{
	return rec_authority_pem(r->authority, ret, err);
}

int recorder_key_store(const struct recorder *r, struct ss_buf *ret, struct ss_err *err)
{
	return rec_authority_jks(r->authority, ret, err);
}

int recorder_stop(struct recorder *r, struct cfg_list *ret, struct ss_err *err)
{
	struct rec_counts counts;
	int rc = 0;

	must(pthread_mutex_lock(&r->lock));
	atomic_store(&r->stopping, true);
	must(pthread_cond_broadcast(&r->gone));
	must(pthread_mutex_unlock(&r->lock));
	(void)!write(r->wake[1], "x", 1);
	must(pthread_join(r->thread, NULL));
	for (size_t i = 0; i < REC_STEPS_MAX; i++)
		recorder_step_end(r, i, &counts);
	must(pthread_mutex_lock(&r->lock));
	for (size_t i = 0; i < REC_CONNECTIONS_MAX; i++)
		if (r->slots[i].state == RUNNING)
			(void)shutdown(r->slots[i].fd, SHUT_RDWR);
	while (r->n_open > 0)
		must(pthread_cond_wait(&r->gone, &r->lock));
	join_over(r);
	must(pthread_mutex_unlock(&r->lock));
	tell_refused(r);
	*ret = (struct cfg_list){ 0 };
	if (!r->config->play || r->config->more)
		rc = rec_tape_list(r->tape, ret, err);
	release(r);
	return rc;
}

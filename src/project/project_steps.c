/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/text.h"
#include "hermetic/step_net.h"
#include "io/atomic.h"
#include "io/cache.h"
#include "io/file.h"
#include "io/hand.h"
#include "io/stop.h"
#include "project/paths.h"
#include "project/steps.h"
#include "record/recorder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NO_STEP SIZE_MAX
#define LEVEL_MAX ((size_t)64 * 1024 * 1024) /* of what a supervisor tells */
#define SHOWN 60                             /* bytes of what a step runs */

struct project_steps {
	const struct project_plan *plan;
	int64_t now;
	uint32_t clock;
	struct ss_progress *progress;
	struct hm_view view;
	struct rec_store store;
	struct rec_config config;
	struct recorder *recorder;
	struct cfg_list inputs;
	struct ss_buf pem;     /* the recorder's certificate */
	struct io_private dir; /* the doors' socket, the certificate */
	int listen_fd;
	int wake[2];
	bool running;
	bool watching; /* a signal ends us when all is tidied up */
	pthread_t thread;
	/* --- of the thread --- */
	size_t engine; /* that itself, which is there to the end; NO_STEP = it fetches nothing here
			*/
	size_t open;   /* the step that has begun; NO_STEP = none */
	struct cfg_list levels; /* of those that ended: [[step]] */
	struct project_written written;
	unsigned nth; /* of the build */
	char what[IO_HAND_TEXT_MAX];
	/* --- of any thread --- */
	pthread_mutex_t lock;
	struct rec_counts all;
	char problem[SS_ERR_MSG_MAX]; /* the first */
	char seed[2 * CRYPTO_SHA256_SIZE + 1];
};

/* --- what is told --------------------------------------------------------------------------------
 */

static void on_problem(void *ctx, const char *line)
{
	struct project_steps *s = ctx;
	char text[SS_ERR_MSG_MAX + 32];

	(void)snprintf(text, sizeof(text), "selfsame: warning: %s", line);
	ss_progress_note(s->progress, text);
	(void)pthread_mutex_lock(&s->lock);
	if (s->problem[0] == '\0')
		(void)snprintf(s->problem, sizeof(s->problem), "%s", line);
	(void)pthread_mutex_unlock(&s->lock);
}

static void say_bytes(uint64_t n, char *ret, size_t size)
{
	if (n < 1024)
		(void)snprintf(ret, size, "%" PRIu64 " bytes", n);
	else if (n < (uint64_t)1024 * 1024)
		(void)snprintf(ret, size, "%.1f KiB", (double)n / 1024);
	else
		(void)snprintf(ret, size, "%.1f MiB", (double)n / (1024 * 1024));
}

/* "step 2: apt-get update: 12 requests, 8.1 MiB, 3 cached" */
static void tell_step(struct project_steps *s, const char *name, const struct rec_counts *c)
{
	char line[512], bytes[32], failed[48] = "", step[SHOWN + 48];

	say_bytes(c->bytes, bytes, sizeof(bytes));
	if (c->failed > 0)
		(void)snprintf(failed, sizeof(failed), ", %" PRIu64 " failed", c->failed);
	(void)snprintf(step, sizeof(step), "step %u: %.*s%s", s->nth, SHOWN, s->what,
		       strlen(s->what) > SHOWN ? " ..." : "");
	(void)snprintf(line, sizeof(line),
		       "selfsame: %s: %" PRIu64 " request%s, %s, %" PRIu64 " cached%s",
		       name[0] != '\0' ? name : step, c->requests, c->requests == 1 ? "" : "s",
		       bytes, c->cached, failed);
	ss_progress_note(s->progress, line);
}

/* --- the doors of each step ----------------------------------------------------------------------
 */

static void end_one(struct project_steps *s, size_t *step, struct rec_counts *ret)
{
	struct rec_counts c = { 0 };

	recorder_step_end(s->recorder, *step, &c);
	*step = NO_STEP;
	*ret = c;
	(void)pthread_mutex_lock(&s->lock);
	s->all.requests += c.requests;
	s->all.bytes += c.bytes;
	s->all.cached += c.cached;
	s->all.failed += c.failed;
	(void)pthread_mutex_unlock(&s->lock);
}

/* A new file for each step: what the last one may still hold is not it. */
static bool prepare_level(const struct project_steps *s)
{
	AUTO_FREE char *path = project_path_join(s->dir.path, HERMETIC_NET_LEVEL);
	AUTO_CLOSE int fd = -1;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0;
}

/* What its supervisor said; a step that said nothing is full. */
static void note_level(struct project_steps *s)
{
	AUTO_FREE char *path = project_path_join(s->dir.path, HERMETIC_NET_LEVEL);
	AUTO_BUF struct ss_buf told = SS_BUF_INIT(LEVEL_MAX);
	const char *chosen = s->plan->level;
	struct ss_err ignored = { 0 };
	const uint8_t *line;
	bool light = false;
	size_t n = 0;

	if (io_load_file(path, &told, &ignored) == 0 && told.n > 0) {
		line = memchr(told.p, '\n', told.n);
		n = line != NULL ? (size_t)(line - told.p) : told.n;
		light = ss_is((struct ss_span){ told.p, n }, "light");
	}
	cfg_steps_add(&s->levels, s->nth, s->what,
		      chosen != NULL ? strcmp(chosen, "light") == 0 : light);
	if (n < told.n)
		project_written_add(&s->written, s->nth,
				    (struct ss_span){ told.p + n + 1, told.n - n - 1 });
}

static void end_step(struct project_steps *s)
{
	struct rec_counts c;

	if (s->open == NO_STEP)
		return;
	end_one(s, &s->open, &c);
	note_level(s);
	tell_step(s, "", &c);
}

static void end_engine(struct project_steps *s)
{
	struct rec_counts c;

	if (s->engine == NO_STEP)
		return;
	end_one(s, &s->engine, &c);
	if (c.requests + c.failed > 0)
		tell_step(s, "ADD", &c);
}

/* Only a rebuild goes by the lock: in a build, what a step runs may be another under the same
 * words, and finding out costs nothing. */
static bool is_light(const struct project_steps *s)
{
	const struct project_plan *p = s->plan;

	return p->is_rebuild && p->level == NULL &&
	       cfg_steps_light(&p->locked.steps, s->nth, s->what);
}

static void begin_step(struct project_steps *s, const struct io_hand_word *w, int fd)
{
	const bool is_engine = strcmp(w->text, IO_HAND_ENGINE) == 0;
	const bool led = w->doors[IO_DOOR_LED] >= 0;
	size_t *step = is_engine ? &s->engine : &s->open;
	struct ss_err err = { 0 };

	if (is_engine)
		end_engine(s);
	if (recorder_step_begin(s->recorder, w->doors, step, &err) < 0) {
		*step = NO_STEP;
		(void)io_hand_answer(fd, err.msg);
		return;
	}
	if (!is_engine) {
		if (!led && s->nth == 0)
			ss_progress_note(s->progress,
					 "selfsame: warning: programs that know no proxy have no "
					 "network in a step: to lead them needs CAP_BPF");
		s->nth++;
		(void)snprintf(s->what, sizeof(s->what), "%s", w->text);
		if (!prepare_level(s)) {
			(void)io_hand_answer(fd, "cannot make a file for its level");
			return;
		}
	}
	(void)io_hand_hint(fd, !is_engine && is_light(s) ? HERMETIC_NET_LIGHT : "");
}

static void serve_word(struct project_steps *s)
{
	AUTO_CLOSE int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	const struct timeval patience = { .tv_sec = 60 };
	struct io_hand_word w;
	struct ss_err err = { 0 };

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (io_hand_hear(fd, &w, &err) < 0) {
		(void)io_hand_answer(fd, err.msg);
		return;
	}
	end_step(s); /* one at a time: a new one tells of the end of the last, too */
	if (w.text[0] == '\0') {
		io_doors_done(w.doors);
		(void)io_hand_answer(fd, NULL);
		return;
	}
	begin_step(s, &w, fd);
}

static void *serve_all(void *ctx)
{
	struct project_steps *s = ctx;

	for (;;) {
		struct pollfd p[] = { { s->listen_fd, POLLIN, 0 }, { s->wake[0], POLLIN, 0 } };

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents != 0)
			break;
		if (p[0].revents != 0)
			serve_word(s);
	}
	end_step(s);
	end_engine(s);
	return NULL;
}

/* --- beginning -----------------------------------------------------------------------------------
 */

/* The lock's; without one, of what the steps are: the same for everybody, known to everybody. */
static int find_seed(struct project_steps *s, struct ss_err *err)
{
	const struct project_plan *p = s->plan;
	uint8_t hash[CRYPTO_SHA256_SIZE];

	if (p->locked.seed != NULL) {
		(void)snprintf(s->seed, sizeof(s->seed), "%s", p->locked.seed);
		return 0;
	}
	if (project_hash_file(p->dockerfile, hash, err) < 0)
		return -1;
	ss_hex((struct ss_span){ hash, sizeof(hash) }, s->seed);
	return 0;
}

/* The doctor's: it only gets the network. */
static int take_view(struct project_steps *s, const struct hm_view *view, struct ss_err *err)
{
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(HM_VIEW_MAX_SIZE);

	hm_view_write(view, &text);
	if (ss_buf_check(&text, "a view", err) < 0 ||
	    hm_view_read(ss_buf_span(&text), &s->view, err) < 0)
		return -1;
	hm_view_net(&s->view);
	return 0;
}

static int make_view(struct project_steps *s, const struct project_options *o, struct ss_err *err)
{
	const struct cfg_build *build = &s->plan->config.build;
	const struct cfg_texts *allow = &build->allow_keys;
	uint8_t seed[CRYPTO_SHA256_SIZE];

	if (find_seed(s, err) < 0)
		return -1;
	if (!ss_unhex(s->seed, seed, sizeof(seed)))
		return ss_fail(err, SS_EINPUT, "enclave.lock: 'build.seed' is no seed");
	/* A rebuild's is locked; locks of early releases have none: the epoch was it. */
	s->clock = s->plan->is_rebuild && s->plan->locked.clock != 0
			   ? (uint32_t)s->plan->locked.clock
			   : s->plan->epoch;
	if (s->clock != s->plan->epoch && project_clock_check(s->clock, s->now, err) < 0)
		return -1;
	hm_view_fixed(s->clock, seed, &s->view);
	hm_view_net(&s->view);
	if (build->trust != NULL && strcmp(build->trust, "variables") == 0)
		hm_view_variables(&s->view);
	if (build->processors != 0)
		s->view.processors = hm_num((int64_t)build->processors);
	if (o->written)
		s->view.written = hm_num(1);
	if (s->plan->level != NULL && strcmp(s->plan->level, "light") == 0)
		s->view.stat = (struct hm_num){ .set = false };
	for (size_t i = 0; i < allow->n; i++)
		hm_view_allow(&s->view, allow->v[i]);
	return 0;
}

bool project_steps_wait(const struct project_steps *s)
{
	const struct project_plan *p = s->plan;

	return p->hermetic && !p->is_rebuild && p->epoch == 0;
}

/* Before any step is there. */
int project_steps_made(void *ctx, uint64_t newest, uint32_t *ret_clock, struct ss_err *err)
{
	struct project_steps *s = ctx;

	if (project_clock_of(s->plan->epoch, newest, s->now, ret_clock, err) < 0)
		return -1;
	s->clock = *ret_clock;
	s->view.clock_frozen = hm_num(s->clock);
	s->config.epoch = s->clock;
	return 0;
}

static void configure(struct project_steps *s, const struct project_options *o)
{
	const struct project_plan *p = s->plan;
	const bool play = p->is_rebuild ||
			  (p->has_lock && o->view == NULL && !o->update && p->locked.inputs.n > 0);

	s->config = (struct rec_config){
		.play = play,
		.more = !p->is_rebuild,
		.fetch_missing = true,
		.store = &s->store,
		.inputs = &p->locked.inputs,
		.epoch = s->clock,
		.ca_file = o->ca_file != NULL && o->ca_file[0] != '\0' ? o->ca_file : NULL,
		.raw = &p->config.build.unrecorded,
		.local = &p->config.build.local,
		.problem = on_problem,
		.ctx = s,
	};
}

static int store_certificate(struct project_steps *s, struct ss_err *err)
{
	AUTO_FREE char *path = project_path_join(s->dir.path, HERMETIC_NET_CA);
	AUTO_FREE char *java = project_path_join(s->dir.path, HERMETIC_NET_JAVA);
	AUTO_BUF struct ss_buf store = SS_BUF_INIT(65536);

	s->pem = (struct ss_buf)SS_BUF_INIT(65536);
	if (recorder_certificate(s->recorder, &s->pem, err) < 0 ||
	    recorder_key_store(s->recorder, &store, err) < 0 ||
	    io_atomic_store(java, ss_buf_span(&store), err) < 0)
		return -1;
	return io_atomic_store(path, ss_buf_span(&s->pem), err);
}

static int start(struct project_steps *s, struct ss_err *err)
{
	AUTO_FREE char *cache = io_cache_dir("steps", err);

	if (cache == NULL || io_private_new(cache, &s->dir, NULL, NULL, err) < 0 ||
	    rec_store_open(NULL, REC_SHARED, &s->store, err) < 0 ||
	    recorder_start(&s->config, -1, &s->recorder, err) < 0 ||
	    store_certificate(s, err) < 0 || io_hand_listen(s->dir.path, &s->listen_fd, err) < 0)
		return -1;
	if (pipe2(s->wake, O_CLOEXEC) < 0)
		return ss_fail_sys(err, "cannot make a pipe");
	if (pthread_create(&s->thread, NULL, serve_all, s) != 0)
		return ss_fail(err, SS_ESYS, "cannot start a thread");
	s->running = true;
	return 0;
}

int project_steps_open(const struct project_plan *p, const struct project_options *o,
		       struct project_steps **ret, struct ss_err *err)
{
	struct project_steps *s = ss_calloc(1, sizeof(*s));
	int signalled; /* the engine looks at it */

	s->plan = p;
	s->now = o->now;
	s->clock = p->epoch;
	s->progress = o->progress;
	s->store = (struct rec_store)REC_STORE_NONE;
	s->dir = (struct io_private)IO_PRIVATE_NONE;
	s->listen_fd = s->wake[0] = s->wake[1] = -1;
	s->open = s->engine = NO_STEP;
	(void)pthread_mutex_init(&s->lock, NULL);
	s->watching = io_stop_watch(&signalled, err) == 0;
	if (!s->watching ||
	    (o->view != NULL ? take_view(s, o->view, err) : make_view(s, o, err)) < 0) {
		project_steps_free(s);
		return -1;
	}
	configure(s, o);
	if (start(s, err) < 0) {
		project_steps_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

const struct hm_view *project_steps_view(const struct project_steps *s)
{
	return s != NULL ? &s->view : NULL;
}

uint32_t project_steps_clock(const struct project_steps *s)
{
	return s->clock;
}

const char *project_steps_net(const struct project_steps *s)
{
	return s != NULL ? s->dir.path : NULL;
}

/* --- the end -------------------------------------------------------------------------------------
 */

/* Last of all: it may raise a signal. */
static void unwatch(struct project_steps *s)
{
	io_private_done(&s->dir);
	if (s->watching)
		io_stop_unwatch();
	s->watching = false;
}

static void stop_thread(struct project_steps *s)
{
	if (!s->running)
		return;
	(void)!write(s->wake[1], "x", 1);
	(void)pthread_join(s->thread, NULL);
	s->running = false;
}

void project_steps_explain(struct project_steps *s, struct ss_err *err)
{
	stop_thread(s);
	(void)pthread_mutex_lock(&s->lock);
	if (s->problem[0] != '\0')
		(void)ss_ctx(err, "%.300s", s->problem);
	(void)pthread_mutex_unlock(&s->lock);
}

int project_steps_finish(struct project_steps *s, struct project_result *ret, struct ss_err *err)
{
	struct recorder *r = s->recorder;

	stop_thread(s);
	s->recorder = NULL;
	if (recorder_stop(r, &s->inputs, err) < 0 || rec_store_sync(&s->store, err) < 0)
		return -1;
	cfg_text_set(&ret->lock.hermetic, "full");
	cfg_text_set(&ret->lock.seed, s->seed);
	ret->lock.clock = s->clock;
	cfg_text_set(&ret->lock.level, s->plan->level);
	ret->lock.steps = s->levels;
	s->levels = (struct cfg_list){ 0 };
	ret->written = s->written;
	s->written = (struct project_written){ 0 };
	ret->lock.inputs = s->inputs;
	s->inputs = (struct cfg_list){ 0 };
	ret->fetched = (struct project_fetched){ .requests = s->all.requests,
						 .bytes = s->all.bytes,
						 .cached = s->all.cached,
						 .failed = s->all.failed };
	unwatch(s);
	return 0;
}

int project_steps_clean(const struct project_steps *s, struct tree *t, struct ss_err *err)
{
	return project_clean(ss_buf_span(&s->pem), t, err);
}

void project_steps_free(struct project_steps *s)
{
	struct ss_err ignored = { 0 };

	if (s == NULL)
		return;
	stop_thread(s);
	if (s->recorder != NULL)
		(void)!recorder_stop(s->recorder, &s->inputs, &ignored);
	cfg_inputs_done(&s->inputs);
	cfg_steps_done(&s->levels);
	project_written_done(&s->written);
	ss_buf_done(&s->pem);
	hm_view_done(&s->view);
	rec_store_done(&s->store);
	ss_closep(&s->listen_fd);
	ss_closep(&s->wake[0]);
	ss_closep(&s->wake[1]);
	unwatch(s);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

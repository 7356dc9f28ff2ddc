/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/job.h"
#include "hermetic/step_net.h"
#include "io/doors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void engine_words_done(struct engine_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	*w = (struct engine_words){ 0 };
}

void engine_word(struct engine_words *w, const char *word)
{
	w->v = ss_reallocarray(w->v, w->n + 2, sizeof(*w->v));
	w->v[w->n] = NULL;
	cfg_text_set(&w->v[w->n], word);
	w->v[++w->n] = NULL;
}

void engine_words(struct engine_words *w, ...)
{
	va_list ap;

	va_start(ap, w);
	for (const char *s = va_arg(ap, const char *); s != NULL; s = va_arg(ap, const char *))
		engine_word(w, s);
	va_end(ap);
}

SS_PRINTF(1, 0) static char *vtext(const char *fmt, va_list ap)
{
	va_list again;
	char *ret;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	ret = ss_calloc((size_t)(n > 0 ? n : 0) + 1, 1);
	(void)vsnprintf(ret, (size_t)(n > 0 ? n : 0) + 1, fmt, ap);
	return ret;
}

char *engine_text(const char *fmt, ...)
{
	va_list ap;
	char *ret;

	va_start(ap, fmt);
	ret = vtext(fmt, ap);
	va_end(ap);
	return ret;
}

void engine_wordf(struct engine_words *w, const char *fmt, ...)
{
	AUTO_FREE char *word = NULL;
	va_list ap;

	va_start(ap, fmt);
	word = vtext(fmt, ap);
	va_end(ap);
	engine_word(w, word);
}

/* --- running ------------------------------------------------------------------------------------
 */

void engine_env(const struct engine_job *j, struct io_env *ret)
{
	/* Not BUILDAH_*, BUILDKIT_PROGRESS, DOCKER_DEFAULT_PLATFORM and the like. */
	static const char *const keep[] = {
		"PATH",
		"HOME",
		"USER",
		"LOGNAME",
		"XDG_RUNTIME_DIR",
		"XDG_CONFIG_HOME",
		"XDG_DATA_HOME",
		"DBUS_SESSION_BUS_ADDRESS",
		"REGISTRY_AUTH_FILE",
		"DOCKER_CONFIG",
		"DOCKER_HOST",
		"DOCKER_CONTEXT",
		"DOCKER_TLS_VERIFY",
		"DOCKER_CERT_PATH",
		"BUILDKIT_HOST",
		"BUILDX_BUILDER",
		"BUILDX_CONFIG",
		"CONTAINERS_CONF",
		"CONTAINERS_REGISTRIES_CONF",
		"CONTAINERS_STORAGE_CONF",
		"SSL_CERT_FILE",
		"SSL_CERT_DIR",
		"http_proxy",
		"https_proxy",
		"ftp_proxy",
		"no_proxy",
		"HTTP_PROXY",
		"HTTPS_PROXY",
		"FTP_PROXY",
		"NO_PROXY",
		"ALL_PROXY",
		"SELFSAME_RUNTIME_INNER",
		"_CONTAINERS_USERNS_CONFIGURED",
		"_CONTAINERS_ROOTLESS_UID",
	};
	AUTO_FREE char *epoch = engine_text("%" PRIu32, j->epoch);

	for (size_t i = 0; i < SS_NELEMS(keep); i++)
		io_env_keep(ret, keep[i]);
	io_env_set(ret, "LC_ALL", "C.UTF-8");
	io_env_set(ret, "TZ", "UTC");
	io_env_set(ret, "SELFSAME_STEP_EPOCH", epoch);
	if (j->work.path != NULL) {
		AUTO_FREE char *steps = engine_text("%s/" ENGINE_STEPS, j->work.path);
		AUTO_FREE char *hidden = engine_text("%s/" ENGINE_HIDDEN, j->work.path);

		io_env_set(ret, "TMPDIR", j->work.path);
		io_env_set(ret, "SELFSAME_STEP_STATE", steps);
		io_env_set(ret, "SELFSAME_STEP_HIDDEN", hidden);
		if (j->viewed) {
			AUTO_FREE char *view = engine_text("%s/" ENGINE_VIEW, j->work.path);

			io_env_set(ret, HM_VIEW_ENV, view);
			if (j->req->net != NULL)
				io_env_set(ret, HERMETIC_NET_ENV, j->req->net);
		}
	}
}

/* For ADD: as a step's, but the engine is on this machine's files. */
static void net_env(const struct engine_job *j, struct io_env *ret)
{
	static const char *const proxies[] = { "http_proxy", "https_proxy", "HTTP_PROXY",
					       "HTTPS_PROXY" };
	static const char *const none[] = { "no_proxy", "NO_PROXY", "ALL_PROXY", "ftp_proxy",
					    "FTP_PROXY" };
	AUTO_FREE char *ca = engine_text("%s/" HERMETIC_NET_CA, j->req->net);

	for (size_t i = 0; i < SS_NELEMS(proxies); i++)
		io_env_set(ret, proxies[i], IO_DOOR_PROXY_URL);
	for (size_t i = 0; i < SS_NELEMS(none); i++)
		io_env_set(ret, none[i], "");
	io_env_set(ret, "SSL_CERT_FILE", ca);
	io_env_set(ret, "GIT_SSL_CAINFO", ca);
}

#define RUNTIME_SAYS "selfsame-runtime: error: "
#define STEP_SAYS "selfsame-step: error: "

/* What comes of a program's lines while it runs. */
struct talk {
	struct ss_progress *progress; /* all lines; may be NULL */
	struct ss_buf *out;           /* standard output; may be NULL */
	struct engine_end *end;
};

/* As far as there is room, control characters as '?'. */
static void keep(const char *line, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", line);
	for (char *p = ret; *p != '\0'; p++)
		if ((*p > 0 && *p < ' ') || *p == 0x7f)
			*p = '?';
}

static void hear(void *ctx, enum io_stream from, const char *line)
{
	const struct talk *t = ctx;
	const char *said;

	ss_progress_note(t->progress, line);
	if (from == IO_STDOUT && t->out != NULL) {
		if (t->out->n > 0)
			ss_buf_put(t->out, (struct ss_span){ (const uint8_t *)"\n", 1 });
		ss_buf_put(t->out, (struct ss_span){ (const uint8_t *)line, strlen(line) });
	}
	if (from == IO_STDOUT || t->end->has_reason || line[strspn(line, " \t")] == '\0')
		return;
	/* Which step it was, buildah says later. */
	if (strncmp(line, STEP_SAYS, sizeof(STEP_SAYS) - 1) == 0) {
		keep(line + sizeof(STEP_SAYS) - 1, t->end->step, sizeof(t->end->step));
		return;
	}
	/* What buildah says around it is only that there was a reason. */
	said = strstr(line, RUNTIME_SAYS);
	t->end->has_reason = said != NULL;
	keep(said != NULL ? said : line, t->end->last, sizeof(t->end->last));
}

/* Tidying up ends, even if the engine hangs. */
#define TIDY_MS 30000u

static int run(const struct engine_job *j, const struct engine_words *w, struct talk *t, int out_fd,
	       struct ss_err *err)
{
	AUTO_ENV struct io_env env = { 0 };
	struct io_spawn s = { .argv = (const char *const *)w->v,
			      .out_fd = out_fd,
			      .umask = 022,
			      .enclosed = j->enclosed,
			      .tidying = j->tidying,
			      .timeout_ms = j->tidying ? TIDY_MS : 0,
			      .line = hear,
			      .ctx = t };
	struct io_exit e;

	engine_env(j, &env);
	if (j->recorded)
		net_env(j, &env);
	s.env = io_env_list(&env);
	t->end->last[0] = '\0';
	t->end->step[0] = '\0';
	t->end->has_reason = false;
	if (io_spawn_run(&s, &e, err) < 0)
		return -1;
	t->end->status = e.status;
	return 0;
}

int engine_run(const struct engine_job *j, const struct engine_words *w, struct engine_end *ret,
	       struct ss_err *err)
{
	struct talk t = { .progress = j->req->progress, .end = ret };

	return run(j, w, &t, 0, err);
}

int engine_run_to(const struct engine_job *j, const struct engine_words *w, int out_fd,
		  struct engine_end *ret, struct ss_err *err)
{
	struct talk t = { .end = ret };

	return run(j, w, &t, out_fd, err);
}

#define ANSWER_MAX ((size_t)64 * 1024)

int engine_ask(const struct engine_job *j, const struct engine_words *w, struct engine_end *ret_end,
	       char **ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ANSWER_MAX);
	struct talk t = { .out = &b, .end = ret_end };

	if (run(j, w, &t, 0, err) < 0)
		return -1;
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	if (ss_buf_check(&b, "the engine's answer", err) < 0)
		return -1;
	*ret = (char *)b.p;
	b = (struct ss_buf){ 0 };
	return 0;
}

/* time="…" level=fatal msg="the words": skopeo's way to say it, with the time of the day. */
static bool take_logged(const char *s, char *ret, size_t size)
{
	const char *msg = strstr(s, " msg=\"");
	size_t n = 0;

	if (strncmp(s, "time=\"", 6) != 0 || msg == NULL)
		return false;
	for (msg += 6; *msg != '\0' && *msg != '"' && n + 1 < size; msg++) {
		if (*msg == '\\' && msg[1] != '\0')
			msg++;
		ret[n++] = *msg;
	}
	ret[n] = '\0';
	return true;
}

static const char *after(const char *s, const char *front)
{
	const size_t n = strlen(front);

	return strncmp(s, front, n) == 0 ? s + n : s;
}

char *engine_last_words(const struct engine_end *e)
{
	static const char *const fronts[] = { "Error: ",
					      "error: ",
					      "ERROR: ",
					      "initializing source ",
					      "Error parsing image name ",
					      RUNTIME_SAYS };
	char logged[sizeof(e->last)];
	const char *exits;
	const char *s = take_logged(e->last, logged, sizeof(logged)) ? logged : e->last;

	for (size_t i = 0; i < SS_NELEMS(fronts); i++)
		s = after(s, fronts[i]);
	/* Our own message has named the image. */
	if (strncmp(after(s, "\""), "docker://", 9) == 0 && strstr(s, ": ") != NULL)
		s = strstr(s, ": ") + 2;
	/* In place of "exit status 125". */
	exits = strstr(s, ": while running runtime: exit status ");
	if (exits != NULL && e->step[0] != '\0')
		return engine_text("%.*s: %s", (int)(exits - s), s, e->step);
	return engine_text("%s", s[0] != '\0' ? s : "it gave no reason");
}

int engine_check(const struct engine_end *e, enum ss_code code, struct ss_err *err, const char *fmt,
		 ...)
{
	AUTO_FREE char *what = NULL;
	AUTO_FREE char *words = NULL;
	va_list ap;

	if (e->status == 0)
		return 0;
	va_start(ap, fmt);
	what = vtext(fmt, ap);
	va_end(ap);
	words = engine_last_words(e);
	/* Whatever it was about, that one is ours. */
	if (strstr(words, "no space left on device") != NULL)
		code = SS_ESYS;
	return ss_fail(err, code, "%s: %s", what, words);
}

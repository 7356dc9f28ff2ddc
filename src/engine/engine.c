/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "engine/imgref.h"
#include "engine/job.h"
#include "engine/stage.h"
#include "hermetic/view.h"
#include "io/atomic.h"
#include "io/file.h"
#include "io/stop.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define IGNORE_MAX ((size_t)1024 * 1024)
#define DIGEST_TEXT 72u /* "sha256:" and 64 digits */

static void job_done(struct engine_job *j)
{
	for (size_t i = 0; j->digests != NULL && i < j->file.n_uses; i++)
		free(j->digests[i]);
	free(j->digests);
	free(j->program);
	free(j->version);
	free(j->platform);
	free(j->dockerfile);
	free(j->context);
	free(j->ignore);
	free(j->layout);
	free(j->store);
	df_done(&j->file);
	ss_buf_done(&j->text);
	if (j->store_lock >= 0)
		(void)close(ss_take_fd(&j->store_lock));
	io_private_done(&j->work);
}

/* --- what is asked for
 * ------------------------------------------------------------------------------ */

static const char *oci_arch(const char *arch)
{
	return strcmp(arch, "aarch64") == 0 ? "arm64" : "amd64";
}

static int choose_platform(struct engine_job *j, struct ss_err *err)
{
	const struct engine_request *r = j->req;
	const char *arch = oci_arch(r->arch);
	const char *given;

	if (r->platform == NULL) {
		j->platform = engine_text("linux/%s", arch);
		return 0;
	}
	given = strncmp(r->platform, "linux/", 6) == 0 ? r->platform + 6 : "";
	if (strcspn(given, "/") != strlen(arch) || strncmp(given, arch, strlen(arch)) != 0)
		return ss_fail(err, SS_EUSAGE, "platform '%s' is not of arch %s (linux/%s)",
			       r->platform, r->arch, arch);
	j->platform = engine_text("%s", r->platform);
	return 0;
}

static int check_secrets(const struct engine_request *r, struct ss_err *err)
{
	for (size_t i = 0; i < r->secrets->n; i++) {
		const struct cfg_pair *s = &r->secrets->v[i];
		int fd;

		if (strchr(s->key, ',') != NULL || strchr(s->value, ',') != NULL)
			return ss_fail(err, SS_EUSAGE, "secret '%s': no ',' in its name or path",
				       s->key);
		if (io_open_file(s->value, &fd, NULL, err) < 0)
			return ss_ctx(err, "secret '%s'", s->key);
		(void)close(fd);
	}
	return 0;
}

static int check_context(const struct engine_request *r, struct ss_err *err)
{
	struct stat st = { 0 };

	if (stat(r->context, &st) < 0)
		return ss_fail_sys(err, "cannot read the context '%s'", r->context);
	if (!S_ISDIR(st.st_mode))
		return ss_fail(err, SS_EINPUT, "the context '%s' is not a folder", r->context);
	return 0;
}

static int read_dockerfile(struct engine_job *j, struct ss_err *err)
{
	struct utsname u;
	const char *machine = uname(&u) == 0 ? u.machine : "x86_64";
	AUTO_FREE char *here = engine_text("linux/%s", oci_arch(machine));
	const struct df_globals g = { j->req->args, j->platform, here };

	if (io_load_file(j->req->dockerfile, &j->text, err) < 0)
		return -1;
	if (df_read(ss_buf_span(&j->text), &g, &j->file, err) < 0)
		return ss_ctx(err, "'%s'", j->req->dockerfile);
	return 0;
}

/* --- what the engine gets
 * ---------------------------------------------------------------------------- */

/*
 * With buildah selfsame-runtime sets these (src/hermetic/step.h); BuildKit's steps get them as
 * build arguments, which the image's config never sees and which ENV overrides. buildah gets a name
 * without a value, which no step sees: a stage that is a FROM line and nothing else it takes for
 * something to delete afterwards, and fails as that is the base itself (seen in 1.28).
 */
static void stage_args(const struct engine_job *j, struct cfg_pairs *ret)
{
	AUTO_FREE char *epoch = engine_text("%" PRIu32, j->epoch);

	if (j->kind == ENGINE_BUILDAH) {
		cfg_pairs_set(ret, "SELFSAME_STAGE", "");
		return;
	}
	cfg_pairs_set(ret, "SOURCE_DATE_EPOCH", epoch);
	cfg_pairs_set(ret, "TZ", "UTC");
	cfg_pairs_set(ret, "PYTHONHASHSEED", "0");
	cfg_pairs_set(ret, "LANG", "C.UTF-8");
	cfg_pairs_set(ret, "HOSTNAME", "selfsame");
}

static int write_dockerfile(struct engine_job *j, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b =
		SS_BUF_INIT(2 * DF_MAX_SIZE + (size_t)8 * DF_MAX_USES * DIGEST_TEXT);
	AUTO_FREE char *dir = engine_text("%s/file", j->work.path);
	struct cfg_pairs inject = { 0 };

	if (mkdir(dir, 0700) < 0)
		return ss_fail_sys(err, "cannot make the folder '%s'", dir);
	stage_args(j, &inject);
	df_write(ss_buf_span(&j->text), &j->file, (const char *const *)j->digests, &inject, &b);
	cfg_pairs_done(&inject);
	if (ss_buf_check(&b, "the pinned Dockerfile", err) < 0)
		return -1;
	j->dockerfile = engine_text("%s/Dockerfile", dir);
	return io_atomic_store(j->dockerfile, ss_buf_span(&b), err);
}

/*
 * git's own folder is no source: two clones of one commit have different bytes there. It comes
 * first, so that a "!.git" of the user's wins.
 */
#define IGNORE_FIRST "**/.git\n"

static int load_ignore_file(const char *dockerfile, const char *context, struct ss_buf *b,
			    struct ss_err *err)
{
	AUTO_FREE char *own = engine_text("%s.dockerignore", dockerfile);
	AUTO_FREE char *container = engine_text("%s/.containerignore", context);
	AUTO_FREE char *docker = engine_text("%s/.dockerignore", context);
	const char *const places[] = { own, container, docker };

	ss_buf_put(b, (struct ss_span){ (const uint8_t *)IGNORE_FIRST, sizeof(IGNORE_FIRST) - 1 });
	for (size_t i = 0; i < SS_NELEMS(places); i++)
		if (access(places[i], F_OK) == 0)
			return io_load_file(places[i], b, err);
	return 0;
}

/* "sub/x.eif", if `file` lies below the folder `top`; the caller's. */
static char *path_below(const char *top, const char *file)
{
	const char *slash = strrchr(file, '/');
	AUTO_FREE char *dir =
		slash != NULL ? engine_text("%.*s/", (int)(slash - file), file) : engine_text(".");
	AUTO_FREE char *real_top = realpath(top, NULL);
	AUTO_FREE char *real_dir = realpath(dir, NULL);
	size_t n;

	if (real_top == NULL || real_dir == NULL)
		return NULL;
	n = strcmp(real_top, "/") == 0 ? 0 : strlen(real_top);
	if (strncmp(real_dir, real_top, n) != 0 || (real_dir[n] != '\0' && real_dir[n] != '/'))
		return NULL;
	file = slash != NULL ? slash + 1 : file;
	return engine_text("%s%s%s", real_dir[n] != '\0' ? real_dir + n + 1 : "",
			   real_dir[n] != '\0' ? "/" : "", file);
}

bool engine_leaves_out(const char *dockerfile, const char *context, const char *path)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(IGNORE_MAX);
	AUTO_FREE char *below = path_below(context, path);
	struct ss_err ignored = { 0 };

	if (load_ignore_file(dockerfile, context, &b, &ignored) < 0 || below == NULL)
		return false;
	for (char *end = below + strlen(below); end != NULL; end = strrchr(below, '/')) {
		*end = '\0';
		if (stage_is_ignored(ss_buf_span(&b), below))
			return true;
	}
	return false;
}

/* As a pattern that means itself and nothing else; the last line that matches decides. */
static void add_output(const struct engine_job *j, const char *file, struct ss_buf *b)
{
	AUTO_FREE char *path = path_below(j->req->context, file);

	if (path == NULL || strchr(path, '\n') != NULL)
		return;
	if (b->n > 0 && b->p[b->n - 1] != '\n')
		ss_buf_put(b, (struct ss_span){ (const uint8_t *)"\n", 1 });
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"/", 1 });
	for (const char *p = path; *p != '\0'; p++) {
		if (strchr("*?[]\\", *p) != NULL)
			ss_buf_put(b, (struct ss_span){ (const uint8_t *)"\\", 1 });
		ss_buf_put(b, (struct ss_span){ (const uint8_t *)p, 1 });
	}
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"\n", 1 });
}

/* Each, and the name that another build may just be writing it under (io/atomic.h). */
static void add_outputs(const struct engine_job *j, struct ss_buf *b)
{
	for (const char *const *o = j->req->outputs; o != NULL && *o != NULL; o++) {
		const char *slash = strrchr(*o, '/');
		const char *base = slash != NULL ? slash + 1 : *o;
		AUTO_FREE char *hidden =
			engine_text("%.*s.%s.selfsame-new", (int)(base - *o), *o, base);

		add_output(j, *o, b);
		add_output(j, hidden, b);
	}
}

/*
 * Engines disagree on where they look for the ignore file, and none looks beside the original of
 * the pinned Dockerfile: the first of the usual places is copied to where both find it, with git's
 * folder before it and the build's own results behind it.
 */
static int prepare_context(struct engine_job *j, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(IGNORE_MAX);
	const struct engine_request *r = j->req;

	if (load_ignore_file(r->dockerfile, r->context, &b, err) < 0)
		return -1;
	add_outputs(j, &b);
	if (ss_buf_check(&b, "the ignore file", err) < 0)
		return -1;
	j->ignore = engine_text("%s.dockerignore", j->dockerfile);
	if (io_atomic_store(j->ignore, ss_buf_span(&b), err) < 0)
		return -1;
	if (r->keep_modes) {
		j->context = engine_text("%s", r->context);
		return 0;
	}
	j->context = engine_text("%s/context", j->work.path);
	if (mkdir(j->context, 0755) < 0 || chmod(j->context, 0755) < 0)
		return ss_fail_sys(err, "cannot make the folder '%s'", j->context);
	ss_progress_phase(r->progress, "reading the context", 0);
	return stage_context(r->context, j->context, ss_buf_span(&b), j->epoch, r->progress, err);
}

static void warn_of_caches(const struct engine_job *j)
{
	AUTO_FREE char *text = NULL;

	if (j->file.cache_mount_line == 0 || j->kind == ENGINE_BUILDAH)
		return;
	text = engine_text("warning: '%s': line %u: what a cache mount holds comes from earlier "
			   "builds",
			   j->req->dockerfile, j->file.cache_mount_line);
	ss_progress_note(j->req->progress, text);
}

/* --- the build
 * ------------------------------------------------------------------------------------------ */

static void see_stale(void *ctx, const char *path)
{
	struct engine_job *j = ctx;

	j->stale = true;
	buildah_clear(j, path);
}

/* Of a daemon that somebody else began, the steps are its own. */
static int choose_view(struct engine_job *j, struct ss_err *err)
{
	j->viewed = j->req->view != NULL && j->kind == ENGINE_BUILDAH;
	if (j->req->view == NULL || j->viewed)
		return 0;
	if (!j->req->view_or_none) {
		(void)ss_fail(err, SS_EUSAGE,
			      "only with buildah can what a step sees be chosen; BuildKit's "
			      "daemon runs them");
		err->hint = "--no-hermetic, or --engine buildah";
		return -1;
	}
	ss_progress_note(j->req->progress,
			 "selfsame: warning: not hermetic: BuildKit's daemon runs the steps");
	return 0;
}

/* What it has from who asks; what the bases alter is in bounds. */
static int check_view(const struct engine_job *j, struct ss_err *err)
{
	return j->viewed ? hm_view_check(j->req->view, err) : 0;
}

static int write_view(const struct engine_job *j, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HM_VIEW_MAX_SIZE);
	AUTO_FREE char *path = engine_text("%s/" ENGINE_VIEW, j->work.path);

	hm_view_write(j->req->view, &b);
	if (ss_buf_check(&b, "what the steps see", err) < 0)
		return -1;
	return io_atomic_store(path, ss_buf_span(&b), err);
}

static int prepare(struct engine_job *j, struct ss_err *err)
{
	AUTO_FREE char *cache = NULL;

	if (choose_platform(j, err) < 0 || check_context(j->req, err) < 0 ||
	    check_secrets(j->req, err) < 0 || read_dockerfile(j, err) < 0 ||
	    engine_find(j, err) < 0 || choose_view(j, err) < 0 || check_view(j, err) < 0)
		return -1;
	cache = j->req->work != NULL ? engine_text("%s", j->req->work) : io_cache_dir("work", err);
	if (cache == NULL || io_private_new(cache, &j->work, see_stale, j, err) < 0)
		return -1;
	j->layout = engine_text("%s/oci", j->work.path);
	return j->kind == ENGINE_BUILDAH ? buildah_open(j, err) : 0;
}

static int build(struct engine_job *j, struct engine_result *r, struct ss_err *err)
{
	if (engine_pin(j, &r->bases, err) < 0)
		return ss_ctx(err, "'%s'", j->req->dockerfile);
	if (j->kind == ENGINE_BUILDAH && engine_pull(j, err) < 0)
		return -1;
	if (j->viewed && (engine_tell_made(j, err) < 0 || write_view(j, err) < 0))
		return -1;
	if (write_dockerfile(j, err) < 0 || prepare_context(j, err) < 0)
		return -1;
	ss_progress_phase(j->req->progress, "building the Dockerfile", 0);
	warn_of_caches(j);
	if (j->kind != ENGINE_BUILDAH)
		return buildkit_build(j, err);
	return buildah_build(j, err) < 0 ? -1 : engine_lost(j, &r->lost, err);
}

static int run_job(struct engine_job *j, struct engine_result *ret, struct ss_err *err)
{
	struct engine_result r = { .lock_fd = -1 };

	if (prepare(j, err) < 0)
		return -1;
	if (build(j, &r, err) < 0) {
		if (j->kind == ENGINE_BUILDAH)
			buildah_close(j);
		engine_result_done(&r);
		return -1;
	}
	r.engine = engine_text("%s", j->kind == ENGINE_BUILDAH ? "buildah" : "buildkit");
	r.version = TAKE_PTR(j->version);
	r.viewed = j->viewed;
	r.source = engine_text("oci:%s", j->layout);
	r.dir = TAKE_PTR(j->work.path);
	r.lock_fd = ss_take_fd(&j->work.fd);
	*ret = r;
	return 0;
}

int engine_build(const struct engine_request *req, struct engine_result *ret, struct ss_err *err)
{
	struct engine_job j = { .req = req,
				.epoch = req->epoch,
				.work = IO_PRIVATE_NONE,
				.text = SS_BUF_INIT(DF_MAX_SIZE),
				.store_lock = -1 };
	int wake, rc;

	/* A signal ends us only when all is tidied up. */
	if (io_stop_watch(&wake, err) < 0)
		return -1;
	rc = run_job(&j, ret, err);
	job_done(&j);
	io_stop_unwatch();
	return rc;
}

void engine_result_done(struct engine_result *r)
{
	struct io_private work = { .path = r->dir, .fd = r->lock_fd };
	struct cfg_lock bases = { .bases = r->bases };

	io_private_done(&work);
	cfg_lock_done(&bases);
	cfg_texts_done(&r->lost);
	free(r->source);
	free(r->engine);
	free(r->version);
	*r = (struct engine_result){ .lock_fd = -1 };
}

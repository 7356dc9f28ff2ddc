/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/imgref.h"
#include "engine/job.h"
#include "io/cgroup.h"
#include "io/self.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

/*
 * buildah, without a daemon. Base images lie in an image store of our own (docs/decisions/0015):
 * the user's stays as it is. Containers and what they make lie in a store in the private folder of
 * one build, to which the other is read-only: they go with it, however the build ends. As root each
 * call has name spaces of its own, so that no process and no mount outlives it, not even a kill.
 *
 * Whoever uses the image store holds a shared lock on it; who gets the exclusive one is alone and
 * may sweep out what a killed pull left.
 */

/* The order in which things are cleared is seen by nobody. */
#undef readdir

/* The capabilities that Docker and BuildKit give a step and buildah does not. */
#define MORE_CAPABILITIES "CAP_AUDIT_WRITE,CAP_MKNOD,CAP_NET_RAW"

static void begin(const struct engine_job *j, const char *store, struct engine_words *w)
{
	engine_words(w, j->program, "--root", store, "--runroot", NULL);
	engine_wordf(w, "%s/run", j->work.path);
}

/* --- what is left ----------------------------------------------------------------------------- */

/* Sweeps the store, if nobody else uses it. Otherwise a mark stays for whoever finds it unused. */
static int sweep_if_alone(struct engine_job *j, struct ss_err *err)
{
	AUTO_FREE char *lock = engine_text("%s.lock", j->store);
	AUTO_FREE char *mark = engine_text("%s.unclean", j->store);
	AUTO_CLOSE int alone = -1;
	AUTO_CLOSE int fd = -1;

	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ss_fail_sys(err, "cannot write '%s'", mark);
	if (io_lock_file(lock, true, false, &alone, err) < 0)
		return -1;
	if (alone >= 0) {
		buildah_sweep(j->store);
		(void)unlink(mark);
	}
	return 0;
}

/* What it prints and how it ends is not wanted. */
static void try_run(struct engine_job *j, const struct engine_words *w)
{
	AUTO_FREE char *answer = NULL;
	struct ss_err ignored = { 0 };
	struct engine_end e;

	(void)!engine_ask(j, w, &e, &answer, &ignored);
}

/* Without name spaces of its own a step may outlive the build: its runtime ends it. */
static void end_step(struct engine_job *j, const char *state, const char *id)
{
	AUTO_WORDS struct engine_words w = { 0 };
	struct ss_err ignored = { 0 };
	AUTO_FREE char *runtime = io_self_find("selfsame-runtime", &ignored);

	if (runtime == NULL)
		return;
	engine_words(&w, runtime, "--root", state, "delete", "--force", id, NULL);
	try_run(j, &w);
}

/* Files of users that exist inside only: we cannot remove them as who we are. */
static void remove_as_inside(struct engine_job *j, const char *work)
{
	AUTO_WORDS struct engine_words w = { 0 };
	AUTO_FREE char *buildah = io_spawn_find("buildah");
	AUTO_FREE char *store = engine_text("%s/storage", work);

	if (buildah == NULL || access(store, F_OK) != 0)
		return;
	engine_words(&w, buildah, "unshare", "rm", "-rf", store, NULL);
	try_run(j, &w);
}

void buildah_clear(struct engine_job *j, const char *work)
{
	AUTO_FREE char *state = engine_text("%s/" ENGINE_STEPS, work);
	DIR *d = opendir(state);

	for (const struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
		if (e->d_name[0] == '.')
			continue;
		if (getuid() != 0)
			end_step(j, state, e->d_name);
		io_cgroup_remove(e->d_name); /* runc and crun call it as the container */
	}
	if (d != NULL)
		(void)closedir(d);
	if (getuid() != 0)
		remove_as_inside(j, work);
}

void buildah_close(struct engine_job *j)
{
	struct ss_err ignored = { 0 };

	j->tidying = true;
	buildah_clear(j, j->work.path);
	(void)close(ss_take_fd(&j->store_lock));
	(void)!sweep_if_alone(j, &ignored);
}

int buildah_open(struct engine_job *j, struct ss_err *err)
{
	AUTO_FREE char *cache = io_cache_dir("containers", err);
	AUTO_FREE char *lock = NULL;
	AUTO_FREE char *mark = NULL;

	if (cache == NULL)
		return -1;
	j->store = engine_text("%s/storage", cache);
	lock = engine_text("%s.lock", j->store);
	mark = engine_text("%s.unclean", j->store);
	if ((j->stale || access(mark, F_OK) == 0) && sweep_if_alone(j, err) < 0)
		return -1;
	return io_lock_file(lock, false, true, &j->store_lock, err);
}

/* --- images ------------------------------------------------------------------------------------
 */

static void pull_words(const struct engine_job *j, const char *name, const char *platform,
		       const char *policy, struct engine_words *w)
{
	begin(j, j->store, w);
	engine_words(w, "pull", "--policy", policy, NULL);
	if (imgref_is_loopback(name))
		engine_word(w, "--tls-verify=false");
	engine_words(w, "--platform", platform, NULL);
	engine_wordf(w, "docker://%s", name);
}

int buildah_resolve(struct engine_job *j, const char *name, const char *platform, char **ret,
		    struct ss_err *err)
{
	AUTO_WORDS struct engine_words pull = { 0 };
	AUTO_WORDS struct engine_words list = { 0 };
	AUTO_FREE char *answer = NULL;
	struct engine_end e;

	pull_words(j, name, platform, "always", &pull);
	if (engine_run(j, &pull, &e, err) < 0)
		return -1;
	if (engine_check(&e, SS_EREMOTE, err, "cannot resolve '%s'", name) < 0)
		return -1;
	begin(j, j->store, &list);
	engine_words(&list, "images", "--format", "{{.Digest}}", name, NULL);
	if (engine_ask(j, &list, &e, &answer, err) < 0)
		return -1;
	if (e.status != 0 || !cfg_is_digest(answer))
		return ss_fail(err, SS_ESYS, "cannot resolve '%s': buildah knows no digest for it",
			       name);
	*ret = TAKE_PTR(answer);
	return 0;
}

int buildah_pull(struct engine_job *j, const char *pinned, const char *platform, struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };
	struct engine_end e;

	pull_words(j, pinned, platform, "missing", &w);
	if (engine_run(j, &w, &e, err) < 0)
		return -1;
	return engine_check(&e, SS_EREMOTE, err, "cannot pull '%s'", pinned);
}

/* One name can mean several platforms' images, but an id is one image's. */
static int id_of(struct engine_job *j, const char *pinned, const char *platform, char **ret,
		 struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };
	struct engine_end e;

	pull_words(j, pinned, platform, "never", &w);
	if (engine_ask(j, &w, &e, ret, err) < 0)
		return -1;
	return engine_check(&e, SS_ESYS, err, "cannot find '%s'", pinned);
}

/* Not {{.OCIv1.Created}}: where the image says nothing, or the year 1, that is the time of today.
 */
int buildah_config(struct engine_job *j, const char *pinned, const char *platform, int out_fd,
		   struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };
	AUTO_FREE char *id = NULL;
	struct engine_end e;

	if (id_of(j, pinned, platform, &id, err) < 0)
		return -1;
	begin(j, j->store, &w);
	engine_words(&w, "inspect", "--type", "image", "--format", "{{.Config}}", id, NULL);
	if (engine_run_to(j, &w, out_fd, &e, err) < 0)
		return -1;
	return engine_check(&e, SS_ESYS, err, "cannot look at '%s'", pinned);
}

/* --- building
 * --------------------------------------------------------------------------------------- */

static bool is_host_platform(const char *platform)
{
	struct utsname u;

	if (uname(&u) < 0)
		return false;
	return (strcmp(u.machine, "x86_64") == 0 && strcmp(platform, "linux/amd64") == 0) ||
	       (strcmp(u.machine, "aarch64") == 0 && strcmp(platform, "linux/arm64") == 0);
}

static void add_inputs(const struct engine_job *j, struct engine_words *w)
{
	const struct engine_request *r = j->req;

	for (size_t i = 0; i < r->args->n; i++) {
		engine_word(w, "--build-arg");
		engine_wordf(w, "%s=%s", r->args->v[i].key, r->args->v[i].value);
	}
	/* BuildKit gives it to whoever declares it; so do we. */
	for (size_t i = 0; i < j->file.args.n; i++)
		if (strcmp(j->file.args.v[i], "SOURCE_DATE_EPOCH") == 0 &&
		    cfg_pairs_get(r->args, "SOURCE_DATE_EPOCH") == NULL) {
			engine_word(w, "--build-arg");
			engine_wordf(w, "SOURCE_DATE_EPOCH=%u", j->epoch);
		}
	for (size_t i = 0; i < r->secrets->n; i++) {
		engine_word(w, "--secret");
		engine_wordf(w, "id=%s,src=%s", r->secrets->v[i].key, r->secrets->v[i].value);
	}
	if (r->target != NULL)
		engine_words(w, "--target", r->target, NULL);
	if (j->ignore != NULL)
		engine_words(w, "--ignorefile", j->ignore, NULL);
	/* Given for the host's own it only makes buildah complain of unused arguments. */
	if (!is_host_platform(j->platform))
		engine_words(w, "--platform", j->platform, NULL);
}

/* The store of base images, read-only, in the words of the driver that made it. The caller's; NULL
 * = there is none: nothing was pulled. */
static char *image_store_option(const struct engine_job *j)
{
	static const char *const drivers[] = { "overlay", "vfs", "btrfs", "zfs" };

	for (size_t i = 0; i < SS_NELEMS(drivers); i++) {
		AUTO_FREE char *dir = engine_text("%s/%s-images", j->store, drivers[i]);

		if (access(dir, F_OK) == 0)
			return engine_text("%s.imagestore=%s", drivers[i], j->store);
	}
	return NULL;
}

static bool knows_heredocs(const char *version)
{
	char *end = NULL;
	const unsigned long major = strtoul(version, &end, 10);
	const unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;

	return version[0] < '0' || version[0] > '9' || major > 1 || minor >= 33;
}

/* A missing one is not what buildah talks about last. A Dockerfile without RUN needs none. */
static int check_runtime(struct engine_job *j, const char *runtime, struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };
	AUTO_FREE char *answer = NULL;
	struct engine_end e;

	engine_words(&w, runtime, "--version", NULL);
	if (engine_ask(j, &w, &e, &answer, err) < 0)
		return -1;
	if (engine_check(&e, SS_ESYS, err, "'%s': RUN", j->req->dockerfile) == 0)
		return 0;
	err->hint = "on Debian: apt-get install runc";
	return -1;
}

static void begin_build(const struct engine_job *j, struct engine_words *w)
{
	AUTO_FREE char *store = engine_text("%s/storage", j->work.path);
	AUTO_FREE char *images = image_store_option(j);

	begin(j, store, w);
	if (images != NULL)
		engine_words(w, "--storage-opt", images, NULL);
}

/*
 * A container on each base, never run, for a Dockerfile where a stage begins with another: at the
 * end buildah deletes the images of such stages layer by layer, downwards until something else
 * stands on a layer, and fails ("layer not known", seen in 1.28) where nothing does and it gets to
 * the image store, which is not its own.
 */
static int hold_bases(struct engine_job *j, struct ss_err *err)
{
	for (size_t i = 0; j->file.grafted && i < j->file.n_uses; i++) {
		AUTO_WORDS struct engine_words w = { 0 };
		AUTO_FREE char *answer = NULL;
		const struct df_use *u = &j->file.uses[i];
		struct engine_end e;

		begin_build(j, &w);
		engine_words(&w, "from", "--pull-never", "--platform", engine_platform(j, u), NULL);
		engine_wordf(&w, "%s@%s", u->repo, j->digests[i]);
		if (engine_ask(j, &w, &e, &answer, err) < 0)
			return -1;
		if (engine_check(&e, SS_ESYS, err, "'%s': line %u: buildah", j->req->dockerfile,
				 u->line) < 0)
			return -1;
	}
	return 0;
}

int buildah_build(struct engine_job *j, struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };
	AUTO_FREE char *runtime = io_self_find("selfsame-runtime", err);
	struct engine_end e;
	int rc;

	if (runtime == NULL)
		return -1;
	if (j->file.heredoc_line != 0 && !knows_heredocs(j->version)) {
		(void)ss_fail(err, SS_ESYS,
			      "'%s': line %u: buildah %s does not know heredocs; 1.33 does",
			      j->req->dockerfile, j->file.heredoc_line, j->version);
		err->hint = "--engine buildkit, or put the text into a file";
		return -1;
	}
	if (hold_bases(j, err) < 0)
		return -1;
	j->recorded = j->req->net != NULL && getuid() == 0; /* else it may not have a network */
	if (j->recorded)
		engine_words(&w, runtime, "engine", NULL);
	begin_build(j, &w);
	engine_words(&w, "bud", "--isolation", getuid() == 0 ? "oci" : "rootless", "--runtime",
		     runtime, "--pull-never", "--no-cache", "--layers=false", NULL);
	/* Docker's format: in OCI's, buildah ignores SHELL. The layout comes out in OCI's all the
	 * same. */
	engine_words(&w, "--format", "docker", "--cap-add", MORE_CAPABILITIES, NULL);
	if (j->req->net != NULL) /* our runtime gives each step its own */
		engine_words(&w, "--network", "none", NULL);
	add_inputs(j, &w);
	engine_words(&w, "--file", j->dockerfile, NULL);
	engine_wordf(&w, "--tag=oci:%s:image", j->layout);
	engine_word(&w, j->context);
	rc = engine_run(j, &w, &e, err);
	j->recorded = false;
	if (rc < 0 || (e.status != 0 && check_runtime(j, runtime, err) < 0))
		return -1;
	return engine_check(&e, SS_ESYS, err, "'%s': buildah", j->req->dockerfile);
}

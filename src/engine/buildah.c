/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "crypto/hash.h"
#include "engine/imgref.h"
#include "engine/job.h"
#include "io/self.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

/*
 * buildah, without a daemon. It works in an image store of our own (docs/decisions/0015): the
 * user's stays as it is, and what a killed build left behind can be told from what is somebody
 * else's. Whoever uses the store holds a shared lock on it; who gets the exclusive one is alone
 * and may clear it.
 */

/* The capabilities that Docker and BuildKit give a step and buildah does not. */
#define MORE_CAPABILITIES "CAP_AUDIT_WRITE,CAP_MKNOD,CAP_NET_RAW"

static void begin(const struct engine_job *j, struct engine_words *w)
{
	engine_words(w, j->program, "--root", j->store, "--runroot", j->run_root, NULL);
}

/* Containers and unnamed images: only what died in the middle leaves them. */
static int clear_store(struct engine_job *j, struct ss_err *err)
{
	AUTO_WORDS struct engine_words rm = { 0 };
	AUTO_WORDS struct engine_words rmi = { 0 };
	AUTO_FREE char *answer = NULL;
	struct engine_end e;

	begin(j, &rm);
	engine_words(&rm, "rm", "--all", NULL);
	if (engine_ask(j, &rm, &e, &answer, err) < 0)
		return -1;
	free(TAKE_PTR(answer));
	begin(j, &rmi);
	engine_words(&rmi, "rmi", "--prune", "--force", NULL);
	return engine_ask(j, &rmi, &e, &answer, err);
}

void buildah_clear_steps(struct engine_job *j, const char *work)
{
	AUTO_WORDS struct engine_words list = { 0 };
	AUTO_FREE char *state = engine_text("%s/" ENGINE_STEPS, work);
	AUTO_FREE char *runtime = NULL;
	AUTO_FREE char *ids = NULL;
	struct ss_err ignored = { 0 };
	struct engine_end e;

	if (access(state, F_OK) != 0)
		return;
	runtime = io_self_find("selfsame-runtime", &ignored);
	if (runtime == NULL)
		return;
	engine_words(&list, runtime, "--root", state, "list", "--quiet", NULL);
	if (engine_ask(j, &list, &e, &ids, &ignored) < 0 || e.status != 0)
		return;
	for (char *id = ids; *id != '\0';) {
		AUTO_WORDS struct engine_words kill = { 0 };
		AUTO_FREE char *answer = NULL;
		char *end = id + strcspn(id, "\n");
		char *next = *end == '\n' ? end + 1 : end;

		*end = '\0';
		engine_words(&kill, runtime, "--root", state, "delete", "--force", id, NULL);
		if (engine_ask(j, &kill, &e, &answer, &ignored) < 0)
			return;
		id = next;
	}
}

/* Where containers/storage notes what is mounted: gone after a restart, as the mounts are. One for
 * each store. */
static char *run_root_of(const char *store)
{
	const struct ss_span s = { (const uint8_t *)store, strlen(store) };
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	uint8_t sha[CRYPTO_SHA256_SIZE];
	char hex[17];

	crypto_hash_once(CRYPTO_SHA256, s, sha);
	ss_hex((struct ss_span){ sha, 8 }, hex);
	if (getuid() == 0)
		return engine_text("/run/selfsame/%s", hex);
	if (xdg != NULL && xdg[0] == '/')
		return engine_text("%s/selfsame/%s", xdg, hex);
	return engine_text("/tmp/selfsame-%u/%s", (unsigned)getuid(), hex);
}

int buildah_open(struct engine_job *j, struct ss_err *err)
{
	AUTO_FREE char *cache = io_cache_dir("containers", err);
	AUTO_FREE char *lock = NULL;
	AUTO_CLOSE int alone = -1;

	if (cache == NULL)
		return -1;
	j->store = engine_text("%s/storage", cache);
	j->run_root = run_root_of(j->store);
	lock = engine_text("%s/lock", cache);
	if (j->stale) {
		if (io_lock_file(lock, true, false, &alone, err) < 0)
			return -1;
		if (alone >= 0 && clear_store(j, err) < 0)
			return -1;
		if (alone >= 0)
			(void)close(ss_take_fd(&alone));
	}
	return io_lock_file(lock, false, true, &j->store_lock, err);
}

static void pull_words(const struct engine_job *j, const char *name, const char *platform,
		       const char *policy, struct engine_words *w)
{
	begin(j, w);
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
	begin(j, &list);
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
			engine_wordf(w, "SOURCE_DATE_EPOCH=%u", r->epoch);
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

static bool knows_heredocs(const char *version)
{
	char *end = NULL;
	const unsigned long major = strtoul(version, &end, 10);
	const unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;

	return version[0] < '0' || version[0] > '9' || major > 1 || minor >= 33;
}

int buildah_build(struct engine_job *j, struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };
	AUTO_FREE char *runtime = io_self_find("selfsame-runtime", err);
	struct engine_end e;

	if (runtime == NULL)
		return -1;
	if (j->file.heredoc_line != 0 && !knows_heredocs(j->version)) {
		(void)ss_fail(err, SS_ESYS,
			      "'%s': line %u: buildah %s does not know heredocs; 1.33 does",
			      j->req->dockerfile, j->file.heredoc_line, j->version);
		err->hint = "--engine buildkit, or put the text into a file";
		return -1;
	}
	begin(j, &w);
	engine_words(&w, "bud", "--isolation", getuid() == 0 ? "oci" : "rootless", "--runtime",
		     runtime, "--pull-never", "--no-cache", "--layers=false", NULL);
	/* Docker's format: in OCI's, buildah ignores SHELL. The layout comes out in OCI's all the
	 * same. */
	engine_words(&w, "--format", "docker", "--cap-add", MORE_CAPABILITIES, NULL);
	add_inputs(j, &w);
	engine_words(&w, "--file", j->dockerfile, NULL);
	engine_wordf(&w, "--tag=oci:%s:image", j->layout);
	engine_word(&w, j->context);
	if (engine_run(j, &w, &e, err) < 0)
		return -1;
	return engine_check(&e, SS_ESYS, err, "'%s': buildah", j->req->dockerfile);
}

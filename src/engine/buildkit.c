/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/job.h"
#include "io/atomic.h"

#include <string.h>
#include <unistd.h>

/*
 * BuildKit, by buildctl or by docker buildx. Its steps are run by its daemon with a runtime that
 * was chosen when the daemon began, so what selfsame-runtime sees to with buildah is asked for
 * here: the host name by option, the environment by an ARG line in the pinned Dockerfile
 * (engine.c). What remains different without our runtime, and what with it: docs/determinism.md.
 */

static void add_args(const struct engine_job *j, const char *opt, const char *front,
		     struct engine_words *w)
{
	const struct cfg_pairs *args = j->req->args;

	for (size_t i = 0; i < args->n; i++) {
		engine_word(w, opt);
		engine_wordf(w, "%s%s=%s", front, args->v[i].key, args->v[i].value);
	}
	if (cfg_pairs_get(args, "SOURCE_DATE_EPOCH") == NULL) {
		engine_word(w, opt);
		engine_wordf(w, "%sSOURCE_DATE_EPOCH=%u", front, j->epoch);
	}
	engine_word(w, opt);
	engine_wordf(w, "%sBUILDKIT_SANDBOX_HOSTNAME=selfsame", front);
}

static void add_secrets(const struct engine_job *j, struct engine_words *w)
{
	const struct cfg_pairs *s = j->req->secrets;

	for (size_t i = 0; i < s->n; i++) {
		engine_word(w, "--secret");
		engine_wordf(w, "id=%s,src=%s", s->v[i].key, s->v[i].value);
	}
}

static void buildctl_words(const struct engine_job *j, struct engine_words *w)
{
	engine_words(w, j->program, "build", "--progress", "plain", "--frontend", "dockerfile.v0",
		     "--no-cache", NULL);
	engine_word(w, "--local");
	engine_wordf(w, "context=%s", j->context);
	engine_word(w, "--local");
	engine_wordf(w, "dockerfile=%s/file", j->work.path);
	engine_words(w, "--opt", "filename=Dockerfile", "--opt", NULL);
	engine_wordf(w, "platform=%s", j->platform);
	engine_words(w, "--opt", "hostname=selfsame", NULL);
	if (j->req->target != NULL) {
		engine_word(w, "--opt");
		engine_wordf(w, "target=%s", j->req->target);
	}
	add_args(j, "--opt", "build-arg:", w);
	add_secrets(j, w);
	engine_word(w, "--output");
	engine_wordf(w, "type=oci,tar=false,compression=uncompressed,dest=%s", j->layout);
}

static void buildx_words(const struct engine_job *j, struct engine_words *w)
{
	engine_words(w, j->program, "buildx", "build", "--progress", "plain", "--no-cache",
		     "--provenance=false", "--sbom=false", "--platform", j->platform, "--file",
		     j->dockerfile, NULL);
	if (j->req->target != NULL)
		engine_words(w, "--target", j->req->target, NULL);
	add_args(j, "--build-arg", "", w);
	add_secrets(j, w);
	engine_word(w, "--output");
	engine_wordf(w, "type=oci,tar=false,compression=uncompressed,dest=%s", j->layout);
	engine_word(w, j->context);
}

/* BuildKit pulls while it builds: its words tell whose failure it was. */
static enum ss_code blame(const struct engine_job *j, const char *words)
{
	static const char *const remote[] = {
		"failed to resolve source metadata",
		"failed to do request",
		"failed to authorize",
		"failed to copy: httpReadSeeker",
		"unexpected status code",
	};

	for (size_t i = 0; i < SS_NELEMS(remote); i++)
		if (strstr(words, remote[i]) != NULL)
			return SS_EREMOTE;
	for (size_t i = 0; i < j->file.n_uses; i++) {
		AUTO_FREE char *front =
			engine_text("solve: %s@%s: ", j->file.uses[i].repo, j->digests[i]);

		if (strstr(words, front) != NULL)
			return SS_EREMOTE;
	}
	return SS_ESYS;
}

/* BuildKit 0.11 leaves out the file that says what the folder is. */
static int complete_layout(const struct engine_job *j, struct ss_err *err)
{
	static const char text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	AUTO_FREE char *path = engine_text("%s/oci-layout", j->layout);
	AUTO_FREE char *index = engine_text("%s/index.json", j->layout);

	if (access(path, F_OK) == 0 || access(index, F_OK) != 0)
		return 0;
	return io_atomic_store(path, (struct ss_span){ (const uint8_t *)text, sizeof(text) - 1 },
			       err);
}

int buildkit_build(struct engine_job *j, struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };
	AUTO_FREE char *words = NULL;
	struct engine_end e;

	if (j->kind == ENGINE_BUILDX)
		buildx_words(j, &w);
	else
		buildctl_words(j, &w);
	if (engine_run(j, &w, &e, err) < 0)
		return -1;
	words = engine_last_words(&e);
	if (engine_check(&e, blame(j, words), err, "'%s': BuildKit", j->req->dockerfile) < 0)
		return -1;
	return complete_layout(j, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "crypto/hash.h"
#include "engine/imgref.h"
#include "engine/job.h"
#include "io/file.h"

#include <stdlib.h>
#include <string.h>

#define MANIFEST_MAX ((size_t)4 * 1024 * 1024) /* what registries accept */

/* The digest of what is in the spool `fd`: a manifest or an index, byte for byte. */
static int digest_of(int fd, char **ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(MANIFEST_MAX);
	uint8_t block[16384], sha[CRYPTO_SHA256_SIZE];
	char hex[2 * CRYPTO_SHA256_SIZE + 1];
	uint64_t at = 0;
	size_t n;

	do {
		if (io_pread_full(fd, at, block, sizeof(block), &n, err) < 0)
			return -1;
		ss_buf_put(&b, (struct ss_span){ block, n });
		at += n;
	} while (n == sizeof(block) && !b.bad);
	if (ss_buf_check(&b, "the manifest", err) < 0)
		return -1;
	if (b.n == 0 || b.p[0] != '{')
		return ss_fail(err, SS_EREMOTE, "the registry's answer is not a manifest");
	crypto_hash_once(CRYPTO_SHA256, ss_buf_span(&b), sha);
	ss_hex((struct ss_span){ sha, sizeof(sha) }, hex);
	*ret = engine_text("sha256:%s", hex);
	return 0;
}

/* Runs a command whose standard output is the raw manifest. */
static int resolve_raw(struct engine_job *j, const struct engine_words *w, const char *name,
		       char **ret, struct ss_err *err)
{
	AUTO_CLOSE int spool = -1;
	struct engine_end e;

	if (io_spool_new(&spool, err) < 0 || engine_run_to(j, w, spool, &e, err) < 0)
		return -1;
	if (engine_check(&e, SS_EREMOTE, err, "cannot resolve '%s'", name) < 0)
		return -1;
	if (digest_of(spool, ret, err) < 0)
		return ss_ctx(err, "cannot resolve '%s'", name);
	return 0;
}

static int resolve_skopeo(struct engine_job *j, const char *skopeo, const char *name, char **ret,
			  struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };

	/* The engines read it themselves: the digest must be of the image that they pull. */
	const char *conf = getenv("CONTAINERS_REGISTRIES_CONF");

	engine_words(&w, skopeo, "inspect", "--raw", NULL);
	if (conf != NULL && conf[0] != '\0')
		engine_words(&w, "--registries-conf", conf, NULL);
	if (imgref_is_loopback(name))
		engine_word(&w, "--tls-verify=false");
	engine_wordf(&w, "docker://%s", name);
	return resolve_raw(j, &w, name, ret, err);
}

static int resolve_buildx(struct engine_job *j, const char *name, char **ret, struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };

	if (j->kind != ENGINE_BUILDX) {
		(void)ss_fail(err, SS_ESYS, "cannot resolve '%s': skopeo is not installed", name);
		err->hint = "on Debian: apt-get install skopeo; or pin the image by digest";
		return -1;
	}
	engine_words(&w, j->program, "buildx", "imagetools", "inspect", "--raw", name, NULL);
	return resolve_raw(j, &w, name, ret, err);
}

/* skopeo asks the registry for the very bytes; the engines know the digest in their own ways. */
static int resolve(struct engine_job *j, const struct df_use *u, char **ret, struct ss_err *err)
{
	AUTO_FREE char *skopeo = io_spawn_find("skopeo");

	if (skopeo != NULL)
		return resolve_skopeo(j, skopeo, u->name, ret, err);
	if (j->kind == ENGINE_BUILDAH)
		return buildah_resolve(j, u->name, engine_platform(j, u), ret, err);
	return resolve_buildx(j, u->name, ret, err);
}

static const char *known(const struct cfg_list *bases, const char *name)
{
	const struct cfg_base *v = bases->v;

	for (size_t i = 0; i < bases->n; i++)
		if (strcmp(v[i].name, name) == 0)
			return v[i].digest;
	return NULL;
}

static void remember(struct cfg_list *bases, const char *name, const char *digest)
{
	struct cfg_lock l = { .bases = *bases };

	cfg_lock_base_set(&l, name, digest);
	*bases = l.bases;
}

static int pin_use(struct engine_job *j, const struct df_use *u, struct cfg_list *bases, char **ret,
		   struct ss_err *err)
{
	const struct engine_request *req = j->req;
	const char *digest = u->digest;

	if (digest == NULL)
		digest = known(bases, u->name);
	if (digest == NULL && req->locked != NULL)
		digest = cfg_lock_base(req->locked, u->name);
	if (digest == NULL && req->locked_only) {
		(void)ss_fail(err, SS_EINPUT, "line %u: '%s' is not in the lock", u->line, u->name);
		err->hint = "'selfsame build' resolves it and writes the lock anew";
		return -1;
	}
	if (digest != NULL) {
		*ret = engine_text("%s", digest);
	} else {
		AUTO_FREE char *text = engine_text("resolving %s", u->name);

		ss_progress_note(req->progress, text);
		if (resolve(j, u, ret, err) < 0)
			return ss_ctx(err, "line %u", u->line);
	}
	if (u->digest == NULL)
		remember(bases, u->name, *ret);
	return 0;
}

int engine_pin(struct engine_job *j, struct cfg_list *bases, struct ss_err *err)
{
	j->digests = ss_calloc(j->file.n_uses, sizeof(*j->digests));
	for (size_t i = 0; i < j->file.n_uses; i++)
		if (pin_use(j, &j->file.uses[i], bases, &j->digests[i], err) < 0)
			return -1;
	return 0;
}

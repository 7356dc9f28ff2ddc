/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "io/atomic.h"
#include "project/paths.h"
#include "project/project.h"

#include <string.h>

#define DIGEST_MAX (sizeof("sha256:") + (size_t)2 * CRYPTO_SHA256_SIZE)

static void hex32(const uint8_t sha256[CRYPTO_SHA256_SIZE], char ret[2 * CRYPTO_SHA256_SIZE + 1])
{
	ss_hex((struct ss_span){ sha256, CRYPTO_SHA256_SIZE }, ret);
}

/* The image that was taken, unless it was built here, where its digest means nothing. */
void project_lock_image(struct cfg_lock *l, const struct project_plan *p,
			const struct oci_image *image)
{
	char hex[(size_t)2 * CRYPTO_SHA256_SIZE + 1];
	char digest[DIGEST_MAX];

	if (p->source == NULL) {
		cfg_text_set(&l->dockerfile, p->elsewhere);
		cfg_text_set(&l->target, p->config.build.target);
		cfg_text_set(&l->platform, p->config.build.platform);
		for (size_t i = 0; i < p->config.build.args.n; i++)
			cfg_pairs_set(&l->args, p->config.build.args.v[i].key,
				      p->config.build.args.v[i].value);
		return;
	}
	if (!image->has_config)
		return;
	hex32(image->manifest_sha256, hex);
	(void)snprintf(digest, sizeof(digest), "sha256:%s", hex);
	cfg_text_set(&l->manifest, digest);
}

void project_lock_runtime(struct cfg_lock *l, const struct project_plan *p,
			  const struct project_runtime *r, const struct image_result *image,
			  const char *cmdline)
{
	char hex[2 * CRYPTO_SHA256_SIZE + 1];

	hex32(image->kernel_sha256, hex);
	cfg_text_set(&l->kernel, r->kernel_kind != NULL ? r->kernel_kind : "file");
	cfg_text_set(&l->kernel_sha256, hex);
	cfg_text_set(&l->kernel_standing, r->standing != NULL ? r->standing : "unknown");
	if (p->is_rebuild)
		cmdline = p->locked.cmdline;
	cfg_text_set(&l->cmdline, cmdline != NULL && cmdline[0] != '\0' ? cmdline : NULL);
	hex32(image->init_sha256, hex);
	cfg_pairs_set(&l->runtime, "init", hex);
	hex32(image->dataplane_sha256, hex);
	cfg_pairs_set(&l->runtime, "dataplane", hex);
	hex32(image->keyplane_sha256, hex);
	cfg_pairs_set(&l->runtime, "keyplane", hex);
}

static int store(const char *dir, const char *name, const struct ss_buf *b, struct ss_err *err)
{
	AUTO_FREE char *path = project_path_join(dir, name);

	if (ss_buf_check(b, name, err) < 0)
		return -1;
	return io_atomic_store(path, ss_buf_span(b), err);
}

int project_record(const struct project_result *r, struct ss_err *err)
{
	AUTO_BUF struct ss_buf measured = SS_BUF_INIT(CFG_MEASUREMENTS_MAX);
	AUTO_BUF struct ss_buf lock = SS_BUF_INIT(CFG_LOCK_MAX);
	struct cfg_measurements m = { .m = r->image.m, .source = r->plan.git.source };

	m.source.dirty = m.source.dirty || r->plan.git.beside;
	cfg_measurements_write(&m, &measured);
	if (store(r->plan.records, "measurements.json", &measured, err) < 0)
		return -1;
	if (!r->plan.has_config)
		return 0;
	cfg_lock_write(&r->lock, &lock);
	return store(r->plan.records, "enclave.lock", &lock, err);
}

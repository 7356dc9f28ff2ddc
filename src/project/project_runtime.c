/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/show.h"
#include "base/text.h"
#include "io/file.h"
#include "io/self.h"
#include "project/paths.h"
#include "project/project.h"

#include <string.h>

/*
 * The runtime's folder holds <arch>/init, <arch>/dataplane, <arch>/keyplane, <arch>/cmdline
 * and <arch>/kernel-<profile> (tools/runtime-all). It is found beside the executable, then in its
 * library folder.
 */

static int load_cmdline(const char *path, char **ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(IMAGE_MAX_CMDLINE);

	if (io_load_file(path, &b, err) < 0)
		return -1;
	while (b.n > 0 && (b.p[b.n - 1] == '\n' || b.p[b.n - 1] == ' '))
		b.n--;
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] < 0x20 || b.p[i] > 0x7e)
			return ss_fail(err, SS_EINPUT, "'%s' is not one line of ASCII text",
				       SS_SHOW(ss_text(path)));
	*ret = ss_calloc(b.n + 1, 1);
	if (b.n > 0)
		memcpy(*ret, b.p, b.n);
	return 0;
}

static int find_kernel(const struct project_plan *p, const struct project_options *o,
		       const char *folder, struct project_runtime *r, struct ss_err *err)
{
	const char *kind = o->kernel;
	char file[32];

	if (kind == NULL)
		kind = p->is_rebuild ? p->locked.kernel : "nitro";
	if (strcmp(kind, "file") == 0) {
		(void)ss_fail(err, SS_EUSAGE, "the lock has a kernel of your own, sha256 %s",
			      p->locked.kernel_sha256);
		err->hint = "give it with --kernel FILE";
		return -1;
	}
	if (strcmp(kind, "nitro") != 0 && strcmp(kind, "local") != 0) {
		r->kernel_kind = "file";
		r->kernel = ss_copy(kind);
		return 0;
	}
	r->kernel_kind = strcmp(kind, "local") == 0 ? "local" : "nitro";
	(void)snprintf(file, sizeof(file), "kernel-%s", r->kernel_kind);
	r->kernel = project_path_join(folder, file);
	if (access(r->kernel, R_OK) == 0)
		return 0;
	(void)ss_fail_sys(err, "no enclave kernel '%s'", SS_SHOW(ss_text(r->kernel)));
	err->hint = "'make kernel' or 'selfsame kernel build' makes it; --kernel names another";
	return -1;
}

int project_hash_file(const char *path, uint8_t ret[CRYPTO_SHA256_SIZE], struct ss_err *err)
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	AUTO_CLOSE int fd = -1;
	uint8_t block[16384];
	size_t n;

	if (io_open_file(path, &fd, NULL, err) < 0)
		return -1;
	do {
		if (io_read_full(fd, block, sizeof(block), &n, err) < 0)
			return ss_ctx(err, "'%s'", SS_SHOW(ss_text(path)));
		crypto_hash_put(h, (struct ss_span){ block, n });
	} while (n == sizeof(block));
	crypto_hash_end(h, ret);
	return 0;
}

/* A rebuild with another kernel or init cannot give the locked bytes: say so before the work. */
static int keep_to_lock(const char *what, const char *path, const char *want, struct ss_err *err)
{
	uint8_t sha256[CRYPTO_SHA256_SIZE];
	char hex[2 * CRYPTO_SHA256_SIZE + 1];

	if (project_hash_file(path, sha256, err) < 0)
		return -1;
	ss_hex((struct ss_span){ sha256, sizeof(sha256) }, hex);
	if (want == NULL || strcmp(hex, want) == 0)
		return 0;
	(void)ss_fail(err, SS_EINPUT, "the lock wants %s sha256 %s, but '%s' is %s", what, want,
		      SS_SHOW(ss_text(path)), hex);
	err->hint = "take the release that the lock names, or build that kernel from its source";
	return -1;
}

static int check_lock(const struct project_plan *p, const struct project_runtime *r,
		      struct ss_err *err)
{
	if (keep_to_lock("kernel", r->kernel, p->locked.kernel_sha256, err) < 0)
		return -1;
	if (keep_to_lock("init", r->init, cfg_pairs_get(&p->locked.runtime, "init"), err) < 0)
		return -1;
	if (keep_to_lock("dataplane", r->dataplane, cfg_pairs_get(&p->locked.runtime, "dataplane"),
			 err) < 0)
		return -1;
	return keep_to_lock("keyplane", r->keyplane, cfg_pairs_get(&p->locked.runtime, "keyplane"),
			    err);
}

int project_runtime_find(const struct project_plan *p, const struct project_options *o,
			 struct project_runtime *ret, struct ss_err *err)
{
	SS_CLEANUP(project_runtime_done) struct project_runtime r = { .standing = "unknown" };
	AUTO_FREE char *base = NULL;
	AUTO_FREE char *folder = NULL;
	AUTO_FREE char *cmdline = NULL;
	uint8_t sha256[CRYPTO_SHA256_SIZE];

	base = o->runtime != NULL ? ss_copy(o->runtime) : io_self_find("runtime", err);
	if (base == NULL) {
		err->hint = "'make runtime' makes it; --runtime names another folder";
		return -1;
	}
	folder = project_path_join(base, p->arch);
	r.init = project_path_join(folder, "init");
	r.dataplane = project_path_join(folder, "dataplane");
	r.keyplane = project_path_join(folder, "keyplane");
	cmdline = project_path_join(folder, "cmdline");
	if (find_kernel(p, o, folder, &r, err) < 0 || load_cmdline(cmdline, &r.cmdline, err) < 0)
		return -1;
	if (p->is_rebuild && check_lock(p, &r, err) < 0)
		return -1;
	if (project_hash_file(r.kernel, sha256, err) < 0)
		return -1;
	r.standing = project_kernel_standing(p->arch, sha256);
	*ret = r;
	r = (struct project_runtime){ 0 };
	return 0;
}

void project_runtime_done(struct project_runtime *r)
{
	free(r->kernel);
	free(r->init);
	free(r->dataplane);
	free(r->keyplane);
	free(r->cmdline);
}

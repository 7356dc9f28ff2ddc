/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "project/paths.h"
#include "project/project.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Another image gives another result: that says nothing of the one that the lock has. */
static int check_manifest(const struct project_result *r, struct ss_err *err)
{
	const char *want = r->plan.locked.manifest;
	const char *got = r->lock.manifest;
	const char *source = r->plan.source;
	struct ss_span name;

	if (source == NULL || same_text(want, got))
		return 0;
	name = (struct ss_span){ (const uint8_t *)source, strlen(source) };
	return ss_fail(err, SS_EINPUT, "the lock wants the image %s, but '%s' is %s",
		       want != NULL ? want : "that has no manifest", SS_SHOW(name),
		       got != NULL ? got : "one without a manifest");
}

/* Nor does another kernel or init, which only the nitro-cli layout finds out so late. */
static int check_blobs(const struct project_result *r, struct ss_err *err)
{
	const struct cfg_lock *want = &r->plan.locked;
	const struct cfg_lock *got = &r->lock;
	const char *init = cfg_pairs_get(&want->runtime, "init");
	const char *taken = cfg_pairs_get(&got->runtime, "init");

	if (!same_text(want->kernel_sha256, got->kernel_sha256))
		return ss_fail(err, SS_EINPUT, "the lock wants kernel sha256 %s, but it is %s",
			       want->kernel_sha256, got->kernel_sha256);
	if (!same_text(init, taken))
		return ss_fail(err, SS_EINPUT, "the lock wants init sha256 %s, but it is %s",
			       init != NULL ? init : "none", taken != NULL ? taken : "none");
	return 0;
}

int project_rebuild(const struct project_options *o, struct project_result *ret, bool *ret_same,
		    void (*differs)(void *ctx, const char *what, const char *want, const char *got),
		    void *ctx, struct ss_err *err)
{
	const char *dir = o->source != NULL ? o->source : ".";
	AUTO_FREE char *path = project_path_join(dir, "measurements.json");
	struct cfg_measurements want = { 0 };

	if (o->source != NULL && oci_is_source(o->source))
		return ss_fail(err, SS_EUSAGE, "rebuild takes a project's folder, not an image");
	if (access(path, F_OK) != 0) {
		(void)ss_fail_sys(err, "nothing to compare with: '%s'", path);
		err->code = SS_EUSAGE;
		return -1;
	}
	if (cfg_measurements_load(path, &want, err) < 0)
		return -1;
	if (project_make(o, true, ret, err) < 0)
		return -1;
	ret->file_compared = want.m.has_pcr8 == ret->image.m.has_pcr8;
	*ret_same = cfg_measurements_same(&want.m, &ret->image.m, differs, ctx);
	if (*ret_same)
		return 0;
	return check_blobs(ret, err) < 0 ? -1 : check_manifest(ret, err);
}

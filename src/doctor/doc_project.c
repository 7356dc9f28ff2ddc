/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doc_project.h"

#include "io/cache.h"
#include "io/clock.h"

#include <string.h>

/*
 * Steps fetch through a recorder in every build of a run, or in none: what it changes is then no
 * difference. With it a step's clock may be years ahead, for it asks servers by the true one, shows
 * steps a certificate of its own, and tells apt to bear an old index. A project that does not build
 * so (a protocol that is not recorded, no right to a network name space) has the machine's network.
 */
struct builds {
	const struct project_options *o;
	const char *dir; /* a private folder */
	bool recorded;
	bool settled; /* the first build was made */
};

static int build_once(const struct builds *b, uint32_t vary, const char *output, struct ss_err *err)
{
	SS_CLEANUP(project_result_done) struct project_result result = { 0 };
	struct project_options o = *b->o;
	AUTO_VIEW struct hm_view view = { 0 };
	AUTO_FREE char *work = NULL;

	int rc;

	if (doc_conditions(vary, b->dir, &view, &work, err) < 0)
		return -1;
	o.output = output;
	o.view = &view;
	o.work = work;
	o.trial = true;
	o.recorded = b->recorded;
	rc = project_build(&o, &result, err);
	doc_conditions_end(b->dir);
	return rc;
}

static int build(void *ctx, uint32_t vary, const char *output, struct ss_err *err)
{
	struct builds *b = ctx;
	struct ss_err why = { 0 };
	char line[SS_ERR_MSG_MAX + 64];
	bool built;

	if (b->settled)
		return build_once(b, vary, output, err);
	built = build_once(b, vary, output, &why) == 0;
	b->settled = true;
	if (built)
		return 0;
	(void)snprintf(line, sizeof(line), "again, with the network of this machine: %s", why.msg);
	ss_progress_note(b->o->progress, line);
	b->recorded = false;
	return build_once(b, vary, output, err);
}

/* Only buildah lets the steps through our runtime; found out now, not after the first build. */
static int check_engine(const struct project_options *o, struct ss_err *err)
{
	SS_CLEANUP(project_plan_done) struct project_plan plan = { 0 };

	if (project_plan_make(o, false, &plan, err) < 0)
		return -1;
	if (plan.source == NULL)
		return 0;
	(void)ss_fail(err, SS_EUSAGE, "what is built is an image, not a Dockerfile");
	err->hint = "'selfsame diff' compares two images";
	return -1;
}

int doc_project(const struct project_options *o, uint32_t vary, bool quick, struct doc_report *ret,
		struct ss_err *err)
{
	AUTO_FREE char *cache = NULL;
	AUTO_PRIVATE struct io_private dir = IO_PRIVATE_NONE;
	struct builds builds = { .o = o, .recorded = true };
	struct doc_builder b = {
		.build = build,
		.ctx = &builds,
		.compare = { .arch = o->arch != NULL ? o->arch : "x86_64", .limits = o->limits },
		.now_ms = io_clock_steady_ms,
		.progress = o->progress,
		.quick = quick,
	};

	if (check_engine(o, err) < 0)
		return -1;
	cache = io_cache_dir("doctor", err);
	if (cache == NULL || io_private_new(cache, &dir, NULL, NULL, err) < 0)
		return -1;
	b.dir = builds.dir = dir.path;
	b.compare.known = doc_known(&b.compare.n_known);
	return doc_run(&b, vary, ret, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doc_twice.h"

#include "base/mem.h"
#include "base/text.h"
#include "io/cache.h"

#include <stdio.h>
#include <string.h>

#define SECOND "second.eif"

int doc_twice_check(const struct project_options *o, struct ss_err *err)
{
	SS_CLEANUP(project_plan_done) struct project_plan plan = { 0 };

	if (project_plan_make(o, false, &plan, err) < 0)
		return -1;
	if (plan.source != NULL)
		return ss_fail(err, SS_EUSAGE,
			       "--double runs steps twice; an image that is taken has none");
	if (plan.has_config)
		return 0;
	(void)ss_fail(err, SS_EUSAGE,
		      "--double needs an enclave.toml: its second run goes by the lock");
	err->hint = "'selfsame init' writes one";
	return -1;
}

/* What is told is the difference of the files. */
static void ignore(void *ctx, const char *what, const char *want, const char *got)
{
	(void)ctx;
	(void)what;
	(void)want;
	(void)got;
}

/* "/out/began" of "rootfs/out/began"; a member of a container is the container's. */
static uint64_t step_of(const struct ex_diff *d, struct project_result *first,
			struct project_result *second)
{
	const char *top = "rootfs";
	const uint8_t *inner = d->path.n > 0 ? memchr(d->path.p, '!', d->path.n) : NULL;
	struct ss_span path = { d->path.p,
				inner != NULL ? (size_t)(inner - d->path.p) : d->path.n };
	uint64_t step;

	if (!ss_begins(path, "rootfs/"))
		return 0;
	path = (struct ss_span){ path.p + strlen(top), path.n - strlen(top) };
	step = project_written_by(&second->written, path);
	return step != 0 ? step : project_written_by(&first->written, path);
}

static int compare(const struct project_options *o, struct project_result *first,
		   struct project_result *second, struct doc_twice *ret, struct ss_err *err)
{
	const struct ex_options how = { .arch = first->plan.arch,
					.limits = o->limits,
					.progress = o->progress };

	if (cfg_measurements_same(&first->image.m, &second->image.m, ignore, ret)) {
		ret->same = true;
		return 0;
	}
	if (ex_compare(first->plan.output, second->plan.output, &how, &ret->diff, err) < 0)
		return -1;
	ret->steps = ss_calloc(ret->diff.n + 1, sizeof(*ret->steps));
	for (size_t i = 0; i < ret->diff.n; i++)
		ret->steps[i] = step_of(&ret->diff.diffs[i], first, second);
	return 0;
}

int doc_twice(const struct project_options *o, struct project_result *first, struct doc_twice *ret,
	      struct ss_err *err)
{
	SS_CLEANUP(project_result_done) struct project_result second = { 0 };
	AUTO_FREE char *cache = io_cache_dir("doctor", err);
	AUTO_PRIVATE struct io_private dir = IO_PRIVATE_NONE;
	AUTO_FREE char *output = NULL;
	struct project_options again = *o;
	struct doc_twice t = { 0 };
	size_t n;

	if (cache == NULL || io_private_new(cache, &dir, NULL, NULL, err) < 0)
		return -1;
	n = strlen(dir.path) + sizeof("/" SECOND);
	output = ss_calloc(n, 1);
	(void)snprintf(output, n, "%s/" SECOND, dir.path);
	again.source = first->plan.dir;
	again.output = output;
	if (project_make(&again, true, &second, err) < 0 || compare(o, first, &second, &t, err) < 0)
		return ss_ctx(err, "the second run");
	*ret = t;
	return 0;
}

void doc_twice_done(struct doc_twice *t)
{
	ex_report_done(&t->diff);
	free(t->steps);
	t->steps = NULL;
}

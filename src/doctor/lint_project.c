/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_project.h"

#include "base/show.h"
#include "base/text.h"
#include "io/file.h"
#include "project/paths.h"

#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)4 << 20) /* a requirements.txt with all its hashes */
#define LOOKS_MAX 64u              /* at files of the context */

struct context {
	const struct project_plan *plan;
	unsigned looks;
};

static bool climbs(const char *path)
{
	for (const char *p = strstr(path, ".."); p != NULL; p = strstr(p + 2, ".."))
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return path[0] == '/' || path[0] == '\0';
}

static bool file_holds(const char *path, const char *text)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(FILE_MAX);
	struct ss_err ignored = { 0 };
	struct stat st = { 0 };

	/* Never a pipe or a device, on which a read might wait. */
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || io_load_file(path, &b, &ignored) < 0)
		return false;
	return b.n > 0 && memmem(b.p, b.n, text, strlen(text)) != NULL;
}

static bool has(void *ctx, const char *path, const char *text)
{
	struct context *c = ctx;
	AUTO_FREE char *full = project_path_join(c->plan->context, path);

	return !climbs(path) && c->looks++ < LOOKS_MAX && file_holds(full, text);
}

static const char *platform_of(const struct project_plan *p)
{
	if (p->config.build.platform != NULL)
		return p->config.build.platform;
	return strcmp(p->arch, "aarch64") == 0 ? "linux/arm64" : "linux/amd64";
}

static struct lint_options options_of(struct context *c)
{
	const struct project_plan *p = c->plan;

	return (struct lint_options){
		.locked = p->has_lock ? &p->locked : NULL,
		.args = &p->config.build.args,
		.platform = platform_of(p),
		.target = p->config.build.target,
		.has = has,
		.ctx = c,
	};
}

int lint_project_load(const struct project_plan *p, struct ss_buf *ret, struct ss_err *err)
{
	if (p->source != NULL) {
		(void)ss_fail(err, SS_EUSAGE, "'%s' is an image, not a Dockerfile",
			      SS_SHOW(ss_text(p->source)));
		err->hint = "'selfsame describe' and 'selfsame diff' look at images";
		return -1;
	}
	return io_load_file(p->dockerfile, ret, err);
}

int lint_project(const struct project_plan *p, struct ss_span text, struct lint_report *ret,
		 struct ss_err *err)
{
	struct context c = { .plan = p };
	const struct lint_options o = options_of(&c);

	if (lint_read(text, &o, ret, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(ss_text(p->dockerfile)));
	return 0;
}

int lint_project_mend(const struct project_plan *p, struct ss_span text,
		      const struct lint_report *found, struct doc_mend *ret, struct ss_err *err)
{
	struct context c = { .plan = p };
	const struct lint_options o = options_of(&c);

	if (doc_mend_lint(text, &o, found, ret, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(ss_text(p->dockerfile)));
	return 0;
}

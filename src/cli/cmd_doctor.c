/* SPDX-License-Identifier: Apache-2.0 */
#include "base/near.h"
#include "base/show.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/doctor_apply.h"
#include "cli/doctor_show.h"
#include "cli/limits.h"
#include "cli/lint_show.h"
#include "doctor/doc_project.h"
#include "doctor/lint_project.h"
#include "fmt/json.h"
#include "io/clock.h"
#include "io/file.h"
#include "project/paths.h"

#include <errno.h>
#include <unistd.h>

#define TOML_MAX ((size_t)1 << 20)

struct opts {
	bool lint;
	bool json;
	bool all;
	bool apply;
	bool yes;
	bool quick;
	const char *engine;
	const char *kernel;
	const char *runtime;
	const char *epoch;
	struct cli_list secrets;
	struct cli_list only;
	struct cli_list skip;
	struct cli_limits limits;
	const char *dockerfile;
	const char *target;
	const char *arch;
	struct cli_list args;
};

static const struct cli_opt opt_table[] = {
	{ .name = "lint",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, lint),
	  .help = "look at the Dockerfile only; nothing is built or fetched" },
	{ .name = "apply",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, apply),
	  .help = "mend what a line or a word mends: show the patch, ask, write it" },
	{ .name = "yes",
	  .letter = 'y',
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, yes),
	  .help = "with --apply: do not ask" },
	{ .name = "file",
	  .letter = 'f',
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, dockerfile),
	  .arg = "FILE",
	  .help = "the Dockerfile, if it is not DIR/Dockerfile",
	  .value = CLI_FILE },
	{ .name = "target",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, target),
	  .arg = "STAGE",
	  .help = "the stage of the Dockerfile that is built" },
	{ .name = "build-arg",
	  .kind = CLI_LIST,
	  .at = offsetof(struct opts, args),
	  .arg = "KEY=VALUE",
	  .help = "an ARG of the Dockerfile" },
	{ .name = "arch",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, arch),
	  .arg = "ARCH",
	  .help = "architecture of the enclave; x86_64 without it",
	  .choices = "x86_64 aarch64" },
	{ .name = "only",
	  .kind = CLI_LIST,
	  .at = offsetof(struct opts, only),
	  .arg = "NAME",
	  .help = "vary this and nothing else" },
	{ .name = "skip",
	  .kind = CLI_LIST,
	  .at = offsetof(struct opts, skip),
	  .arg = "NAME",
	  .help = "leave this as it is" },
	{ .name = "quick",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, quick),
	  .help = "two builds: what differs, not what triggers it" },
	{ .name = "all",
	  .letter = 'a',
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, all),
	  .help = "show every difference, not three of each cause" },
	{ .name = "secret",
	  .kind = CLI_LIST,
	  .at = offsetof(struct opts, secrets),
	  .arg = "ID=FILE",
	  .help = "a file for RUN --mount=type=secret" },
	{ .name = "source-date-epoch",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, epoch),
	  .arg = "N",
	  .help = "seconds since 1970 that every file gets, or commit" },
	{ .name = "engine",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, engine),
	  .arg = "ENGINE",
	  .help = "what builds the Dockerfile; only buildah lets a step be varied",
	  .choices = "auto buildah" },
	{ .name = "kernel",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, kernel),
	  .arg = "KERNEL",
	  .help = "nitro (the default), local for QEMU only, or a file",
	  .value = CLI_FILE },
	{ .name = "runtime",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, runtime),
	  .arg = "DIR",
	  .help = "folder that holds <arch>/init, cmdline and kernels",
	  .value = CLI_DIR },
	CLI_OPTS_LIMITS(struct opts, limits),
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

static int apply_lint(struct cli_run *r, const struct project_plan *plan, struct ss_span text,
		      const struct lint_report *report, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_DOC_MEND struct doc_mend mend = { .mended = 0 };
	const struct cli_patch patch = { plan->dockerfile, text, &mend.patch };
	bool written;

	if (lint_project_mend(plan, text, report, &mend, err) < 0 ||
	    cli_doctor_apply(&patch, 1, o->yes, &written, err) < 0)
		return -1;
	if (!written)
		return 0;
	(void)printf("%zu mended, %zu left to be mended by hand\n", mend.mended, mend.by_hand);
	r->status = mend.by_hand > 0;
	return 0;
}

static int lint(struct cli_run *r, const struct project_options *project, struct ss_err *err)
{
	const struct opts *o = r->opts;
	SS_CLEANUP(project_plan_done) struct project_plan plan = { 0 };
	SS_CLEANUP(lint_report_done) struct lint_report report = { 0 };
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(LINT_FILE_MAX);
	AUTO_JSON json_t *j = NULL;

	if (project_plan_make(project, false, &plan, err) < 0 ||
	    lint_project_load(&plan, &text, err) < 0 ||
	    lint_project(&plan, ss_buf_span(&text), &report, err) < 0)
		return -1;
	r->status = report.n > 0;
	if (!o->json) {
		cli_lint_text(&report, plan.dockerfile);
		return o->apply && report.n > 0
			       ? apply_lint(r, &plan, ss_buf_span(&text), &report, err)
			       : 0;
	}
	j = cli_lint_json(&report, plan.dockerfile);
	return cli_json_print(j, err);
}

/* The bits of the names; an unknown one names its neighbour. */
static int read_names(const struct cli_list *names, uint32_t *ret, struct ss_err *err)
{
	*ret = 0;
	for (size_t i = 0; i < names->n; i++) {
		const int v = doc_find(names->v[i]);
		struct ss_near near = ss_near_init(names->v[i]);

		for (int k = 0; v < 0 && k < DOC_VARIATIONS; k++)
			ss_near_offer(&near, doc_row((enum doc_variation)k)->name);
		if (v < 0)
			return ss_fail(err, SS_EUSAGE, "no variation '%s'%s%s%s",
				       SS_SHOW(ss_text(names->v[i])),
				       near.best != NULL ? "; did you mean '" : "",
				       near.best != NULL ? near.best : "",
				       near.best != NULL ? "'?" : "");
		*ret |= 1u << v;
	}
	return 0;
}

/* The files that a patch may change, as they were before the first build. */
struct before {
	struct project_plan plan;
	struct ss_buf file;
	struct ss_buf toml;
	char *toml_path; /* NULL = there is no enclave.toml */
};

static void before_done(struct before *b)
{
	project_plan_done(&b->plan);
	ss_buf_done(&b->file);
	ss_buf_done(&b->toml);
	free(b->toml_path);
}

static int load_before(const struct project_options *project, struct before *b, struct ss_err *err)
{
	b->file = (struct ss_buf)SS_BUF_INIT(LINT_FILE_MAX);
	b->toml = (struct ss_buf)SS_BUF_INIT(TOML_MAX);
	if (project_plan_make(project, false, &b->plan, err) < 0 ||
	    lint_project_load(&b->plan, &b->file, err) < 0)
		return -1;
	if (!b->plan.has_config)
		return 0;
	b->toml_path = project_path_join(b->plan.dir, "enclave.toml");
	return io_load_file(b->toml_path, &b->toml, err);
}

static int apply_causes(const struct opts *o, const struct before *b,
			const struct doc_report *report, struct ss_err *err)
{
	AUTO_DOC_MEND struct doc_mend file = { .mended = 0 };
	AUTO_DOC_MEND struct doc_mend toml = { .mended = 0 };
	const struct ss_span was = ss_buf_span(&b->toml);
	const struct cli_patch patches[] = {
		{ b->plan.dockerfile, ss_buf_span(&b->file), &file.patch },
		{ b->toml_path, was, &toml.patch },
	};
	bool written;

	if (doc_mend_causes(ss_buf_span(&b->file), b->toml_path != NULL ? &was : NULL, report,
			    &file, &toml, err) < 0 ||
	    cli_doctor_apply(patches, b->toml_path != NULL ? 2 : 1, o->yes, &written, err) < 0)
		return -1;
	if (written)
		(void)printf(
			"%zu causes mended, %zu left to be mended by hand; doctor again tells\n",
			file.mended + toml.mended, file.by_hand);
	return 0;
}

static int build(struct cli_run *r, const struct project_options *project, struct ss_err *err)
{
	const struct opts *o = r->opts;
	SS_CLEANUP(before_done) struct before before = { .toml_path = NULL };
	SS_CLEANUP(doc_report_done) struct doc_report report = { 0 };
	AUTO_JSON json_t *j = NULL;
	uint32_t only, skip;

	if (read_names(&o->only, &only, err) < 0 || read_names(&o->skip, &skip, err) < 0 ||
	    (o->apply && load_before(project, &before, err) < 0))
		return -1;
	if (doc_project(project, (o->only.n > 0 ? only : DOC_ALL) & ~skip, o->quick, &report, err) <
	    0)
		return -1;
	r->status = report.diff.files > 0;
	if (!o->json) {
		cli_doctor_text(&report, o->all);
		return o->apply && r->status != 0 ? apply_causes(o, &before, &report, err) : 0;
	}
	j = cli_doctor_json(&report);
	return cli_json_print(j, err);
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const struct project_options project = {
		.source = r->args[0],
		/* Where nothing is built, a tree with changes is looked at, too. */
		.epoch = o->lint ? "0" : o->epoch,
		.epoch_env = getenv("SOURCE_DATE_EPOCH"),
		.arch = o->arch,
		.engine = o->engine,
		.kernel = o->kernel,
		.runtime = o->runtime,
		.target = o->target,
		.dockerfile = o->dockerfile,
		.args = o->args.v,
		.n_args = o->args.n,
		.secrets = o->secrets.v,
		.n_secrets = o->secrets.n,
		.limits = cli_limits_of(&o->limits),
		.ca_file = getenv("SSL_CERT_FILE"),
		.now = io_clock_now(),
		.progress = r->progress,
	};

	if (o->lint && (o->only.n > 0 || o->skip.n > 0 || o->quick))
		return ss_fail(err, SS_EUSAGE, "--lint builds nothing: there is nothing to vary");
	if (o->apply && o->json)
		return ss_fail(err, SS_EUSAGE, "--apply shows a patch: there is no --json of it");
	if (o->yes && !o->apply)
		return ss_fail(err, SS_EUSAGE, "--yes answers what only --apply asks");
	return o->lint ? lint(r, &project, err) : build(r, &project, err);
}

const struct cli_cmd cli_doctor = {
	.name = "doctor",
	.args = "[DIR]",
	.summary = "say what makes two builds differ, and what mends it",
	.about = "DIR is a folder with a Dockerfile (default: this one), and with an enclave.toml "
		 "or without.\n"
		 "The project is built twice as it is, then once with all that must not matter "
		 "changed: time, time zone, locale, umask, user, host, domain, cpus, memory, "
		 "kernel, pids, environment, path-length, build-path, file-system, ext4, "
		 "directory-order, network-delay. If that differs, it is built with each of them "
		 "alone. What differs "
		 "is shown as diff does, with "
		 "what triggers it. With --quick it is built once as it is and once with all of "
		 "them: "
		 "what differs, but not what triggers it. What cannot be varied here is listed as "
		 "not varied. Nothing is "
		 "written into DIR without --apply.\n"
		 "With --lint the Dockerfile is read and nothing is built: bases and packages that "
		 "are not pinned, downloads that are not checked, commands that ask for the time, "
		 "for chance or for the machine, caches that stay. All codes are in "
		 "docs/doctor.md.\n"
		 "With --apply what a flag, a line or a switch mends is shown as a patch of the "
		 "Dockerfile and of enclave.toml, and written after a yes.",
	.examples = "selfsame doctor\n"
		    "selfsame doctor --only time --only host examples/hello\n"
		    "selfsame doctor --lint --json\n"
		    "selfsame doctor --lint --apply\n",
	.no = "the builds differ, or there are findings",
	.max_args = 1,
	.value = CLI_DIR,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

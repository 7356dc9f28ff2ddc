/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/lint_show.h"
#include "doctor/lint_project.h"
#include "fmt/json.h"

struct opts {
	bool lint;
	bool json;
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
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print one JSON document" },
	CLI_OPTS_END,
};

static int lint(struct cli_run *r, const struct project_plan *plan, struct ss_err *err)
{
	const struct opts *o = r->opts;
	SS_CLEANUP(lint_report_done) struct lint_report report = { 0 };
	AUTO_JSON json_t *j = NULL;

	if (lint_project(plan, &report, err) < 0)
		return -1;
	r->status = report.n > 0;
	if (!o->json) {
		cli_lint_text(&report, plan->dockerfile);
		return 0;
	}
	j = cli_lint_json(&report, plan->dockerfile);
	return cli_json_print(j, err);
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const struct project_options project = {
		.source = r->args[0],
		.epoch = "0", /* nothing is built: a tree with changes is looked at, too */
		.arch = o->arch,
		.target = o->target,
		.dockerfile = o->dockerfile,
		.args = o->args.v,
		.n_args = o->args.n,
		.progress = r->progress,
	};
	SS_CLEANUP(project_plan_done) struct project_plan plan = { 0 };

	if (!o->lint) {
		(void)ss_fail(err, SS_EUSAGE, "doctor needs --lint");
		err->hint = "'selfsame build' twice and 'selfsame diff' compare two builds";
		return -1;
	}
	if (project_plan_make(&project, false, &plan, err) < 0)
		return -1;
	return lint(r, &plan, err);
}

const struct cli_cmd cli_doctor = {
	.name = "doctor",
	.args = "[DIR]",
	.summary = "say what in a Dockerfile will be another tomorrow",
	.about = "DIR is a folder with a Dockerfile (default: this one), and with an enclave.toml "
		 "or without.\n"
		 "With --lint each finding has a code, its place, what it leads to and the edit "
		 "that mends it: bases and packages that are not pinned, downloads that are not "
		 "checked, commands that ask for the time, for chance or for the machine, caches "
		 "that stay. Bases that enclave.lock pins are pinned. All codes are in "
		 "docs/doctor.md.",
	.examples = "selfsame doctor --lint\n"
		    "selfsame doctor --lint --json examples/hello\n",
	.no = "there are findings",
	.max_args = 1,
	.value = CLI_DIR,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

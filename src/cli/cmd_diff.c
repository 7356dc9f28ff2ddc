/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/diff_show.h"
#include "cli/limits.h"
#include "fmt/json.h"

#include <sys/stat.h>

struct opts {
	bool all;
	bool json;
	const char *html;
	const char *arch;
	struct cli_limits limits;
};

static const struct cli_opt opt_table[] = {
	{ .name = "all",
	  .letter = 'a',
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, all),
	  .help = "show every difference, not three of each cause" },
	{ .name = "arch",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, arch),
	  .arg = "ARCH",
	  .help = "which image to take out of one for several architectures",
	  .preset = "x86_64",
	  .choices = "x86_64 aarch64" },
	{ .name = "html",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, html),
	  .arg = "FILE",
	  .help = "write all differences as one page that opens in any browser, too",
	  .value = CLI_FILE },
	CLI_OPTS_LIMITS(struct opts, limits),
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print one JSON document with all differences" },
	CLI_OPTS_END,
};

/* Never a page in place of what is compared. */
static int check_output(const char *html, char **inputs, struct ss_err *err)
{
	struct stat out = { 0 };
	struct stat in = { 0 };

	if (html == NULL || stat(html, &out) < 0)
		return 0;
	for (; *inputs != NULL; inputs++)
		if (stat(*inputs, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return ss_fail(err, SS_EUSAGE, "the output '%s' would replace '%s'", html,
				       *inputs);
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const struct ex_options how = { .arch = o->arch,
					.limits = cli_limits_of(&o->limits),
					.progress = r->progress };
	AUTO_EX_REPORT struct ex_report report = { 0 };
	AUTO_JSON json_t *j = NULL;

	if (check_output(o->html, r->args, err) < 0)
		return -1;
	if (ex_compare(r->args[0], r->args[1], &how, &report, err) < 0)
		return -1;
	if (o->html != NULL && cli_diff_html(&report, o->html, err) < 0)
		return -1;
	r->status = report.files > 0;
	if (!o->json) {
		cli_diff_text(&report, o->all);
		return 0;
	}
	j = cli_diff_json(&report);
	return cli_json_print(j, err);
}

const struct cli_cmd cli_diff = {
	.name = "diff",
	.args = "A B",
	.summary = "say what differs between two builds, why, and what mends it",
	.about = "A and B: an EIF, an image or root file system (spelt as for build, or a folder "
		 "or archive of one), a cpio archive, a measurements.json, or any file. An EIF may "
		 "be compared with its measurements.json, or with the image it was made of.\n"
		 "The first line is the verdict. Then the differences, grouped by cause: each with "
		 "the two values and the edit or the normaliser that mends it. What no register "
		 "covers comes last. Nothing is normalised before it is compared.",
	.examples = "selfsame diff mine.eif theirs.eif\n"
		    "selfsame diff oci:one oci:two\n"
		    "selfsame diff --json app.eif measurements.json\n",
	.no = "they differ",
	.min_args = 2,
	.max_args = 2,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

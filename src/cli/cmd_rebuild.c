/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/diff_show.h"
#include "cli/limits.h"
#include "cli/out.h"
#include "cli/result.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

struct opts {
	const char *output;
	const char *kernel;
	const char *runtime;
	const char *engine;
	const char *blobs;
	const char *signature_from;
	struct cli_list secrets;
	struct cli_limits limits;
	bool json;
};

static const struct cli_opt opt_table[] = {
	{ .name = "output",
	  .letter = 'o',
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, output),
	  .arg = "FILE",
	  .help = "keep the rebuilt EIF there; it is not kept without it",
	  .value = CLI_FILE },
	{ .name = "signature-from",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, signature_from),
	  .arg = "EIF",
	  .help = "attach the signature of this published file, if it is over the rebuilt PCR0",
	  .value = CLI_FILE },
	{ .name = "kernel",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, kernel),
	  .arg = "FILE",
	  .help = "the kernel that the lock names by its SHA-256, where it was a file",
	  .value = CLI_FILE },
	{ .name = "runtime",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, runtime),
	  .arg = "DIR",
	  .help = "folder that holds <arch>/init, cmdline and kernels",
	  .value = CLI_DIR },
	{ .name = "engine",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, engine),
	  .arg = "ENGINE",
	  .help = "what builds the Dockerfile",
	  .choices = "auto buildah buildkit" },
	{ .name = "blobs",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, blobs),
	  .arg = "DIR",
	  .help = "nitro-cli layout: folder with its kernel, init, nsm.ko, cmdline",
	  .value = CLI_DIR },
	{ .name = "secret",
	  .kind = CLI_LIST,
	  .at = offsetof(struct opts, secrets),
	  .arg = "ID=FILE",
	  .help = "a file for RUN --mount=type=secret" },
	CLI_OPTS_LIMITS(struct opts, limits),
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

struct differences {
	json_t *list; /* of {What, Recorded, Rebuilt} */
};

static void note_difference(void *ctx, const char *what, const char *want, const char *got)
{
	struct differences *d = ctx;
	json_t *one = json_object();

	cli_json_set(one, "What", json_string(what));
	cli_json_set(one, "Recorded", json_string(want));
	cli_json_set(one, "Rebuilt", json_string(got));
	if (json_array_append_new(d->list, one) != 0)
		abort();
}

static void print_differences(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		printf("%s differs\n  recorded %s\n  rebuilt  %s\n",
		       json_string_value(json_object_get(one, "What")),
		       json_string_value(json_object_get(one, "Recorded")),
		       json_string_value(json_object_get(one, "Rebuilt")));
	}
}

/* Why: of the project's own EIF and the rebuilt one, where both are there as files. */
static int explain(const struct opts *o, const struct project_result *r, struct ex_report *ret,
		   struct ss_err *err)
{
	const struct ex_options how = { .arch = r->plan.arch };

	if (o->output == NULL || access(r->plan.eif, F_OK) != 0)
		return 0;
	return ex_compare(r->plan.eif, o->output, &how, ret, err);
}

static int print_verdict(const struct project_result *r, bool same, json_t *list,
			 const struct ex_report *why, bool json, struct ss_err *err)
{
	json_t *doc;
	int rc;

	if (!json) {
		print_differences(list);
		if (why->files > 0) {
			(void)printf("\n%s and the rebuilt one: ", r->plan.eif);
			cli_diff_text(why, false);
			(void)putchar('\n');
		}
		if (same && !r->file_compared)
			printf("not compared: the file itself, for only one of the two is signed "
			       "(--signature-from)\n");
		printf("%s\n", same ? "same" : "different");
		return 0;
	}
	doc = json_object();
	cli_json_set(doc, "Same", json_boolean(same));
	cli_json_set(doc, "FileCompared", json_boolean(r->file_compared));
	cli_json_set(doc, "Measurements", cfg_registers_json(&r->image.m));
	cli_json_set(doc, "Differences", json_incref(list));
	if (why->files > 0)
		cli_json_set(doc, "Diff", cli_diff_json(why));
	rc = cli_json_print(doc, err);
	json_decref(doc);
	return rc;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const struct project_options build = {
		.source = r->args[0],
		.output = o->output,
		.kernel = o->kernel,
		.runtime = o->runtime,
		.engine = o->engine,
		.blobs = o->blobs,
		.secrets = o->secrets.v,
		.n_secrets = o->secrets.n,
		.signature_from = o->signature_from,
		.ca_file = getenv("SSL_CERT_FILE"),
		.limits = cli_limits_of(&o->limits),
		.now = io_clock_now(),
		.progress = r->progress,
	};
	SS_CLEANUP(project_result_done) struct project_result result = { 0 };
	struct differences d = { json_array() };
	AUTO_EX_REPORT struct ex_report why = { 0 };
	bool same = false;
	int rc;

	rc = project_rebuild(&build, &result, &same, note_difference, &d, err);
	if (rc == 0 && !same)
		rc = explain(o, &result, &why, err);
	if (rc == 0)
		rc = print_verdict(&result, same, d.list, &why, o->json, err);
	json_decref(d.list);
	if (rc == 0 && !same)
		r->status = 1;
	return rc;
}

const struct cli_cmd cli_rebuild = {
	.name = "rebuild",
	.args = "[DIR]",
	.summary = "build again from the lock and compare with what was recorded",
	.about =
		"Builds the project in DIR (default: this folder) from its enclave.lock: the "
		"locked "
		"base images, epoch, kernel, runtime and normalisers, and compares the result with "
		"measurements.json. Prints same, or what differs: the file, the registers, and the "
		"parts that they cover. With --output, and where the project's own EIF is still "
		"there, the two are compared as 'selfsame diff' does, which says why.\n"
		"A locked input that cannot be had is an error, never a difference.",
	.examples = "selfsame rebuild\n"
		    "selfsame rebuild --signature-from published.eif --output rebuilt.eif\n",
	.no = "the rebuild differs",
	.max_args = 1,
	.value = CLI_DIR,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

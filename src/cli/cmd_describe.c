/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/describe.h"
#include "fmt/json.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

struct opts {
	bool json;
};

static const struct cli_opt opt_table[] = {
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print what 'nitro-cli describe-eif' prints, with the same keys" },
	CLI_OPTS_END,
};

/* No register covers the metadata and nothing depends on it: what is wrong with it is shown. */
static int read_metadata(struct cli_described *d, struct ss_err *err)
{
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(EIF_METADATA_MAX);
	const struct eif_section *s = eif_file_find(&d->file, EIF_METADATA, 0);

	if (s == NULL)
		return 0;
	if (eif_file_load(&d->file, s, &raw, err) < 0)
		return -1;
	if (js_read(ss_buf_span(&raw), EIF_METADATA_MAX, "metadata", &d->metadata,
		    &d->metadata_err) < 0)
		return 0;
	if (!json_is_object(d->metadata)) {
		json_decref(d->metadata);
		d->metadata = NULL;
		ss_err_set(&d->metadata_err, SS_EINPUT, "metadata: not a JSON object");
	}
	return 0;
}

static void add_finding(void *ctx, const char *line)
{
	struct cli_described *d = ctx;

	if (d->n_findings++ >= CLI_FINDINGS)
		return;
	ss_buf_put(&d->findings, (struct ss_span){ (const uint8_t *)line, strlen(line) });
	ss_buf_put(&d->findings, (struct ss_span){ (const uint8_t *)"\n", 1 });
}

/* Registers and a look at ramdisk 1, in one pass. */
static int measure(struct cli_described *d, struct ss_err *err)
{
	AUTO_LAYOUT_CHECK struct eif_layout_check *layout = eif_layout_new(add_finding, d);
	const struct eif_tap tap = { eif_file_find(&d->file, EIF_RAMDISK, 1), eif_layout_put,
				     layout };

	if (eif_file_measure_tapped(&d->file, false, &tap, &d->m, err) < 0)
		return -1;
	d->layout = eif_layout_end(layout);
	return 0;
}

static void done(struct cli_described *d)
{
	ss_buf_done(&d->findings);
	eif_file_done(&d->file);
	eif_examined_done(&d->signature);
	json_decref(d->metadata);
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	SS_CLEANUP(done)
	struct cli_described d = { .file = EIF_FILE_NONE,
				   .findings = SS_BUF_INIT((size_t)64 * 1024) };
	const struct ss_err *no;

	if (eif_file_open(r->args[0], &d.file, err) < 0 || measure(&d, err) < 0 ||
	    eif_examine(&d.file, &d.m, io_clock_now(), &d.signature, err) < 0 ||
	    read_metadata(&d, err) < 0)
		return -1;
	if (o->json && cli_describe_json(&d, err) < 0)
		return -1;
	if (!o->json)
		cli_describe_text(&d);
	no = eif_examined_no(&d.signature);
	if (no == NULL)
		return 0;
	*err = *no;
	return ss_ctx(err, "'%s'", d.file.path);
}

const struct cli_cmd cli_describe = {
	.name = "describe",
	.args = "FILE",
	.summary = "show what an enclave image holds, and its signature",
	.about =
		"Reads an EIF once and prints its header, its sections, its registers, its "
		"signature and its metadata. Structure and CRC are checked: a file that two "
		"readers could understand in two ways is refused.\n"
		"Of a signature three things are checked: that the certificate's key made it, that "
		"it is over this PCR0, and that the certificate's dates hold today. Whether the "
		"signer is to be trusted is not a question that this command answers.\n"
		"The names in the second ramdisk are held against the layout that they begin with: "
		"selfsame's own, or nitro-cli's, where whatever stands outside 'rootfs' can "
		"replace the runtime that PCR1 names. What does not belong there is printed as a "
		"finding.\n"
		"Metadata is in no register: whoever hands on the file can write anything there.",
	.examples = "selfsame describe app.eif\n"
		    "selfsame describe --json app.eif | jq -r .Measurements.PCR0\n",
	.no = "the file is signed and the signature does not hold",
	.min_args = 1,
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

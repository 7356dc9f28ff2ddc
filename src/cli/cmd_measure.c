/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "cli/cli.h"
#include "cli/registers.h"
#include "eif/examine.h"
#include "fmt/json.h"
#include "io/clock.h"

#include <stdio.h>

struct opts {
	bool json;
	const char *part;
};

static const struct cli_opt opt_table[] = {
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print one JSON object" },
	{ .name = "part",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, part),
	  .arg = "PART",
	  .help = "print the SHA-384 of one part: kernel, cmdline, ramdisk0, ramdisk1 and so on" },
	CLI_OPTS_END,
};

static int print_part(const struct opts *o, const struct eif_measurements *m, struct ss_err *err)
{
	AUTO_JSON json_t *j = NULL;
	char text[2 * CRYPTO_SHA384_SIZE + 1];
	size_t i = 0;

	if (cli_part_find(m, o->part, &i, err) < 0)
		return -1;
	if (o->json) {
		j = cli_part_json(&m->parts[i]);
		return cli_json_print(j, err);
	}
	ss_hex((struct ss_span){ m->parts[i].sha384, CRYPTO_SHA384_SIZE }, text);
	(void)puts(text);
	return 0;
}

/* The keys of measurements.json, without what only a build knows. */
static int print_json(const struct eif_measurements *m, struct ss_err *err)
{
	AUTO_JSON json_t *j = cli_registers_json(m);
	json_t *file = json_object();
	json_t *parts = json_array();
	char text[2 * CRYPTO_SHA256_SIZE + 1];

	ss_hex((struct ss_span){ m->file_sha256, CRYPTO_SHA256_SIZE }, text);
	cli_json_set(file, "sha256", json_string(text));
	cli_json_set(file, "size", json_integer((json_int_t)m->file_size));
	cli_json_set(j, "eif", file);
	for (size_t i = 0; i < m->n_parts; i++)
		(void)json_array_append_new(parts, cli_part_json(&m->parts[i]));
	cli_json_set(j, "parts", parts);
	return cli_json_print(j, err);
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	AUTO_EXAMINED struct eif_examined x = { 0 };
	struct eif_measurements m = { 0 };
	const bool whole = o->json && o->part == NULL;

	if (eif_file_open(r->args[0], &f, err) < 0 || eif_file_measure(&f, whole, &m, err) < 0 ||
	    eif_examine(&f, &m, io_clock_now(), &x, err) < 0)
		return -1;
	if (o->part != NULL)
		return print_part(o, &m, err);
	if (x.readable.code != SS_OK) { /* PCR8 cannot be told */
		*err = x.readable;
		return ss_ctx(err, "'%s'", f.path);
	}
	if (whole)
		return print_json(&m, err);
	cli_print_registers(&m, "");
	return 0;
}

const struct cli_cmd cli_measure = {
	.name = "measure",
	.args = "FILE",
	.summary = "compute the registers (PCRs) of an enclave image",
	.about = "Reads an EIF once, checks its structure and its CRC, and prints what the Nitro "
		 "hypervisor will measure: PCR0 of the whole, PCR1 of kernel, command line and "
		 "first "
		 "ramdisk, PCR2 of the other ramdisks, and PCR8 of the signing certificate if the "
		 "file is signed. The contents of the ramdisks are never looked at.\n"
		 "A file with PCIe flags has a PCR0 that depends on them in a way that is not "
		 "published: it is shown as not computable, and is null in JSON.",
	.examples = "selfsame measure app.eif\n"
		    "selfsame measure --json app.eif\n"
		    "selfsame measure --part ramdisk1 app.eif\n",
	.min_args = 1,
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

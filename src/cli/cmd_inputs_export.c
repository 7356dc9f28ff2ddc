/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "config/enclave_lock.h"
#include "record/rec_bundle.h"

#include <inttypes.h>
#include <stdio.h>

struct opts {
	const char *output;
};

static const struct cli_opt opt_table[] = {
	{ .name = "output",
	  .letter = 'o',
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, output),
	  .arg = "FILE",
	  .help = "where the archive goes",
	  .preset = "inputs.tar",
	  .value = CLI_FILE },
	CLI_OPTS_END,
};

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	struct rec_bundle_info info = { 0 };
	struct cfg_lock lock;
	int rc;

	if (cfg_lock_load(r->args[0] != NULL ? r->args[0] : "enclave.lock", &lock, err) < 0)
		return -1;
	rc = rec_store_open(NULL, REC_SHARED, &s, err);
	if (rc == 0)
		rc = rec_bundle_write(&s, &lock.inputs, o->output, &info, err);
	cfg_lock_done(&lock);
	if (rc < 0)
		return -1;
	printf("%s: %" PRIu64 " objects, %" PRIu64 " bytes\n", o->output, info.objects, info.bytes);
	return 0;
}

const struct cli_cmd cli_inputs_export = {
	.name = "inputs export",
	.args = "[LOCK]",
	.summary = "write the recorded inputs of a build as an OCI artifact",
	.about =
		"Writes all that the RUN steps of a build fetched, as LOCK (default: enclave.lock) "
		"lists it, into an archive with an OCI image layout, which can be pushed to a "
		"registry beside the image. The same lock gives the same bytes. With 'selfsame "
		"inputs import' a rebuild then needs no network.",
	.examples = "selfsame inputs export\n"
		    "selfsame inputs export --output inputs-1.4.tar release/enclave.lock\n"
		    "skopeo copy oci-archive:inputs.tar docker://registry.example/app:inputs\n",
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

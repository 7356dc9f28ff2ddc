/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "record/rec_bundle.h"

#include <inttypes.h>
#include <stdio.h>

static const struct cli_opt opt_table[] = { CLI_OPTS_END };

static int run(struct cli_run *r, struct ss_err *err)
{
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	struct rec_bundle_info info = { 0 };

	if (rec_store_open(NULL, REC_SHARED, &s, err) < 0 ||
	    rec_bundle_read(&s, r->args[0], &info, err) < 0)
		return -1;
	printf("%" PRIu64 " objects, %" PRIu64 " bytes; new: %" PRIu64 "\n", info.objects,
	       info.bytes, info.added);
	return 0;
}

const struct cli_cmd cli_inputs_import = {
	.name = "inputs import",
	.args = "ARTIFACT",
	.summary = "take the recorded inputs of a build into the store",
	.about = "Takes what 'selfsame inputs export' wrote, as an archive or as a folder with an "
		 "OCI image layout, into the store of inputs. Each object is checked against its "
		 "SHA-256 before it gets its name.",
	.examples = "selfsame inputs import inputs.tar\n"
		    "skopeo copy docker://registry.example/app:inputs oci-archive:inputs.tar\n",
	.min_args = 1,
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.run = run,
};

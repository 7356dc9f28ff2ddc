/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "config/enclave_lock.h"
#include "io/clock.h"
#include "record/rec_sweep.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY 86400

struct opts {
	struct cli_num days;
};

static const struct cli_opt opt_table[] = {
	{ .name = "unused-for",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, days),
	  .arg = "DAYS",
	  .help = "only what no build used for so long; 0: all",
	  .preset = "90",
	  .max = 36500 },
	CLI_OPTS_END,
};

static int keep_lock(const char *path, struct rec_keep *keep, struct ss_err *err)
{
	struct cfg_lock lock;
	int rc;

	if (cfg_lock_load(path, &lock, err) < 0)
		return -1;
	rc = rec_keep_add(keep, &lock.inputs, err);
	cfg_lock_done(&lock);
	return rc;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	SS_CLEANUP(rec_keep_done) struct rec_keep keep = { 0 };
	struct rec_pruned done;
	/* The times of use have a day's grain, and a clock may have run ahead. */
	const int64_t before =
		o->days.value == 0 ? INT64_MAX : io_clock_now() - (int64_t)o->days.value * DAY;

	for (size_t i = 0; i < r->n_args; i++)
		if (keep_lock(r->args[i], &keep, err) < 0)
			return -1;
	if (rec_store_open(NULL, REC_ALONE, &s, err) < 0 ||
	    rec_prune(&s, &keep, before, &done, err) < 0)
		return -1;
	printf("%" PRIu64 " removed, %" PRIu64 " bytes; %" PRIu64 " left, %" PRIu64 " bytes\n",
	       done.removed, done.removed_bytes, done.left, done.left_bytes);
	return 0;
}

const struct cli_cmd cli_inputs_prune = {
	.name = "inputs prune",
	.args = "[LOCK...]",
	.summary = "remove recorded inputs that nobody needs",
	.about = "Removes from the store of inputs what no build used for 90 days, or as many as "
		 "--unused-for says. What a LOCK (an enclave.lock) names stays. While a build uses "
		 "the store nothing is removed: then this fails at once.",
	.examples = "selfsame inputs prune\n"
		    "selfsame inputs prune --unused-for 0 enclave.lock ../other/enclave.lock\n",
	.max_args = CLI_MANY,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

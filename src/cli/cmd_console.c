/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "launch/ask.h"

#include <stdio.h>

struct opts {
	bool once;
};

static const struct cli_opt opt_table[] = {
	{ .name = "once",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, once),
	  .help = "print what there is and end, instead of going on until the enclave ends" },
	CLI_OPTS_END,
};

static int on_message(void *ctx, const struct talk *t, struct ss_err *err)
{
	bool *any = ctx;

	if (t->type == TALK_DONE)
		return 0;
	if (t->type != TALK_BYTES)
		return ss_fail(err, SS_EINPUT, "an answer to something else");
	*any = true;
	/* The supervisor has escaped it, line by line. */
	(void)fwrite(t->body.p, 1, t->body.n, stdout);
	if (fflush(stdout) != 0)
		return ss_fail_sys(err, "cannot write to standard output");
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct talk question = { .type = TALK_CONSOLE,
				       .follow = !((const struct opts *)r->opts)->once };
	bool any = false;

	if (ask(r->args[0], &question, on_message, &any, err) < 0)
		return -1;
	if (!any)
		(void)fprintf(stderr, "selfsame: there is no console: on Nitro it is open in debug "
				      "mode only\n");
	return 0;
}

const struct cli_cmd cli_console = {
	.name = "console",
	.args = "NAME",
	.summary = "print an enclave's console",
	.about = "Prints what the kernel and the runtime have written to the console, and goes on "
		 "until the enclave ends. There is one on QEMU, and on Nitro in debug mode. "
		 "The supervisor keeps about half a megabyte. Control bytes are shown, not "
		 "obeyed.",
	.examples = "selfsame console app\n"
		    "selfsame console --once app | tail\n",
	.min_args = 1,
	.max_args = 1,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

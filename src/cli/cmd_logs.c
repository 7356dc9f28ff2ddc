/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "cli/cli.h"
#include "fmt/frame.h"
#include "launch/ask.h"

#include <stdio.h>
#include <unistd.h>

struct opts {
	bool follow;
};

static const struct cli_opt opt_table[] = {
	{ .name = "follow",
	  .letter = 'f',
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, follow),
	  .help = "go on with what comes, until the enclave ends" },
	CLI_OPTS_END,
};

/* On a terminal control bytes are shown, not obeyed. */
static void print_line(FILE *to, const char *before, const struct frame *f)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)8 * FRAME_MAX_LINE);

	if (isatty(fileno(to)))
		ss_show_line(&b, f->log.text);
	else
		ss_buf_put(&b, f->log.text);
	(void)fputs(before, to);
	if (b.n > 0)
		(void)fwrite(b.p, 1, b.n, to);
	if ((f->log.flags & FRAME_LINE_GOES_ON) == 0)
		(void)putc('\n', to);
	(void)fflush(to);
}

static int on_message(void *ctx, const struct talk *t, struct ss_err *err)
{
	size_t *lines = ctx;
	struct frame f;
	size_t size;

	if (t->type == TALK_DONE)
		return 0;
	if (t->type != TALK_FRAME || frame_read(t->body, &f, &size, err) != 1)
		return ss_fail(err, SS_EINPUT, "an answer to something else");
	*lines += 1;
	if (f.type == FRAME_LOST)
		(void)fprintf(stderr, "selfsame: %llu lines are no longer kept\n",
			      (unsigned long long)f.lost.lines);
	else if (f.type == FRAME_LOG && f.log.source == FRAME_STDOUT)
		print_line(stdout, "", &f);
	else if (f.type == FRAME_LOG)
		print_line(stderr, f.log.source == FRAME_STDERR ? "" : "enclave: ", &f);
	if (ferror(stdout))
		return ss_fail_sys(err, "cannot write to standard output");
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct talk question = { .type = TALK_LOGS,
				       .follow = ((const struct opts *)r->opts)->follow };

	size_t lines = 0;

	return ask(r->args[0], &question, on_message, &lines, err);
}

const struct cli_cmd cli_logs = {
	.name = "logs",
	.args = "NAME",
	.summary = "print what an enclave's application has written",
	.about = "Prints the last lines of the application, its standard output to standard output "
		 "and the rest to standard error: what the runtime inside and the host have to "
		 "say begins with 'enclave: '. The supervisor keeps about two megabytes.\n"
		 "Lines leave an enclave only if its image says so ([logs] host = true); without "
		 "that there are only the host's.",
	.examples = "selfsame logs app\n"
		    "selfsame logs -f app 2>/dev/null\n",
	.min_args = 1,
	.max_args = 1,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

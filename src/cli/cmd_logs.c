/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "base/show.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "fmt/frame.h"
#include "launch/ask.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct opts {
	bool follow, times, json;
};

static const struct cli_opt opt_table[] = {
	{ .name = "follow",
	  .letter = 'f',
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, follow),
	  .help = "go on with what comes, until the enclave ends" },
	{ .name = "times",
	  .letter = 't',
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, times),
	  .help = "begin each line with its time (UTC, the enclave's clock) and its source" },
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print a JSON object for each line" },
	CLI_OPTS_END,
};

struct reader {
	const struct opts *o;
	bool open[FRAME_DATAPLANE + 1]; /* a line of this source goes on in its next piece */
};

static const char *source_name(enum frame_source s)
{
	switch (s) {
	case FRAME_STDOUT:
		return "stdout";
	case FRAME_STDERR:
		return "stderr";
	case FRAME_RUNTIME:
		return "runtime";
	case FRAME_DATAPLANE:
		return "dataplane";
	}
	return "";
}

/* "2026-11-21T10:30:00.123456Z" */
#define TIME_SIZE 40u
static void time_text(uint64_t time_ns, char ret[TIME_SIZE])
{
	const struct ss_date d = ss_date_of((int64_t)(time_ns / 1000000000u));

	(void)snprintf(ret, TIME_SIZE, "%04d-%02u-%02uT%02u:%02u:%02u.%06uZ", (int)d.year, d.month,
		       d.day, d.hour, d.minute, d.second,
		       (unsigned)(time_ns % 1000000000u / 1000u));
}

static void print_object(json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	assert(text != NULL);
	(void)puts(text);
	(void)fflush(stdout);
	free(text);
}

static void print_json(const struct frame *f)
{
	json_t *o = json_object();
	char at[TIME_SIZE];

	time_text(f->log.time_ns, at);
	cli_json_set(o, "Time", json_string(at));
	cli_json_set(o, "Source", json_string(source_name(f->log.source)));
	cli_json_text(o, "Text", f->log.text);
	cli_json_set(o, "GoesOn", json_boolean((f->log.flags & FRAME_LINE_GOES_ON) != 0));
	print_object(o);
}

static void print_lost(const struct reader *r, const struct frame *f)
{
	json_t *o;

	if (!r->o->json) {
		(void)fprintf(stderr, "selfsame: %llu lines are no longer kept\n",
			      (unsigned long long)f->lost.lines);
		return;
	}
	o = json_object();
	cli_json_set(o, "LinesLost", json_integer((json_int_t)f->lost.lines));
	print_object(o);
}

/* On a terminal control bytes are shown, not obeyed. */
static void print_line(struct reader *r, const struct frame *f)
{
	const enum frame_source from = f->log.source;
	FILE *to = from == FRAME_STDOUT ? stdout : stderr;
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)8 * FRAME_MAX_LINE);
	char at[TIME_SIZE];

	if (isatty(fileno(to)))
		ss_show_line(&b, f->log.text);
	else
		ss_buf_put(&b, f->log.text);
	time_text(f->log.time_ns, at);
	if (r->o->times && !r->open[from])
		(void)fprintf(to, "%s %s: ", at, source_name(from));
	else if (!r->open[from] && from != FRAME_STDOUT && from != FRAME_STDERR)
		(void)fputs("enclave: ", to);
	r->open[from] = (f->log.flags & FRAME_LINE_GOES_ON) != 0;
	if (b.n > 0)
		(void)fwrite(b.p, 1, b.n, to);
	if (!r->open[from])
		(void)putc('\n', to);
	(void)fflush(to);
}

static int on_message(void *ctx, const struct talk *t, struct ss_err *err)
{
	struct reader *r = ctx;
	struct frame f;
	size_t size;

	if (t->type == TALK_DONE)
		return 0;
	if (t->type != TALK_FRAME || frame_read(t->body, &f, &size, err) != 1)
		return ss_fail(err, SS_EINPUT, "an answer to something else");
	if (f.type == FRAME_LOST)
		print_lost(r, &f);
	else if (f.type == FRAME_LOG && r->o->json)
		print_json(&f);
	else if (f.type == FRAME_LOG)
		print_line(r, &f);
	if (ferror(stdout))
		return ss_fail_sys(err, "cannot write to standard output");
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	struct reader reader = { .o = r->opts };
	const struct talk question = { .type = TALK_LOGS, .follow = reader.o->follow };

	return ask(r->args[0], &question, on_message, &reader, err);
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
		    "selfsame logs -f app 2>/dev/null\n"
		    "selfsame logs --json app | jq -r 'select(.Source == \"stderr\").Text'\n",
	.min_args = 1,
	.max_args = 1,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

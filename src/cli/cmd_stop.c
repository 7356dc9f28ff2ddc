/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/out.h"
#include "fmt/json.h"
#include "launch/ask.h"
#include "launch/supervise.h"

#include <stdio.h>

struct opts {
	struct cli_num grace;
	bool json;
};

static const struct cli_opt opt_table[] = {
	{ .name = "grace",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, grace),
	  .arg = "SECONDS",
	  .help = "how long it may take; without it what the image or 'run --grace' says",
	  .min = 1,
	  .max = SV_MAX_GRACE_MS / 1000 },
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print one JSON object, with the keys of 'nitro-cli terminate-enclave' and how "
		  "it ended" },
	CLI_OPTS_END,
};

static int on_message(void *ctx, const struct talk *t, struct ss_err *err)
{
	json_t **ret = ctx;

	if (t->type != TALK_END || *ret != NULL)
		return ss_fail(err, SS_EINPUT, "an answer to something else");
	return js_read(t->body, TALK_MAX_BODY, "description", ret, err);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static void print_end(const json_t *o)
{
	const json_t *end = json_object_get(o, "End");
	const json_t *status = json_object_get(end, "Status");
	const json_t *sig = json_object_get(end, "Signal");

	(void)printf("%s: %s", text_of(o, "EnclaveName"), text_of(end, "Kind"));
	if (json_is_integer(status) || json_is_integer(sig))
		(void)printf(" %lld",
			     (long long)json_integer_value(json_is_integer(sig) ? sig : status));
	if (text_of(end, "Reason")[0] != '\0') {
		(void)printf(": ");
		cli_print_str(text_of(end, "Reason"));
	}
	(void)putchar('\n');
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const struct talk question = { .type = TALK_STOP,
				       .grace_ms = (uint32_t)o->grace.value * 1000 };
	AUTO_JSON json_t *end = NULL;

	if (ask(r->args[0], &question, on_message, &end, err) < 0)
		return -1;
	if (!o->json) {
		print_end(end);
		return 0;
	}
	cli_json_set(end, "Terminated", json_true());
	return cli_json_print(end, err);
}

const struct cli_cmd cli_stop = {
	.name = "stop",
	.args = "NAME",
	.summary = "stop an enclave, and say how it ended",
	.about = "Tells the application to end, with the signal that the image names, and waits. "
		 "If it has not ended when the grace is over the runtime kills it, and if the "
		 "enclave does not answer at all its machine is ended. A second 'stop' ends the "
		 "machine at once.",
	.examples = "selfsame stop app\n"
		    "selfsame stop app --grace 60\n",
	.min_args = 1,
	.max_args = 1,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/out.h"
#include "fmt/json.h"
#include "launch/ask.h"
#include "launch/rundir.h"

#include <stdio.h>

struct opts {
	bool json;
};

static const struct cli_opt opt_table[] = {
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print what 'nitro-cli describe-enclaves' prints, with the same keys and more" },
	CLI_OPTS_END,
};

static int on_message(void *ctx, const struct talk *t, struct ss_err *err)
{
	json_t **ret = ctx;

	if (t->type != TALK_DESCRIPTION || *ret != NULL)
		return ss_fail(err, SS_EINPUT, "an answer to something else");
	return js_read(t->body, TALK_MAX_BODY, "description", ret, err);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "-";
}

static long long number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void print_ports(const json_t *o)
{
	const json_t *ports = json_object_get(o, "Ports");
	size_t i;
	const json_t *p;

	json_array_foreach(ports, i, p)
	{
		(void)printf("%s", i > 0 ? ", " : "");
		cli_print_str(text_of(p, "Host"));
		(void)printf("->%lld/", number_of(p, "EnclavePort"));
		cli_print_str(text_of(p, "Protocol"));
	}
	if (json_array_size(ports) == 0)
		(void)putchar('-');
}

static void print_row(const json_t *o)
{
	/* Names are letters, digits and signs; the rest are words of ours. */
	(void)printf("%-20s %-10s %8lld %6lld %5lld %7lld  ", text_of(o, "EnclaveName"),
		     text_of(o, "Readiness"), number_of(o, "ProcessID"), number_of(o, "EnclaveCID"),
		     number_of(o, "NumberOfCPUs"), number_of(o, "MemoryMiB"));
	print_ports(o);
	(void)putchar('\n');
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const struct talk question = { .type = TALK_DESCRIBE };
	SS_CLEANUP(rundir_names_done) struct rundir_names names = { 0 };
	AUTO_JSON json_t *all = json_array();

	if (rundir_list(&names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		json_t *one = NULL;
		struct ss_err gone = { 0 };

		/* One that ends at this moment is not there any more. */
		if (ask(names.v[i], &question, on_message, &one, &gone) == 0)
			(void)json_array_append_new(all, one);
		else
			json_decref(one);
	}
	if (o->json)
		return cli_json_print(all, err);
	(void)printf("%-20s %-10s %8s %6s %5s %7s  %s\n", "NAME", "STATE", "PID", "CID", "CPUS",
		     "MEMORY", "PORTS");
	for (size_t i = 0; i < json_array_size(all); i++)
		print_row(json_array_get(all, i));
	return 0;
}

const struct cli_cmd cli_list = {
	.name = "list",
	.args = "",
	.summary = "show the enclaves that run here",
	.about = "Asks the supervisor of each enclave that this user runs; root sees those of the "
		 "system as well. Memory is in MiB. What a supervisor left behind that was "
		 "killed is removed.",
	.examples = "selfsame list\n"
		    "selfsame list --json | jq -r '.[].EnclaveName'\n",
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/out.h"
#include "launch/run_policy.h"
#include "launch/supervise.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct opts {
	struct cli_num memory, cpus, cid, grace;
	const char *name, *metrics, *dns, *policy, *nsm_root, *nsm_role, *nsm_instance;
	struct cli_list ports;
	bool debug, detach, local, json;
};

#define MAX_MIB ((uint64_t)16 * 1024 * 1024)
#define MAX_CPUS 1024u

static const struct cli_opt opt_table[] = {
	{ .name = "port",
	  .letter = 'p',
	  .kind = CLI_LIST,
	  .at = offsetof(struct opts, ports),
	  .arg = "[IP:]HOST:GUEST",
	  .help = "publish the ingress GUEST of the image at port HOST; without an IP on every "
		  "address of this host; HOST 0 is any free port" },
	{ .name = "memory",
	  .letter = 'm',
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, memory),
	  .arg = "MIB",
	  .help = "memory in MiB; without it the larger of what the image proposes and what it "
		  "needs",
	  .min = 1,
	  .max = MAX_MIB },
	{ .name = "cpus",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, cpus),
	  .arg = "N",
	  .help = "processors; without it what the image proposes, on QEMU with its own NSM one",
	  .min = 1,
	  .max = MAX_CPUS },
	{ .name = "cid",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, cid),
	  .arg = "N",
	  .help = "the enclave's vsock address; without it any that is free",
	  .min = 4,
	  .max = UINT32_MAX - 1 },
	{ .name = "name",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, name),
	  .arg = "NAME",
	  .help = "what 'list' and 'stop' call it; without it the file's name" },
	{ .name = "detach",
	  .letter = 'd',
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, detach),
	  .help = "return when the enclave is ready, and leave it to a supervisor in the "
		  "background" },
	{ .name = "debug",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, debug),
	  .help = "show the console from the kernel's first line; on Nitro, and with --nsm-root, "
		  "this is debug mode: PCR0 to PCR2 are zero" },
	{ .name = "local",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, local),
	  .help = "use QEMU also where there is a Nitro device; elsewhere it is the default" },
	{ .name = "nsm-root",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, nsm_root),
	  .arg = "DIR",
	  .help = "on QEMU, give the enclave an NSM whose documents a test root in DIR signs; the "
		  "root is made on first use",
	  .value = CLI_DIR },
	{ .name = "nsm-role",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, nsm_role),
	  .arg = "ARN",
	  .help = "with --nsm-root, the role that PCR3 is of; without it PCR3 is zero" },
	{ .name = "nsm-instance",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, nsm_instance),
	  .arg = "ID",
	  .help = "with --nsm-root, the instance that PCR4 is of; without it 'i-local'" },
	{ .name = "grace",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, grace),
	  .arg = "SECONDS",
	  .help = "how long it may take to stop; without it what the image says",
	  .min = 1,
	  .max = SV_MAX_GRACE_MS / 1000 },
	{ .name = "metrics",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, metrics),
	  .arg = "[IP:]PORT",
	  .help = "serve counters to Prometheus at /metrics; without an IP on 127.0.0.1" },
	{ .name = "dns",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, dns),
	  .arg = "IP[:PORT]",
	  .help = "where the enclave's DNS questions go; without it the first nameserver of "
		  "/etc/resolv.conf" },
	{ .name = "policy",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, policy),
	  .arg = "FILE",
	  .help = "a policy besides " RUN_POLICY_FILE,
	  .value = CLI_FILE },
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print one JSON object, with the keys of 'nitro-cli run-enclave': with --detach "
		  "when it is ready, else when it has ended" },
	CLI_OPTS_END,
};

static struct sv_opts make_opts(const struct cli_run *r)
{
	const struct opts *o = r->opts;

	return (struct sv_opts){ .eif = r->args[0],
				 .name = o->name,
				 .memory_mib = o->memory.value,
				 .cpus = (unsigned)o->cpus.value,
				 .cid = (uint32_t)o->cid.value,
				 .debug = o->debug,
				 .local = o->local,
				 .ports = o->ports.v,
				 .n_ports = o->ports.n,
				 .metrics = o->metrics,
				 .dns = o->dns,
				 .nsm_root = o->nsm_root,
				 .nsm_role = o->nsm_role,
				 .nsm_instance = o->nsm_instance,
				 .grace_ms = (uint32_t)o->grace.value * 1000 };
}

static int check_policy(const struct opts *o, struct ss_err *err)
{
	struct run_policy p = { 0 };

	if (run_policy_add(&p, RUN_POLICY_FILE, false, err) < 0 ||
	    (o->policy != NULL && run_policy_add(&p, o->policy, true, err) < 0))
		return -1;
	return run_policy_check_debug(&p, o->debug, err);
}

/* With --detach: it is ready, or it has ended already. */
static int print_detached(const struct cli_run *r, const json_t *o, struct ss_err *err)
{
	const json_t *end = json_object_get(o, "End");

	if (((const struct opts *)r->opts)->json && cli_json_print(o, err) < 0)
		return -1;
	if (end != NULL)
		return ss_fail(err, SS_ESYS, "'%s' ended before it was ready: %s %s",
			       json_string_value(json_object_get(o, "EnclaveName")),
			       json_string_value(json_object_get(end, "Kind")),
			       json_string_value(json_object_get(end, "Reason")));
	if (!((const struct opts *)r->opts)->json) {
		cli_print_str(json_string_value(json_object_get(o, "EnclaveName")));
		(void)putchar('\n');
	}
	return 0;
}

static int run_detached(struct cli_run *r, struct sv_plan *plan, bool *printed, struct ss_err *err)
{
	json_t *o = NULL;
	int rc;

	if (sv_detach(plan, &o, err) < 0)
		return -1;
	*printed = true;
	rc = print_detached(r, o, err);
	json_decref(o);
	return rc;
}

static int run_here(struct cli_run *r, struct sv_plan *plan, bool *printed, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const struct sv_face face = { .out_fd = STDOUT_FILENO,
				      .err_fd = STDERR_FILENO,
				      .out_tty = isatty(STDOUT_FILENO) == 1,
				      .err_tty = isatty(STDERR_FILENO) == 1,
				      .all_to_err = o->json,
				      .quiet = r->quiet };
	struct sv_end end;
	json_t *doc;
	int rc = 0;

	if (sv_run(plan, &face, -1, &end, err) < 0)
		return -1;
	r->status = sv_exit_status(&end);
	if (!o->json)
		return 0;
	*printed = true;
	doc = sv_describe(plan, &end.last);
	sv_describe_end(doc, &end);
	rc = cli_json_print(doc, err);
	json_decref(doc);
	return rc;
}

static int run_it(struct cli_run *r, bool *printed, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const struct sv_opts so = make_opts(r);
	struct sv_plan *plan = NULL;
	int rc;

	if (check_policy(o, err) < 0 || sv_prepare(&so, &plan, err) < 0)
		return -1;
	rc = o->detach ? run_detached(r, plan, printed, err) : run_here(r, plan, printed, err);
	sv_plan_free(plan);
	return rc;
}

/* A failure of ours is in the JSON, too. */
static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	struct ss_err also = { 0 };
	bool printed = false;
	json_t *doc;
	const int rc = run_it(r, &printed, err);

	if (rc == 0 || !o->json || printed)
		return rc;
	doc = json_object();
	cli_json_text(doc, "Error",
		      (struct ss_span){ (const uint8_t *)err->msg, strlen(err->msg) });
	cli_json_set(doc, "Hint", err->hint != NULL ? json_string(err->hint) : json_null());
	cli_json_set(doc, "ExitStatus", json_integer(SV_OUR_FAILURE));
	if (cli_json_print(doc, &also) < 0)
		err->hint = NULL; /* the failure that is told stays the first one */
	json_decref(doc);
	return rc;
}

const struct cli_cmd cli_run_enclave = {
	.name = "run",
	.args = "FILE",
	.summary = "start an enclave image on Nitro or on QEMU, and serve it",
	.about = "Starts an EIF and is its host until it ends: published ports, connections out "
		 "to what the image's own list allows, names, logs, health, metrics, time. Where "
		 "there is no Nitro device, QEMU is the machine.\n"
		 "What the application writes to its standard output and error comes out here as "
		 "such if the image has its logs go to the host ([logs] host = true); otherwise "
		 "the console is shown, where there is one. No port is published unless --port "
		 "says so.\n"
		 "SIGINT and SIGTERM tell the enclave to stop; a second one ends it at once.",
	.examples = "selfsame run app.eif --port 8080:8080\n"
		    "selfsame run app.eif --detach --name app --port 127.0.0.1:443:443\n"
		    "selfsame run app.eif --json 2>app.log | jq .End\n",
	.statuses = "0-255    the application's own\n"
		    "128+n    it was ended by signal n; 137 also if it did not stop in time\n"
		    "125      it could not be started, or it ended without saying how; also every\n"
		    "         mistake on the command line\n"
		    "With --detach: 0 if it is ready, else 125.\n",
	.failure = SV_OUR_FAILURE,
	.min_args = 1,
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

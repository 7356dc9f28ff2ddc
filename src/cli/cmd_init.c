/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config/enclave_toml.h"
#include "io/atomic.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct opts {
	const char *name;
};

static const struct cli_opt opt_table[] = {
	{ .name = "name",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, name),
	  .arg = "NAME",
	  .help = "name of the enclave; the folder's own without it" },
	CLI_OPTS_END,
};

/* What is said here is what holds without it, so that deleting a line changes nothing. */
static const char text[] =
	"dockerfile = \"Dockerfile\"      # or  image = \"oci:DIR\"\n"
	"context = \".\"\n"
	"arch = \"x86_64\"                # or \"aarch64\"\n"
	"source_date_epoch = 0          # or \"commit\": the time of the source's last commit\n"
	"\n"
	"# What runs inside comes from the image; [app] overrides it. Vectors, never a shell.\n"
	"# [app]\n"
	"# command = [\"/usr/bin/server\", \"--port\", \"8080\"]\n"
	"# user = \"1000:1000\"\n"
	"# env = { LOG = \"info\" }\n"
	"# restart = \"never\"            # or \"on-failure\", \"always\"\n"
	"\n"
	"# Each port of the host that reaches the enclave. tls has no default.\n"
	"# [[ingress]]\n"
	"# port = 443\n"
	"# to = 8080\n"
	"# tls = \"none\"                  # or \"passthrough\", \"attested\"\n"
	"\n"
	"# What the application may connect to; nothing without it.\n"
	"# [egress]\n"
	"# allow = [\"api.example.com:443\", \"*.example.org:443\", \"10.0.0.0/8:5432\"]\n"
	"\n"
	"# [health]\n"
	"# http = \"/healthz\"             # or  tcp = true\n"
	"\n"
	"# [logs]\n"
	"# host = true                  # the host reads what the application prints\n"
	"\n"
	"[run]\n"
	"memory_mib = 1024\n"
	"cpus = 2\n";

/* The folder's name with what a name cannot hold replaced. */
static void folder_name(const char *dir, char *ret, size_t n)
{
	char real[PATH_MAX];
	const char *last = realpath(dir, real) != NULL ? strrchr(real, '/') : NULL;

	(void)snprintf(ret, n, "%s", last != NULL && last[1] != '\0' ? last + 1 : "enclave");
	for (char *c = ret; *c != '\0'; c++) {
		const char one[] = { 'a', *c, '\0' };

		if (!cfg_is_name(one))
			*c = '-';
	}
	if (!cfg_is_name(ret))
		(void)snprintf(ret, n, "enclave");
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const char *dir = r->args[0] != NULL ? r->args[0] : ".";
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(sizeof(text) + 256);
	char path[PATH_MAX];
	char name[129];
	char line[256];

	if (o->name != NULL && !cfg_is_name(o->name))
		return ss_fail(err, SS_EUSAGE,
			       "--name must be letters, digits, '.', '_' and '-', at most 128");
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make folder '%s'", dir);
	(void)snprintf(path, sizeof(path), "%s/enclave.toml", dir);
	if (access(path, F_OK) == 0)
		return ss_fail(err, SS_EUSAGE, "'%s' exists already", path);
	folder_name(dir, name, sizeof(name));
	(void)snprintf(line, sizeof(line), "name = \"%s\"\n", o->name != NULL ? o->name : name);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)line, strlen(line) });
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)text, sizeof(text) - 1 });
	if (io_atomic_store(path, ss_buf_span(&b), err) < 0)
		return -1;
	cli_print_str(path);
	(void)putchar('\n');
	return 0;
}

const struct cli_cmd cli_init = {
	.name = "init",
	.args = "[DIR]",
	.summary = "write a configuration to start from",
	.about = "Writes DIR/enclave.toml (default: this folder) with the defaults spelled out and "
		 "the "
		 "other keys as comments. An enclave.toml that is there already stays as it is.",
	.examples = "selfsame init\n"
		    "selfsame init --name payments services/payments\n",
	.max_args = 1,
	.value = CLI_DIR,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

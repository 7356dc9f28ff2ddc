/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/out.h"
#include "crypto/x509.h"
#include "fmt/json.h"
#include "io/file.h"
#include "launch/ask.h"

#include <stdio.h>

#define PEM_MAX ((size_t)64 * 1024)

struct opts {
	bool json;
};

static const struct cli_opt opt_table[] = {
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

static int on_message(void *ctx, const struct talk *t, struct ss_err *err)
{
	if (t->type == TALK_REFUSED) {
		ask_refused(t, ctx);
		return 0;
	}
	return t->type == TALK_DONE ? 0 : ss_fail(err, SS_EINPUT, "an answer to something else");
}

static int load_chain(const char *path, struct ss_buf *ret, size_t *ret_n, struct ss_err *err)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(PEM_MAX);

	if (io_load_file(path, &pem, err) < 0)
		return -1;
	if (crypto_certs_put_der(ss_buf_span(&pem), ret, ret_n, err) < 0)
		return ss_ctx(err, "'%s'", path);
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_BUF struct ss_buf der = SS_BUF_INIT(TALK_MAX_CHAIN);
	AUTO_JSON json_t *root = NULL;
	struct talk question = { .type = TALK_CHAIN };
	struct ss_err refused = { 0 };
	size_t n = 0;

	if (load_chain(r->args[1], &der, &n, err) < 0)
		return -1;
	question.body = ss_buf_span(&der);
	if (ask(r->args[0], &question, on_message, &refused, err) < 0)
		return -1;
	if (refused.code != SS_OK) {
		*err = refused;
		return -1;
	}
	if (!o->json) {
		(void)printf("%s: serves this chain of %zu certificate%s\n", r->args[0], n,
			     n == 1 ? "" : "s");
		return 0;
	}
	root = json_object();
	cli_json_set(root, "EnclaveName", json_string(r->args[0]));
	cli_json_set(root, "Certificates", json_integer((json_int_t)n));
	return cli_json_print(root, err);
}

const struct cli_cmd cli_certificate = {
	.name = "certificate",
	.args = "NAME CHAIN",
	.summary = "hand a running enclave a certificate for its TLS key",
	.about =
		"CHAIN is PEM, the enclave's own certificate first, as ACME clients write it. The "
		"enclave takes it only if the first certificate is for its key ('csr'); new "
		"connections get it at once, those that are open go on. A renewal is the same once "
		"more. It changes nothing of what is attested: a client that verifies looks at the "
		"key, and at the name where it wants one.",
	.examples = "selfsame certificate app fullchain.pem\n",
	.min_args = 2,
	.max_args = 2,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

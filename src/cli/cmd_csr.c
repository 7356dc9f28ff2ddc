/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "crypto/issue.h"
#include "fmt/frame.h"
#include "io/atomic.h"
#include "launch/ask.h"

#include <stdio.h>
#include <string.h>

#define PEM_MAX ((size_t)64 * 1024)

struct opts {
	struct cli_list dns;
	const char *output;
};

static const struct cli_opt opt_table[] = {
	{ .name = "dns",
	  .kind = CLI_LIST,
	  .at = offsetof(struct opts, dns),
	  .arg = "HOST",
	  .help = "a name that the certificate is to hold for, perhaps behind '*.'; 1 to 16 of "
		  "them" },
	{ .name = "output",
	  .letter = 'o',
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, output),
	  .arg = "FILE",
	  .help = "write the request there, not to standard output",
	  .value = CLI_FILE },
	CLI_OPTS_END,
};

static int put_names(const struct cli_list *dns, struct ss_buf *ret, struct ss_err *err)
{
	if (dns->n == 0)
		return ss_fail(err, SS_EUSAGE, "csr needs --dns");
	if (dns->n > FRAME_MAX_NAMES)
		return ss_fail(err, SS_EUSAGE, "--dns: %zu names; there may be %u", dns->n,
			       FRAME_MAX_NAMES);
	ss_buf_put(ret, (struct ss_span){ (const uint8_t[1]){ (uint8_t)dns->n }, 1 });
	for (size_t i = 0; i < dns->n; i++) {
		const struct ss_span name = ss_text(dns->v[i]);

		if (!frame_is_dns_name(name))
			return ss_fail(err, SS_EUSAGE, "--dns: '%s' is no name of DNS",
				       SS_SHOW(name));
		ss_buf_put(ret, (struct ss_span){ (const uint8_t[1]){ (uint8_t)name.n }, 1 });
		ss_buf_put(ret, name);
	}
	return ss_buf_check(ret, "names", err);
}

struct answer {
	struct ss_buf pem;
	struct ss_err refused; /* SS_OK: not */
};

static int on_message(void *ctx, const struct talk *t, struct ss_err *err)
{
	struct answer *a = ctx;

	if (t->type == TALK_REFUSED) {
		ask_refused(t, &a->refused);
		return 0;
	}
	if (t->type != TALK_BYTES || a->pem.n > 0)
		return ss_fail(err, SS_EINPUT, "an answer to something else");
	return crypto_request_put_pem(t->body, &a->pem, err);
}

static int put(const struct answer *a, const char *output, struct ss_err *err)
{
	if (a->refused.code != SS_OK) {
		*err = a->refused;
		return -1;
	}
	if (output != NULL)
		return io_atomic_store(output, ss_buf_span(&a->pem), err);
	(void)fwrite(a->pem.p, 1, a->pem.n, stdout);
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_BUF struct ss_buf names = SS_BUF_INIT(TALK_MAX_NAMES);
	struct answer a = { .pem = SS_BUF_INIT(PEM_MAX) };
	struct talk question = { .type = TALK_CSR };
	int rc;

	if (put_names(&o->dns, &names, err) < 0)
		return -1;
	question.body = ss_buf_span(&names);
	rc = ask(r->args[0], &question, on_message, &a, err);
	if (rc == 0)
		rc = put(&a, o->output, err);
	ss_buf_done(&a.pem);
	return rc;
}

const struct cli_cmd cli_csr = {
	.name = "csr",
	.args = "NAME",
	.summary = "ask a running enclave for a certificate request",
	.about =
		"Prints a certificate request (PKCS#10, PEM) for the TLS key of the enclave, which "
		"was made inside and never leaves it. A certificate authority, or an ACME client "
		"on "
		"this host, makes a chain of it for 'certificate'. Without one the enclave serves "
		"a "
		"certificate that it signed itself.\n"
		"Each start of an enclave makes a new key, and needs a new certificate.",
	.examples = "selfsame csr app --dns app.example.com -o app.csr\n",
	.min_args = 1,
	.max_args = 1,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

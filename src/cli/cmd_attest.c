/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "crypto/hash.h"
#include "endpoint/ep_fetch.h"
#include "io/atomic.h"

#include <stdio.h>
#include <string.h>

struct opts {
	const char *output;
	bool json;
};

static const struct cli_opt opt_table[] = {
	{ .name = "output",
	  .letter = 'o',
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, output),
	  .arg = "FILE",
	  .help = "where the document goes",
	  .preset = "attestation.cbor",
	  .value = CLI_FILE },
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

static int print(const struct opts *o, const char *nonce, const char *key, struct ss_err *err)
{
	json_t *doc;
	int rc;

	if (!o->json) {
		(void)printf("document   ");
		cli_print_str(o->output);
		(void)printf("\nnonce      %s\npublic_key %s\n", nonce, key);
		return 0;
	}
	doc = json_object();
	cli_json_text(doc, "Document",
		      (struct ss_span){ (const uint8_t *)o->output, strlen(o->output) });
	cli_json_set(doc, "Nonce", json_string(nonce));
	cli_json_set(doc, "PublicKey", json_string(key));
	rc = cli_json_print(doc, err);
	json_decref(doc);
	return rc;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_EVIDENCE struct ep_evidence e = EP_EVIDENCE_INIT;
	AUTO_CONN struct ep_conn *c = NULL;
	char nonce[2 * EP_NONCE_SIZE + 1], key[2 * EP_MAX_SPKI + 1];
	struct ep_url u;

	if (ep_url_read(r->args[0], &u, err) < 0 || ep_conn_open(&u, &c, err) < 0 ||
	    ep_fetch(c, &u, &e, err) < 0 ||
	    io_atomic_store(o->output, ss_buf_span(&e.document), err) < 0)
		return -1;
	ss_hex((struct ss_span){ e.nonce, sizeof(e.nonce) }, nonce);
	ss_hex(ep_conn_spki(c), key);
	return print(o, nonce, key, err);
}

const struct cli_cmd cli_attest = {
	.name = "attest",
	.args = "URL",
	.summary = "fetch the attestation document of a running endpoint",
	.about = "Asks an attested endpoint for a document with a fresh nonce, over one TLS "
		 "connection, and stores it as it came. Prints the nonce and the public key of "
		 "that connection, both of which the document must contain. Nothing is verified: "
		 "that is done by verify, at once or later.",
	.examples = "selfsame attest -o app.cbor https://app.example:8443\n",
	.min_args = 1,
	.max_args = 1,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

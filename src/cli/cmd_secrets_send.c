/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/verify_peer.h"
#include "crypto/sign.h"
#include "endpoint/ep_secret.h"
#include "io/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX ((size_t)64 * 1024)
#define MAX_SECRETS 64u /* of one call: 4 MiB */

struct opts {
	struct cli_peer_opts peer;
	const char *certificate;
	const char *key;
	bool json;
};

static const struct cli_opt opt_table[] = {
	{ .name = "certificate",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, certificate),
	  .arg = "FILE",
	  .help = "the sender's certificate in PEM; its key is named in the configuration",
	  .value = CLI_FILE },
	{ .name = "key",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, key),
	  .arg = "FILE",
	  .help = "its private key in PEM, without a passphrase",
	  .value = CLI_FILE },
	CLI_PEER_ROWS(struct opts),
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

struct secret {
	char name[EP_SECRET_NAME_MAX + 1];
	struct ss_buf value;
};

struct errand {
	struct cli_peer peer;
	struct cli_judged judged;
	struct ep_sender *sender;
	struct secret *secrets;
	size_t n;
	json_t *sent; /* names; NULL without --json */
};

static void wipe(struct ss_buf *b)
{
	if (b->p != NULL)
		crypto_wipe(b->p, b->cap);
	ss_buf_done(b);
}

static void errand_done(struct errand *e)
{
	for (size_t i = 0; i < e->n; i++)
		wipe(&e->secrets[i].value);
	free(e->secrets);
	cli_judged_done(&e->judged);
	cli_peer_done(&e->peer);
	ep_sender_free(e->sender);
	json_decref(e->sent);
}

/* "NAME=FILE" */
static int load_secret(const char *word, struct secret *ret, struct ss_err *err)
{
	const char *eq = strchr(word, '=');
	const size_t n = eq != NULL ? (size_t)(eq - word) : 0;

	if (n > EP_SECRET_NAME_MAX || n == 0)
		return ss_fail(err, SS_EUSAGE, "a secret is given as NAME=FILE");
	memcpy(ret->name, word, n);
	if (!ep_secret_is_name(ret->name))
		return ss_fail(err, SS_EUSAGE,
			       "a secret's name is a letter or '_', then letters, digits and '_'");
	return io_load_file(eq + 1, &ret->value, err);
}

static int load_secrets(char **words, size_t n, struct errand *e, struct ss_err *err)
{
	if (n > MAX_SECRETS)
		return ss_fail(err, SS_EUSAGE, "%zu secrets; the limit is %u", n, MAX_SECRETS);
	e->secrets = ss_calloc(n, sizeof(*e->secrets));
	for (e->n = 0; e->n < n;) {
		struct secret *s = &e->secrets[e->n++];

		s->value = (struct ss_buf)SS_BUF_INIT(EP_SECRET_MAX);
		if (load_secret(words[e->n - 1], s, err) < 0)
			return -1;
		for (size_t i = 0; i + 1 < e->n; i++)
			if (strcmp(e->secrets[i].name, s->name) == 0)
				return ss_fail(err, SS_EUSAGE, "'%s' is given twice", s->name);
	}
	return 0;
}

static int load_sender(const struct opts *o, struct errand *e, struct ss_err *err)
{
	AUTO_BUF struct ss_buf certificate = SS_BUF_INIT(PEM_MAX);
	struct ss_buf key = SS_BUF_INIT(PEM_MAX);
	int rc;

	if (o->certificate == NULL || o->key == NULL)
		return ss_fail(err, SS_EUSAGE, "secrets send needs --certificate and --key");
	if (io_load_file(o->certificate, &certificate, err) < 0)
		return -1;
	rc = io_load_file(o->key, &key, err);
	if (rc == 0)
		rc = ep_sender_read(ss_buf_span(&certificate), ss_buf_span(&key), &e->sender, err);
	wipe(&key);
	return rc;
}

static int print_json(const struct errand *e, struct ss_err *err)
{
	char hex[2 * EP_SENDER_ID + 1], text[sizeof("sha256:") + 2 * (size_t)EP_SENDER_ID];
	uint8_t id[EP_SENDER_ID];
	json_t *o = json_object();
	int rc;

	ep_sender_id(e->sender, id);
	ss_hex((struct ss_span){ id, sizeof(id) }, hex);
	(void)snprintf(text, sizeof(text), "sha256:%s", hex);
	cli_json_set(o, "Verdict", ssv_verdict_object(e->judged.v));
	cli_json_set(o, "Sender", json_string(text));
	cli_json_set(o, "Sent", json_incref(e->sent));
	rc = cli_json_print(o, err);
	json_decref(o);
	return rc;
}

/* Over the connection that was judged; it ends at the first that is not taken. */
static int send_all(struct errand *e, const struct ssv_verified *yes, struct ss_err *err)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct secret *s = &e->secrets[i];

		if (ep_secret_send(ssv_verified_proof(yes), e->judged.conn, &e->peer.url, s->name,
				   ss_buf_span(&s->value), err) < 0)
			return -1;
		if (e->sent != NULL)
			(void)json_array_append_new(e->sent, json_string(s->name));
		else
			(void)printf("sent %s\n", s->name);
	}
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	SS_CLEANUP(errand_done) struct errand e = { 0 };
	const struct ssv_verified *yes;
	struct ss_err other = { 0 };
	int rc;

	if (load_sender(o, &e, err) < 0 || load_secrets(r->args + 1, r->n_args - 1, &e, err) < 0 ||
	    cli_peer_make(&o->peer, r->args[0], &e.peer, err) < 0)
		return -1;
	e.peer.sender = e.sender;
	e.sent = o->json ? json_array() : NULL;
	if (cli_peer_ask(&e.peer, &e.judged, err) < 0)
		return -1;
	yes = ssv_verdict_yes(e.judged.v);
	if (!o->json)
		(void)fputs(ssv_verdict_text(e.judged.v), stdout);
	rc = yes != NULL ? send_all(&e, yes, err) : 0;
	if (o->json && print_json(&e, rc == 0 ? err : &other) < 0)
		return -1;
	r->status = yes != NULL ? 0 : 1;
	return rc;
}

const struct cli_cmd cli_secrets_send = {
	.name = "secrets send",
	.args = "URL NAME=FILE...",
	.summary = "hand secrets to an enclave, over a verified connection",
	.about = "Verifies an endpoint as 'verify' does and, only after a yes, sends each file as "
		 "the "
		 "secret of that name, over the very TLS connection that the document proved. The "
		 "enclave takes a secret from the one sender whose key its measured configuration "
		 "names, once after it began; so this command shows a certificate.\n"
		 "A no sends nothing. The first secret that is not taken ends it; those before it "
		 "were taken, and are named.",
	.examples = "selfsame secrets send --policy accepted.toml --certificate me.pem \\\n"
		    "    --key me.key https://app.example:8443 TOKEN=token.txt\n",
	.no = "the endpoint is not what was expected: nothing was sent",
	.min_args = 2,
	.max_args = CLI_MANY,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

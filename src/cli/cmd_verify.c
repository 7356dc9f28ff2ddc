/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "base/show.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/verify_endpoint.h"
#include "cli/verify_expect.h"
#include "cli/verify_peer.h"
#include "io/clock.h"
#include "io/file.h"

#include <stdio.h>
#include <string.h>

/* A nonce shows that the document is new: the clocks of two machines need not agree to the second.
 */
#define URL_LEEWAY_S 30u

struct opts {
	struct cli_expect_opts expect;
	const char *root;
	const char *at;
	struct cli_num leeway;
	bool allow_debug;
	bool allow_emulated;
	bool allow_raw_nsm;
	bool any_operator;
	bool json;
};

#define EXPECT(member) offsetof(struct opts, expect.member)

static const struct cli_opt opt_table[] = {
	{ .name = "eif",
	  .kind = CLI_STR,
	  .at = EXPECT(eif),
	  .arg = "FILE",
	  .help = "the enclave image that must be running",
	  .value = CLI_FILE },
	{ .name = "measurements",
	  .kind = CLI_STR,
	  .at = EXPECT(measurements),
	  .arg = "FILE",
	  .help = "the same by its measurements.json",
	  .value = CLI_FILE },
	{ .name = "policy",
	  .kind = CLI_STR,
	  .at = EXPECT(policy),
	  .arg = "FILE",
	  .help = "a policy: the releases that are accepted, and what else must hold",
	  .value = CLI_FILE },
	{ .name = "pcr",
	  .kind = CLI_LIST,
	  .at = EXPECT(pcr),
	  .arg = "N=HEX",
	  .help = "the value of a register; without a file, PCR0, PCR1 and PCR2 are needed" },
	{ .name = "role",
	  .kind = CLI_STR,
	  .at = EXPECT(role),
	  .arg = "ARN",
	  .help = "the IAM role of the instance (PCR3)" },
	{ .name = "instance",
	  .kind = CLI_STR,
	  .at = EXPECT(instance),
	  .arg = "ID",
	  .help = "the instance (PCR4)" },
	{ .name = "signer",
	  .kind = CLI_STR,
	  .at = EXPECT(signer),
	  .arg = "FILE",
	  .help = "the certificate that the image is signed with (PCR8)",
	  .value = CLI_FILE },
	{ .name = "nonce",
	  .kind = CLI_STR,
	  .at = EXPECT(nonce),
	  .arg = "HEX",
	  .help = "the nonce that you chose; @FILE for the bytes of a file" },
	{ .name = "user-data",
	  .kind = CLI_STR,
	  .at = EXPECT(user_data),
	  .arg = "HEX",
	  .help = "what user_data must be; @FILE for the bytes of a file" },
	{ .name = "public-key",
	  .kind = CLI_STR,
	  .at = EXPECT(public_key),
	  .arg = "HEX",
	  .help = "what public_key must be; @FILE for the bytes of a file" },
	{ .name = "known",
	  .kind = CLI_LIST,
	  .at = EXPECT(known),
	  .arg = "FILE",
	  .help = "measurements of another build, never accepted: to say what changed",
	  .value = CLI_FILE },
	{ .name = "at",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, at),
	  .arg = "TIME",
	  .help = "now, document (its own time), a time of UTC, or seconds since 1970",
	  .preset = "now" },
	{ .name = "max-age",
	  .kind = CLI_NUM,
	  .at = EXPECT(max_age),
	  .arg = "SECONDS",
	  .help = "how old the document may be",
	  .max = CFG_POLICY_MAX_AGE },
	{ .name = "leeway",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, leeway),
	  .arg = "SECONDS",
	  .help = "how far the document's clock may be ahead",
	  .preset = "0",
	  .max = 300 },
	{ .name = "root",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, root),
	  .arg = "FILE",
	  .help = "a root certificate in AWS's place; the verdict says so",
	  .value = CLI_FILE },
	{ .name = "allow-debug",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, allow_debug),
	  .help = "accept debug mode; the verdict says so" },
	{ .name = "allow-emulated",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, allow_emulated),
	  .help = "accept QEMU's unsigned documents; the verdict says so" },
	{ .name = "allow-raw-nsm",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, allow_raw_nsm),
	  .help = "URL: accept an application that can ask the NSM itself; the verdict says so" },
	{ .name = "any-operator",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, any_operator),
	  .help = "URL: accept whoever runs this code; the verdict says so" },
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

/* --- what is asked --------------------------------------------------------------------------- */

static bool read_seconds(const char *text, int64_t *ret)
{
	const size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 12 || text[n] != '\0')
		return false;
	*ret = strtoll(text, NULL, 10);
	return true;
}

static int read_when(const struct opts *o, struct att_options *ret, struct ss_err *err)
{
	if (strcmp(o->at, "now") == 0) {
		ret->at = io_clock_now();
	} else if (strcmp(o->at, "document") == 0) {
		ret->when = ATT_AT_DOCUMENT;
	} else if (!read_seconds(o->at, &ret->at) && !ss_date_read(o->at, &ret->at)) {
		return ss_fail(err, SS_EUSAGE,
			       "--at must be now, document, a time as in 2026-11-21T10:30:00Z, or "
			       "seconds since 1970");
	}
	if (ret->when == ATT_AT_DOCUMENT && o->expect.max_age.set)
		return ss_fail(err, SS_EUSAGE, "--max-age says nothing with --at document");
	return 0;
}

/* --- the document ---------------------------------------------------------------------------- */

/*
 * dstack stores a document with a tail: an empty event log (00), 64 zero bytes of report data, and
 * JSON behind its length (SCALE's compact form of 64 to 16383). Nothing of it is signed or read.
 */
#define DSTACK_REPORT 65u

static bool is_dstack_tail(struct ss_span t)
{
	size_t n;

	if (t.n < DSTACK_REPORT + 2 || !att_is_zero((struct ss_span){ t.p, DSTACK_REPORT }))
		return false;
	n = t.p[DSTACK_REPORT] | (size_t)t.p[DSTACK_REPORT + 1] << 8;
	return (n & 3) == 1 && n >> 2 == t.n - DSTACK_REPORT - 2 && t.p[DSTACK_REPORT + 2] == '{' &&
	       t.p[t.n - 1] == '}';
}

/* One byte over the limit is read, so that what is too large is seen to be. */
static int load_document(const char *path, struct ss_progress *progress, struct ss_buf *ret,
			 struct ss_err *err)
{
	char note[96];
	AUTO_CLOSE int fd = -1;
	AUTO_FREE uint8_t *bytes = ss_calloc(ATT_DOCUMENT_MAX + 1, 1);
	size_t n, end;

	if (io_open_file(path, &fd, NULL, err) < 0)
		return -1;
	if (io_read_full(fd, bytes, ATT_DOCUMENT_MAX + 1, &n, err) < 0)
		return ss_ctx(err, "'%s'", path);
	end = att_doc_length((struct ss_span){ bytes, n });
	if (end > 0 && is_dstack_tail((struct ss_span){ bytes + end, n - end })) {
		(void)snprintf(note, sizeof(note),
			       "%zu bytes that dstack put behind the document were not read",
			       n - end);
		ss_progress_note(progress, note);
		n = end;
	}
	ss_buf_put(ret, (struct ss_span){ bytes, n });
	return 0;
}

/* --- the answer ------------------------------------------------------------------------------ */

static int print_verdict(const struct att_verdict *v, bool json, struct ss_err *err)
{
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(SIZE_MAX);
	json_t *doc;
	int rc;

	if (json) {
		doc = att_verdict_json(v);
		rc = cli_json_print(doc, err);
		json_decref(doc);
		return rc;
	}
	att_verdict_text(v, &text);
	(void)fwrite(text.p, 1, text.n, stdout);
	return 0;
}

/* What means nothing with a URL, or without one. */
static int check_opts(const struct opts *o, bool is_url, struct ss_err *err)
{
	const struct cli_expect_opts *x = &o->expect;

	if (!is_url && (o->allow_raw_nsm || o->any_operator))
		return ss_fail(err, SS_EUSAGE, "--%s is for a URL",
			       o->allow_raw_nsm ? "allow-raw-nsm" : "any-operator");
	if (is_url && (x->nonce != NULL || x->user_data != NULL || x->public_key != NULL))
		return ss_fail(err, SS_EUSAGE, "a URL has its own --%s",
			       x->nonce != NULL       ? "nonce"
			       : x->user_data != NULL ? "user-data"
						      : "public-key");
	if (is_url && strcmp(o->at, "now") != 0)
		return ss_fail(err, SS_EUSAGE, "a URL is verified now: without --at");
	return 0;
}

/* The document, and what is expected of it because of where it comes from. */
static int get_document(const struct cli_run *r, struct cli_endpoint *ep, struct cli_expect *x,
			struct ss_buf *document, struct ss_err *err)
{
	if (!ep->is_url)
		return load_document(r->args[0], r->progress, document, err);
	if (cli_endpoint_ask(ep, document, err) < 0)
		return -1;
	x->e.nonce = (struct ss_span){ ep->nonce, sizeof(ep->nonce) };
	x->e.endpoint = &ep->peer;
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	struct cli_expect_opts expect = o->expect;
	SS_CLEANUP(cli_expect_done) struct cli_expect x = { 0 };
	SS_CLEANUP(cli_endpoint_done)
	struct cli_endpoint ep = { .is_url = ep_is_url(r->args[0]),
				   .peer = { .allow_raw_nsm = o->allow_raw_nsm,
					     .any_operator = o->any_operator } };
	AUTO_BUF struct ss_buf document = SS_BUF_INIT(ATT_DOCUMENT_MAX + 1);
	AUTO_VERDICT struct att_verdict *v = NULL;
	struct att_options q = { .leeway_s = o->leeway.value,
				 .allow_debug = o->allow_debug,
				 .allow_emulated = o->allow_emulated };

	expect.is_endpoint = ep.is_url;
	if (check_opts(o, ep.is_url, err) < 0 || read_when(o, &q, err) < 0 ||
	    (ep.is_url && ep_url_read(r->args[0], &ep.url, err) < 0) ||
	    cli_expect_make(&expect, io_clock_now(), &x, err) < 0 ||
	    att_expect_check(&x.e, err) < 0 || cli_root_load(o->root, &q.root, err) < 0 ||
	    get_document(r, &ep, &x, &document, err) < 0)
		return -1;
	if (ep.is_url) { /* it is not of the future because it took a while to come */
		q.at = io_clock_now();
		q.leeway_s = q.leeway_s > URL_LEEWAY_S ? q.leeway_s : URL_LEEWAY_S;
	}
	if (att_verify(ss_buf_span(&document), &x.e, &q, &v, err) < 0 ||
	    print_verdict(v, o->json, err) < 0)
		return -1;
	r->status = att_verdict_yes(v) != NULL ? 0 : 1;
	return 0;
}

const struct cli_cmd cli_verify = {
	.name = "verify",
	.args = "DOCUMENT|URL",
	.summary = "verify a document or an endpoint against what is expected",
	.about =
		"Reads an attestation document of the Nitro hypervisor and says yes or no: whether "
		"its certificates lead to AWS's root, its signature holds, its time is right, and "
		"its registers are those of the image, the measurements, the policy or the values "
		"that were given. A no begins with a code that never changes; a yes lists what was "
		"compared and what was not.\n"
		"Without an expectation for PCR0, PCR1 and PCR2 there is no verdict. Debug mode, "
		"unsigned documents and another root are accepted only by name, and the first line "
		"of the verdict then says so.\n"
		"An endpoint, https://NAME[:PORT], is asked for a document with a fresh nonce; the "
		"document must bind the key of that very TLS connection, and something must say "
		"who runs the enclave: a WebPKI certificate, --role or --instance.",
	.examples = "selfsame verify --eif app.eif --nonce 00112233 document.cose\n"
		    "selfsame verify --policy accepted.toml --at document old.cose\n"
		    "selfsame verify --policy accepted.toml https://app.example:8443\n",
	.no = "the document does not hold, or is not what was expected",
	.min_args = 1,
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

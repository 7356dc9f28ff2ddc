/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "base/show.h"
#include "cli/cli.h"
#include "cli/verify_peer.h"
#include "io/clock.h"
#include "io/file.h"

#include <stdio.h>
#include <string.h>

/* A nonce shows that the document is new: the clocks of two machines need not agree to the second.
 */
#define URL_LEEWAY_S 30u

struct opts {
	struct cli_peer_opts peer;
	const char *at;
	bool json;
};

#define PEER(member) offsetof(struct opts, peer.member)
#define EXPECT(member) PEER(expect.member)

static const struct cli_opt opt_table[] = {
	CLI_EXPECT_ROWS(struct opts),
	{ .name = "nonce",
	  .kind = CLI_STR,
	  .at = EXPECT(nonce),
	  .arg = "HEX",
	  .help = "the nonce that you chose; @FILE for the bytes of a file",
	  .once = true },
	{ .name = "user-data",
	  .kind = CLI_STR,
	  .at = EXPECT(user_data),
	  .arg = "HEX",
	  .help = "what user_data must be; @FILE for the bytes of a file",
	  .once = true },
	{ .name = "public-key",
	  .kind = CLI_STR,
	  .at = EXPECT(public_key),
	  .arg = "HEX",
	  .help = "what public_key must be; @FILE for the bytes of a file",
	  .once = true },
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
	  .preset = "now",
	  .once = true },
	{ .name = "max-age",
	  .kind = CLI_NUM,
	  .at = EXPECT(max_age),
	  .arg = "SECONDS",
	  .help = "how old the document may be",
	  .max = CFG_POLICY_MAX_AGE,
	  .once = true },
	{ .name = "leeway",
	  .kind = CLI_NUM,
	  .at = EXPECT(leeway),
	  .arg = "SECONDS",
	  .help = "how far the document's clock may be ahead",
	  .preset = "0",
	  .max = 300,
	  .once = true },
	CLI_TRUST_ROWS(struct opts),
	{ .name = "allow-raw-nsm",
	  .kind = CLI_FLAG,
	  .at = PEER(allow_raw_nsm),
	  .help = "URL: accept an application that can ask the NSM itself; the verdict says so" },
	{ .name = "any-operator",
	  .kind = CLI_FLAG,
	  .at = PEER(any_operator),
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

struct when {
	bool is_document;
	int64_t at;
};

static int read_when(const struct opts *o, struct when *ret, struct ss_err *err)
{
	if (strcmp(o->at, "now") == 0) {
		ret->at = io_clock_now();
	} else if (strcmp(o->at, "document") == 0) {
		ret->is_document = true;
	} else if (!read_seconds(o->at, &ret->at) && !ss_date_read(o->at, &ret->at)) {
		return ss_fail(err, SS_EUSAGE,
			       "--at must be now, document, a time as in 2026-11-21T10:30:00Z, or "
			       "seconds since 1970");
	}
	if (ret->is_document && o->peer.expect.max_age.set)
		return ss_fail(err, SS_EUSAGE, "--max-age says nothing with --at document");
	return 0;
}

static int put_when(struct ssv_question *q, const struct when *w, struct ss_err *err)
{
	if ((w->is_document ? ssv_at_document(q) : ssv_at_time(q, w->at)) == SSV_OK)
		return 0;
	return ss_fail(err, SS_EUSAGE, "%s", ssv_question_error(q));
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

static void print_verdict(const struct ssv_verdict *v, bool json)
{
	(void)fputs(json ? ssv_verdict_json(v) : ssv_verdict_text(v), stdout);
	if (json)
		(void)putchar('\n');
}

/* What means nothing with a URL, or without one. */
static int check_opts(const struct opts *o, bool is_url, struct ss_err *err)
{
	const struct cli_expect_opts *x = &o->peer.expect;

	if (!is_url && (o->peer.allow_raw_nsm || o->peer.any_operator))
		return ss_fail(err, SS_EUSAGE, "--%s is for a URL",
			       o->peer.allow_raw_nsm ? "allow-raw-nsm" : "any-operator");
	if (is_url && (x->nonce != NULL || x->user_data != NULL || x->public_key != NULL))
		return ss_fail(err, SS_EUSAGE, "a URL has its own --%s",
			       x->nonce != NULL       ? "nonce"
			       : x->user_data != NULL ? "user-data"
						      : "public-key");
	if (is_url && strcmp(o->at, "now") != 0)
		return ss_fail(err, SS_EUSAGE, "a URL is verified now: without --at");
	return 0;
}

static int judge_file(const struct cli_run *r, const struct when *w, struct ssv_verdict **ret,
		      struct ss_err *err)
{
	const struct opts *o = r->opts;
	SS_CLEANUP(cli_question_done) struct cli_question x = { 0 };
	AUTO_BUF struct ss_buf document = SS_BUF_INIT(ATT_DOCUMENT_MAX + 1);

	if (cli_question_make(&o->peer.expect, false, io_clock_now(), &x, err) < 0 ||
	    put_when(x.q, w, err) < 0 || load_document(r->args[0], r->progress, &document, err) < 0)
		return -1;
	return ssv_answer(x.q, ss_buf_span(&document), ret, err);
}

static int judge_url(const struct cli_run *r, struct ssv_verdict **ret, struct ss_err *err)
{
	struct cli_peer_opts o = ((const struct opts *)r->opts)->peer;
	SS_CLEANUP(cli_peer_done) struct cli_peer p = { 0 };
	SS_CLEANUP(cli_judged_done) struct cli_judged j = { 0 };

	if (o.expect.leeway.value < URL_LEEWAY_S)
		o.expect.leeway.value = URL_LEEWAY_S;
	if (cli_peer_make(&o, r->args[0], &p, err) < 0 || cli_peer_ask(&p, &j, err) < 0)
		return -1;
	*ret = TAKE_PTR(j.v);
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const bool is_url = ep_is_url(r->args[0]);
	AUTO_SSV_VERDICT struct ssv_verdict *v = NULL;
	struct when when = { 0 };

	if (check_opts(o, is_url, err) < 0 || read_when(o, &when, err) < 0)
		return -1;
	if ((is_url ? judge_url(r, &v, err) : judge_file(r, &when, &v, err)) < 0)
		return -1;
	print_verdict(v, o->json);
	r->status = ssv_verdict_yes(v) != NULL ? 0 : 1;
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/verify_peer.h"
#include "endpoint/ep_proxy.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct opts {
	struct cli_peer_opts peer;
	const char *listen;
	struct cli_num max_age;
	struct cli_num grace;
	bool json;
};

#define MIN_AGE_S 5 /* less, and most of the time would go into asking */

static const struct cli_opt opt_table[] = {
	{ .name = "listen",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, listen),
	  .arg = "IP:PORT",
	  .help = "where programs of this machine find the enclave; port 0: one that is free",
	  .preset = "127.0.0.1:0" },
	{ .name = "max-age",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, max_age),
	  .arg = "SECONDS",
	  .help = "how long a yes counts, and how old a document may be",
	  .preset = "300",
	  .min = MIN_AGE_S,
	  .max = CFG_POLICY_MAX_AGE },
	{ .name = "grace",
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, grace),
	  .arg = "SECONDS",
	  .help = "how long open connections may go on after SIGTERM",
	  .preset = "10",
	  .max = 3600 },
	CLI_PEER_ROWS(struct opts),
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print a JSON object for each event" },
	CLI_OPTS_END,
};

/* `last` is written by the thread that asks, and read between two questions. */
struct proxy {
	struct cli_peer peer;
	struct cli_judged last;
	bool json;
	bool verbose;
	bool was_attested;
};

static int judge(struct proxy *p, struct ep_pin *ret, struct ss_err *err)
{
	const struct ssv_verified *yes = ssv_verdict_yes(p->last.v);

	if (yes == NULL)
		return ss_fail(err, SS_EVERIFY, "%s: %s", ssv_verdict_code(p->last.v),
			       ssv_verdict_message(p->last.v));
	return ep_pin_make(ssv_verified_proof(yes), p->last.conn, ret, err);
}

static int attest(void *ctx, struct ep_pin *ret, struct ss_err *err)
{
	struct proxy *p = ctx;
	int rc;

	cli_judged_done(&p->last);
	rc = cli_peer_ask(&p->peer, &p->last, err);
	if (rc == 0)
		rc = judge(p, ret, err);
	/* The verdict is kept, the connection is not: the enclave would wait for its end. */
	ep_conn_free(TAKE_PTR(p->last.conn));
	return rc;
}

/* --- what happens ---------------------------------------------------------------------------- */

static const char *const event_names[] = {
	[EP_EVENT_ATTESTED] = "Attested",   [EP_EVENT_NOT_ANSWERED] = "NotAnswered",
	[EP_EVENT_LISTENING] = "Listening", [EP_EVENT_OPENED] = "Opened",
	[EP_EVENT_CLOSED] = "Closed",       [EP_EVENT_STOPPING] = "Stopping",
};

static void print_object(json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);

	json_decref(o);
	assert(text != NULL);
	(void)puts(text);
	free(text);
}

static void print_json(const struct proxy *p, const struct ep_event *e)
{
	json_t *o = json_object();

	cli_json_set(o, "Event", json_string(event_names[e->kind]));
	if (e->kind == EP_EVENT_ATTESTED) {
		cli_json_set(o, "NewKey", json_boolean(e->new_key));
		cli_json_set(o, "Verdict", ssv_verdict_object(p->last.v));
	}
	if (e->kind == EP_EVENT_NOT_ANSWERED)
		cli_json_text(o, "Message",
			      (struct ss_span){ (const uint8_t *)e->why, strlen(e->why) });
	if (e->kind == EP_EVENT_LISTENING)
		cli_json_set(o, "Address", json_string(e->where));
	if (e->kind == EP_EVENT_OPENED || e->kind == EP_EVENT_CLOSED)
		cli_json_set(o, "Connection", json_integer((json_int_t)e->id));
	if (e->kind == EP_EVENT_CLOSED) {
		cli_json_set(o, "Reason", json_string(ep_over_name(e->over)));
		cli_json_set(o, "Sent", json_integer((json_int_t)e->sent));
		cli_json_set(o, "Received", json_integer((json_int_t)e->received));
	}
	print_object(o);
}

/* The whole verdict the first time and for another key, then one line. */
static void print_attested(const struct proxy *p, const struct ep_event *e)
{
	if (p->was_attested && !e->new_key) {
		(void)printf("attested again\n");
		return;
	}
	if (e->new_key)
		(void)printf("attested with another key: the enclave began anew\n");
	(void)fputs(ssv_verdict_text(p->last.v), stdout);
}

static void print_text(const struct proxy *p, const struct ep_event *e)
{
	switch (e->kind) {
	case EP_EVENT_ATTESTED:
		print_attested(p, e);
		return;
	case EP_EVENT_NOT_ANSWERED:
		(void)printf("no answer: ");
		cli_print_str(e->why);
		(void)printf("\n");
		return;
	case EP_EVENT_LISTENING:
		(void)printf("listening on %s\n", e->where);
		return;
	case EP_EVENT_OPENED:
		if (p->verbose)
			(void)printf("connection %llu: open\n", (unsigned long long)e->id);
		return;
	case EP_EVENT_CLOSED: /* what went as it should is of no interest */
		if (p->verbose || e->over != EP_OVER_DONE)
			(void)printf("connection %llu: %s, %llu bytes sent, %llu received\n",
				     (unsigned long long)e->id, ep_over_name(e->over),
				     (unsigned long long)e->sent, (unsigned long long)e->received);
		return;
	case EP_EVENT_STOPPING:
		(void)printf("stopping\n");
		return;
	}
}

static void on_event(void *ctx, const struct ep_event *e)
{
	struct proxy *p = ctx;

	if (p->json)
		print_json(p, e);
	else
		print_text(p, e);
	p->was_attested |= e->kind == EP_EVENT_ATTESTED;
	(void)fflush(stdout);
}

/* A no: its verdict is the answer, and status 1 says so. */
static int print_no(const struct proxy *p)
{
	json_t *o;

	if (p->json) {
		o = json_object();
		cli_json_set(o, "Event", json_string("Refused"));
		cli_json_set(o, "Verdict", ssv_verdict_object(p->last.v));
		print_object(o);
		return 1;
	}
	(void)fputs(ssv_verdict_text(p->last.v), stdout);
	return 1;
}

static void proxy_done(struct proxy *p)
{
	cli_judged_done(&p->last);
	cli_peer_done(&p->peer);
}

/* Of the option and a policy the lesser: a yes is never older than a document may be. */
static int choose_age(const struct ssv_question *q, uint64_t *ret_ms, struct ss_err *err)
{
	const uint64_t age = ssv_least_age(q);

	if (age < MIN_AGE_S)
		return ss_fail(err, SS_EUSAGE,
			       "the policy's max_age is %llu s, and a yes here counts for %d s or "
			       "more",
			       (unsigned long long)age, MIN_AGE_S);
	*ret_ms = age * 1000;
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	SS_CLEANUP(proxy_done)
	struct proxy p = { .json = o->json, .verbose = r->verbose };
	struct cli_peer_opts peer = o->peer;
	struct ep_proxy_opts q = { .url = &p.peer.url,
				   .grace_ms = o->grace.value * 1000,
				   .attest = attest,
				   .event = on_event,
				   .ctx = &p };

	peer.expect.max_age = o->max_age;
	if (ep_listen_read(o->listen, &q.listen, err) < 0 ||
	    cli_peer_make(&peer, r->args[0], &p.peer, err) < 0 ||
	    choose_age(p.peer.x.q, &q.max_age_ms, err) < 0)
		return -1;
	if (ep_proxy_run(&q, err) == 0)
		return 0;
	if (err->code != SS_EVERIFY || p.last.v == NULL || ssv_verdict_yes(p.last.v) != NULL)
		return -1;
	*err = (struct ss_err){ 0 };
	r->status = print_no(&p);
	return 0;
}

const struct cli_cmd cli_proxy = {
	.name = "proxy",
	.args = "URL",
	.summary = "a local port that reaches an enclave only while it is attested",
	.about = "Verifies an endpoint as 'verify' does, and only after a yes opens a port on this "
		 "machine. What a program sends there goes to the application in the enclave, "
		 "through TLS that ends inside: every connection must show the key that was "
		 "attested. So any program can be a client that verifies.\n"
		 "The endpoint is attested again before a yes is older than --max-age, or than the "
		 "policy's max_age if that is less. A no closes "
		 "the port and every connection at once; so does an endpoint that gives no answer "
		 "until the last yes is too old. An enclave that began anew, with another key and "
		 "a yes, is gone on with; connections of the old key end.\n"
		 "SIGINT and SIGTERM close the port and let connections end within --grace. "
		 "Whoever may connect to a port of this machine may use it.",
	.examples = "selfsame proxy --policy accepted.toml https://app.example:8443\n"
		    "selfsame proxy --eif app.eif --listen 127.0.0.1:8080 https://app.example\n",
	.no = "the endpoint is not what was expected, or is no longer",
	.min_args = 1,
	.max_args = 1,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};

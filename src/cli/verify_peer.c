/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_peer.h"

#include "io/clock.h"

int cli_peer_make(const struct cli_peer_opts *o, const char *url, struct cli_peer *ret,
		  struct ss_err *err)
{
	ret->allow_raw_nsm = o->allow_raw_nsm;
	ret->any_operator = o->any_operator;
	if (ep_url_read(url, &ret->url, err) < 0)
		return -1;
	return cli_question_make(&o->expect, true, io_clock_now(), &ret->x, err);
}

void cli_peer_done(struct cli_peer *p)
{
	cli_question_done(&p->x);
}

static int fetch(const struct cli_peer *p, struct cli_judged *ret, struct ep_evidence *e,
		 struct ss_err *err)
{
	if ((p->sender != NULL ? ep_conn_open_as(&p->url, p->sender, &ret->conn, err)
			       : ep_conn_open(&p->url, &ret->conn, err)) < 0)
		return -1;
	return ep_fetch(ret->conn, &p->url, e, err);
}

int cli_peer_ask(struct cli_peer *p, struct cli_judged *ret, struct ss_err *err)
{
	AUTO_EVIDENCE struct ep_evidence e = EP_EVIDENCE_INIT;
	struct att_endpoint peer = { .allow_raw_nsm = p->allow_raw_nsm,
				     .any_operator = p->any_operator };
	struct ssv_question *q = p->x.q;
	int rc;

	peer.asked_ms = io_clock_now_ms(); /* the nonce is drawn after this */
	if (fetch(p, ret, &e, err) < 0)
		return -1;
	peer.spki = ep_conn_spki(ret->conn);
	peer.webpki_name = ep_conn_is_webpki(ret->conn) ? p->url.host : NULL;
	peer.own_roots = ep_conn_has_own_roots();
	ssv_put_peer(q, &peer);
	ssv_put_value(q, SSV_NONCE, (struct ss_span){ e.nonce, sizeof(e.nonce) });
	/* Not of the future because it took a while to come. */
	rc = ssv_at_time(q, io_clock_now()) == SSV_OK
		     ? ssv_answer(q, ss_buf_span(&e.document), &ret->v, err)
		     : ss_fail(err, SS_EUSAGE, "%s", ssv_question_error(q));
	ssv_put_peer(q, NULL);
	return rc;
}

void cli_judged_done(struct cli_judged *j)
{
	ssv_verdict_free(j->v);
	ep_conn_free(j->conn);
	*j = (struct cli_judged){ 0 };
}

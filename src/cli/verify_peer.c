/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_peer.h"

#include "io/clock.h"
#include "io/file.h"

#define ROOT_MAX ((size_t)64 * 1024)

int cli_root_load(const char *path, struct att_root *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(ROOT_MAX);
	AUTO_CERT struct crypto_cert *c = NULL;

	if (path == NULL) {
		*ret = att_root_aws();
		return 0;
	}
	if (io_load_file(path, &pem, err) < 0)
		return -1;
	if (crypto_cert_read_pem_only(ss_buf_span(&pem), &c, err) < 0)
		return ss_ctx(err, "'%s'", path);
	*ret = att_root_of(c);
	return 0;
}

int cli_peer_make(const struct cli_peer_opts *o, const char *url, struct cli_peer *ret,
		  struct ss_err *err)
{
	struct cli_expect_opts expect = o->expect;

	expect.is_endpoint = true;
	ret->q.leeway_s = o->leeway.value;
	ret->q.allow_debug = o->allow_debug;
	ret->q.allow_emulated = o->allow_emulated;
	ret->allow_raw_nsm = o->allow_raw_nsm;
	ret->any_operator = o->any_operator;
	if (ep_url_read(url, &ret->url, err) < 0 ||
	    cli_expect_make(&expect, io_clock_now(), &ret->x, err) < 0 ||
	    att_expect_check(&ret->x.e, err) < 0)
		return -1;
	return cli_root_load(o->root, &ret->q.root, err);
}

void cli_peer_done(struct cli_peer *p)
{
	cli_expect_done(&p->x);
}

int cli_peer_ask(const struct cli_peer *p, struct cli_judged *ret, struct ss_err *err)
{
	struct att_expect e = p->x.e;
	struct att_options q = p->q;

	ret->ep.is_url = true;
	ret->ep.url = p->url;
	ret->ep.sender = p->sender;
	ret->ep.peer.allow_raw_nsm = p->allow_raw_nsm;
	ret->ep.peer.any_operator = p->any_operator;
	ret->document = (struct ss_buf)SS_BUF_INIT(EP_MAX_DOCUMENT);
	if (cli_endpoint_ask(&ret->ep, &ret->document, err) < 0)
		return -1;
	e.nonce = (struct ss_span){ ret->ep.nonce, sizeof(ret->ep.nonce) };
	e.endpoint = &ret->ep.peer;
	q.at = io_clock_now(); /* not of the future because it took a while to come */
	return att_verify(ss_buf_span(&ret->document), &e, &q, &ret->v, err);
}

void cli_judged_done(struct cli_judged *j)
{
	att_verdict_free(j->v);
	ss_buf_done(&j->document);
	cli_endpoint_done(&j->ep);
	*j = (struct cli_judged){ 0 };
}

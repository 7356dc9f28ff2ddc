/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/host_parts.h"

#include <string.h>

/*
 * What the host's people ask of the enclave's TLS key (docs/formats/endpoint.md, "The
 * certificate"). One question at a time is on the control stream; a chain goes part by part, each
 * answered.
 */

static void end(struct host *h, const struct host_cert_said *said)
{
	struct host_cert *c = &h->cert;
	const host_cert_done done = c->done;

	c->is_asked = false;
	c->done = NULL;
	loop_cancel(h->o.loop, &c->limit);
	ss_buf_done(&c->chain);
	if (done != NULL)
		done(c->ctx, said);
}

static void refuse(struct host *h, bool is_input, const char *why)
{
	end(h, &(struct host_cert_said){ .is_input = is_input, .why = why });
}

/* An answer that comes after all would be taken for one of the next question. */
static void on_limit(struct loop_timer *t)
{
	struct host *h = LOOP_OWNER(t, struct host, cert.limit);

	host_control_lose(h);
	refuse(h, false, "the enclave does not answer");
}

static bool has_attested(const struct host *h)
{
	struct mc_list list = h->o.facts->config.ingress;
	struct mc_ingress in;

	while (h->o.facts->has_config && mc_next_ingress(&list, &in))
		if (in.tls == MC_TLS_ATTESTED)
			return true;
	return false;
}

/* False: it is answered already. */
static bool begin(struct host *h, host_cert_done done, void *ctx)
{
	struct host_cert *c = &h->cert;
	struct host_cert_said said = { .why = NULL };

	if (!has_attested(h))
		said.why = "the image has no ingress with tls = \"attested\"";
	else if (c->is_asked)
		said.why = "another request of this kind is under way";
	else if (!h->control.welcomed)
		said.why = "the enclave is not connected";
	if (said.why != NULL) {
		done(ctx, &said);
		return false;
	}
	c->is_asked = true;
	c->done = done;
	c->ctx = ctx;
	c->sent = 0;
	c->limit.on = on_limit;
	loop_after(h->o.loop, &c->limit, HOST_CERT_MS);
	return true;
}

static void send_part(struct host *h)
{
	struct host_cert *c = &h->cert;
	const size_t left = c->chain.n - c->sent;
	const struct frame f = { .type = FRAME_CHAIN,
				 .chain = { (uint32_t)c->sent,
					    (uint32_t)c->chain.n,
					    { c->chain.p + c->sent,
					      left < FRAME_MAX_PART ? left : FRAME_MAX_PART } } };

	c->sent += f.chain.part.n;
	if (!host_control_say(h, &f))
		refuse(h, false, "the enclave does not read");
}

void host_csr(struct host *h, struct ss_span names, host_cert_done done, void *ctx)
{
	const struct frame f = { .type = FRAME_CSR_ASK, .names = names };

	if (!begin(h, done, ctx))
		return;
	h->cert.is_csr = true;
	if (!frame_is_names(names))
		refuse(h, true, "these are no names of DNS");
	else if (!host_control_say(h, &f))
		refuse(h, false, "the enclave does not read");
}

void host_chain(struct host *h, struct ss_span chain, host_cert_done done, void *ctx)
{
	struct host_cert *c = &h->cert;

	if (!begin(h, done, ctx))
		return;
	c->is_csr = false;
	c->chain = (struct ss_buf)SS_BUF_INIT(FRAME_MAX_CHAIN);
	ss_buf_put(&c->chain, chain);
	if (c->chain.bad || chain.n == 0)
		refuse(h, true, "a chain has 1 to 16384 bytes in DER");
	else
		send_part(h);
}

static bool on_csr(struct host *h, struct ss_span csr)
{
	if (!h->cert.is_csr)
		return false;
	if (csr.n == 0)
		refuse(h, false, "the enclave has no TLS key, or cannot make a request");
	else
		end(h, &(struct host_cert_said){ .csr = csr });
	return true;
}

static bool on_said(struct host *h, enum frame_said said)
{
	struct host_cert *c = &h->cert;
	const bool is_last = c->sent == c->chain.n;

	/* What is wrong may be told before the last part went. */
	if (c->is_csr || (said == FRAME_CHAIN_TAKEN && !is_last) ||
	    (said == FRAME_CHAIN_GOES_ON && is_last))
		return false;
	switch (said) {
	case FRAME_CHAIN_TAKEN:
		end(h, &(struct host_cert_said){ .why = NULL });
		break;
	case FRAME_CHAIN_GOES_ON:
		send_part(h);
		break;
	case FRAME_CHAIN_FORM:
		refuse(h, true, "the enclave cannot read or serve this chain");
		break;
	case FRAME_CHAIN_KEY:
		refuse(h, true, "its first certificate is for another key than the enclave has");
		break;
	case FRAME_CHAIN_LIMIT:
		refuse(h, true, "the chain has too many certificates");
		break;
	case FRAME_CHAIN_ORDER:
		refuse(h, false, "the enclave lost a part of the chain");
		break;
	case FRAME_CHAIN_NO_KEY:
		refuse(h, false, "the enclave has no TLS key: without an NSM nothing is attested");
		break;
	}
	return true;
}

bool host_cert_frame(struct host *h, const struct frame *f)
{
	if (!h->cert.is_asked)
		return false;
	return f->type == FRAME_CSR ? on_csr(h, f->csr) : on_said(h, f->said);
}

void host_cert_lost(struct host *h)
{
	if (h->cert.is_asked)
		refuse(h, false, "the enclave hung up");
}

void host_cert_cancel(struct host *h, void *ctx)
{
	if (h->cert.ctx == ctx)
		h->cert.done = NULL;
}

void host_cert_free(struct host *h)
{
	h->cert.done = NULL;
	if (h->cert.is_asked)
		refuse(h, false, "");
}

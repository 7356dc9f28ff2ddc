/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_cert.h"

#include "runtime/dp.h"

#include <string.h>

static void put_question(struct dp_cert *c, const struct frame *f)
{
	struct ss_buf b = SS_BUF_OVER(c->text);

	c->head = (struct kp_link_head){ .type = KP_LINK_CSR_ASK };
	if (f->type == FRAME_CSR_ASK) {
		ss_buf_put(&b, f->names);
	} else {
		c->head.type = KP_LINK_CHAIN;
		ss_buf_be32(&b, f->chain.offset);
		ss_buf_be32(&b, f->chain.total);
		ss_buf_put(&b, f->chain.part);
	}
	c->n_text = b.n;
}

void dp_cert_send(struct dp *d)
{
	struct dp_cert *c = &d->cert;

	if (!c->waiting || !dp_key_ask(d, &c->head, (struct ss_span){ c->text, c->n_text }))
		return;
	c->waiting = false;
	c->asked = true;
}

void dp_cert_ask(struct dp *d, const struct frame *f)
{
	struct dp_cert *c = &d->cert;

	if (d->key.w.fd < 0) {
		c->answer = (struct frame){ .type = FRAME_CSR };
		if (f->type == FRAME_CHAIN)
			c->answer = (struct frame){ .type = FRAME_CHAIN_SAID,
						    .said = FRAME_CHAIN_NO_KEY };
		c->due = true;
		return;
	}
	put_question(c, f);
	c->is_left = false;
	c->waiting = true;
	dp_cert_send(d);
}

bool dp_cert_is_busy(const struct dp *d)
{
	return d->cert.waiting || d->cert.asked || d->cert.due;
}

void dp_cert_put(struct dp *d, struct ss_buf *b)
{
	if (d->cert.due)
		frame_write(&d->cert.answer, b);
	d->cert.due = false;
}

void dp_cert_leave(struct dp *d)
{
	struct dp_cert *c = &d->cert;

	c->waiting = false;
	c->due = false;
	c->is_left = c->asked;
}

bool dp_cert_answer(struct dp *d, const struct kp_link_head *h, struct ss_span text)
{
	struct dp_cert *c = &d->cert;
	const bool is_csr = c->head.type == KP_LINK_CSR_ASK;

	if (!c->asked || is_csr != (h->type == KP_LINK_CSR) ||
	    text.n > (is_csr ? sizeof(c->csr) : 0) || (!is_csr && h->a > FRAME_CHAIN_LAST))
		return false;
	if (text.n > 0)
		memcpy(c->csr, text.p, text.n);
	c->answer = (struct frame){ .type = FRAME_CSR, .csr = { c->csr, text.n } };
	if (!is_csr)
		c->answer =
			(struct frame){ .type = FRAME_CHAIN_SAID, .said = (enum frame_said)h->a };
	c->asked = false;
	c->due = !c->is_left;
	dp_control_resume(d);
	return true;
}

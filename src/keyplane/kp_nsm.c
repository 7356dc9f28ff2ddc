/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_nsm.h"

#include "fmt/binding.h"

void kp_nsm_init(struct kp_nsm *q)
{
	*q = (struct kp_nsm){ 0 };
}

bool kp_nsm_wait(struct kp_nsm *q, enum kp_queue which, struct kp_waiter *w, uint64_t now_ms)
{
	if (q->n[which] >= KP_MAX_WAITING)
		return false;
	*w = (struct kp_waiter){ .until_ms = now_ms + KP_WAIT_NSM_MS,
				 .which = which,
				 .waits = true };
	if (q->last[which] != NULL)
		q->last[which]->next = w;
	else
		q->first[which] = w;
	q->last[which] = w;
	q->n[which]++;
	return true;
}

void kp_nsm_leave(struct kp_nsm *q, struct kp_waiter *w)
{
	const enum kp_queue which = w->which;
	struct kp_waiter *before = NULL;

	if (!w->waits)
		return;
	for (struct kp_waiter *x = q->first[which]; x != w; x = x->next)
		before = x;
	if (before != NULL)
		before->next = w->next;
	else
		q->first[which] = w->next;
	if (q->last[which] == w)
		q->last[which] = before;
	q->n[which]--;
	w->next = NULL;
	w->waits = false;
}

bool kp_nsm_is_idle(const struct kp_nsm *q)
{
	return q->first[KP_Q_NETWORK] == NULL && q->first[KP_Q_LOCAL] == NULL;
}

struct kp_waiter *kp_nsm_next(struct kp_nsm *q, uint64_t now_ms)
{
	const enum kp_queue other = q->turn == KP_Q_NETWORK ? KP_Q_LOCAL : KP_Q_NETWORK;
	struct kp_waiter *w;

	if (now_ms < q->rest_until_ms)
		return NULL;
	w = q->first[q->turn] != NULL ? q->first[q->turn] : q->first[other];
	if (w == NULL)
		return NULL;
	q->turn = w->which == KP_Q_NETWORK ? KP_Q_LOCAL : KP_Q_NETWORK;
	kp_nsm_leave(q, w);
	return w;
}

struct kp_waiter *kp_nsm_expired(struct kp_nsm *q, uint64_t now_ms)
{
	/* All wait equally long: the first is the oldest. */
	for (unsigned i = 0; i < KP_QUEUES; i++) {
		struct kp_waiter *w = q->first[i];

		if (w != NULL && w->until_ms <= now_ms) {
			kp_nsm_leave(q, w);
			return w;
		}
	}
	return NULL;
}

void kp_nsm_called(struct kp_nsm *q, uint64_t began_ms, uint64_t ended_ms)
{
	q->rest_until_ms = ended_ms + KP_NSM_REST * (ended_ms - began_ms);
}

void kp_nsm_put_endpoint(struct ss_buf *b, struct ss_span nonce, struct ss_span spki,
			 struct ss_span binding)
{
	nsm_put_attestation(b, &(struct nsm_attestation){
				       .user_data = binding, .nonce = nonce, .public_key = spki });
}

void kp_nsm_put_app(struct ss_buf *b, const struct kp_ask *a, const uint8_t sha256[32])
{
	uint8_t raw[BINDING_MAX];
	struct ss_buf binding = SS_BUF_OVER(raw);
	struct nsm_attestation d = { 0 };

	binding_write(BINDING_APP, sha256, &binding);
	d.user_data = ss_buf_span(&binding);
	if (a->has_nonce)
		d.nonce = (struct ss_span){ a->nonce, a->n_nonce };
	if (a->has_public_key)
		d.public_key = (struct ss_span){ a->public_key, a->n_public_key };
	nsm_put_attestation(b, &d);
}

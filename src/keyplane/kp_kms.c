/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_kms.h"

#include "crypto/recipient.h"
#include "keyplane/kp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static struct {
	struct kp_keys_head head;
	uint8_t text[KP_KEYS_MAX_TEXT];
} heard;

int kp_kms_init(struct kp *k, int fd, struct ss_err *err)
{
	k->kms = (struct kp_kms){ .w = { .fd = fd, .kind = KP_K_KMS } };
	if (fd >= 0 && !kp_watch_set(k, &k->kms.w, EPOLLIN))
		return ss_fail_sys(err, "the pair to the keys of KMS");
	return 0;
}

static void unlink_waiter(struct kp_kms *q, struct kp_kms_waiter *w)
{
	struct kp_kms_waiter *before = NULL;

	for (struct kp_kms_waiter *x = q->first[w->which]; x != w; x = x->next)
		before = x;
	if (before != NULL)
		before->next = w->next;
	else
		q->first[w->which] = w->next;
	if (q->last[w->which] == w)
		q->last[w->which] = before;
	w->next = NULL;
}

/* The pair is empty while it is idle: what has no room in it now never will. */
static void ask(struct kp_kms *q, struct kp_kms_waiter *w)
{
	struct kp_keys_head h = { .what = w->which == KP_KMS_NEW ? KP_KEYS_NEW : KP_KEYS_UNWRAP,
				  .n = (uint32_t)w->message.n };
	struct iovec v[] = { { &h, sizeof(h) }, kp_iov(w->message) };
	const struct msghdr m = { .msg_iov = v, .msg_iovlen = w->message.n > 0 ? 2 : 1 };

	if (w->key != NULL)
		memcpy(h.key, w->key, sizeof(h.key));
	if (sendmsg(q->w.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		_exit(1);
	q->is_busy = true;
	q->asked_new = w->which == KP_KMS_NEW;
	q->served = w;
}

static void go_on(struct kp_kms *q)
{
	struct kp_kms_waiter *w = q->first[KP_KMS_UNWRAP];

	if (w == NULL && q->making < KP_KMS_MAKING)
		w = q->first[KP_KMS_NEW];
	if (q->is_busy || w == NULL)
		return;
	unlink_waiter(q, w);
	if (w->which == KP_KMS_NEW) {
		w->is_making = true;
		q->making++;
	}
	ask(q, w);
}

void kp_kms_wait(struct kp *k, enum kp_kms_queue which, struct kp_kms_waiter *w)
{
	struct kp_kms *q = &k->kms;

	w->which = which;
	w->waits = true;
	w->next = NULL;
	if (q->last[which] != NULL)
		q->last[which]->next = w;
	else
		q->first[which] = w;
	q->last[which] = w;
	go_on(q);
}

void kp_kms_leave(struct kp *k, struct kp_kms_waiter *w)
{
	struct kp_kms *q = &k->kms;

	if (q->served == w)
		q->served = NULL;
	else if (w->waits)
		unlink_waiter(q, w);
	w->waits = false;
	if (!w->is_making)
		return;
	w->is_making = false;
	q->making--;
	go_on(q);
}

static void keep_id(struct kp_kms *q, const uint8_t id[KP_KEY])
{
	memcpy(q->id[q->next], id, KP_KEY);
	q->next = (q->next + 1) % KP_RECIPIENTS;
	if (q->n_keys < KP_RECIPIENTS)
		q->n_keys++;
}

int kp_kms_hear(struct kp *k, struct kp_kms_said *ret, struct ss_err *err)
{
	struct kp_kms *q = &k->kms;
	const ssize_t n = recv(q->w.fd, &heard, sizeof(heard), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < (ssize_t)sizeof(heard.head) || heard.head.n != (size_t)n - sizeof(heard.head) ||
	    !q->is_busy)
		return ss_fail(err, SS_ESYS, "the process with the keys of KMS has ended");
	*ret = (struct kp_kms_said){ .to = q->served,
				     .is_done = heard.head.what == KP_KEYS_DONE,
				     .key = heard.head.key,
				     .text = { heard.text, heard.head.n } };
	/* Made is made, whoever still wants it: the other side has forgotten its oldest. */
	if (ret->is_done && q->asked_new) {
		if (heard.head.n != CRYPTO_RECIPIENT_SPKI)
			return ss_fail(err, SS_EINPUT, "a key of KMS that is none");
		keep_id(q, heard.head.key);
	}
	q->is_busy = false;
	q->served = NULL;
	if (ret->to != NULL)
		ret->to->waits = false;
	go_on(q);
	return 1;
}

void kp_kms_wipe(const struct kp_kms_said *said)
{
	explicit_bzero(heard.text, said->text.n);
}

bool kp_kms_has(const struct kp *k, const uint8_t id[KP_KEY])
{
	for (unsigned i = 0; i < k->kms.n_keys; i++)
		if (memcmp(k->kms.id[i], id, KP_KEY) == 0)
			return true;
	return false;
}

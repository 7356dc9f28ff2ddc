/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_loop.h"

#include "keyplane/kp.h"
#include "keyplane/kp_device.h"
#include "keyplane/kp_link.h"
#include "keyplane/kp_turn.h"

#include <errno.h>
#include <sys/epoll.h>

#define ROUND_EVENTS 128

int kp_loop_init(struct kp *k, struct ss_err *err)
{
	k->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll_fd < 0)
		return ss_fail_sys(err, "epoll");
	k->now_ms = kp_now_ms();
	k->swept_ms = k->now_ms;
	return 0;
}

static int wait_ms(const struct kp *k)
{
	uint64_t rest;

	if (k->conns.again != NULL)
		return 0;
	if (!kp_nsm_is_idle(&k->nsm)) {
		rest = k->nsm.rest_until_ms > k->now_ms ? k->nsm.rest_until_ms - k->now_ms : 0;
		return (int)(rest < KP_SWEEP_MS ? rest : KP_SWEEP_MS);
	}
	return k->conns.n > 0 || k->locals.n > 0 || k->counts.is_due ? (int)KP_SWEEP_MS : -1;
}

/* At most one call a round: the bytes have their turn between two of them. */
static void serve_nsm(struct kp *k)
{
	struct kp_waiter *w;

	while ((w = kp_nsm_expired(&k->nsm, k->now_ms)) != NULL) {
		if (w->which == KP_Q_NETWORK)
			kp_turn_busy(k, w);
		else
			kp_local_busy(k, w);
	}
	w = kp_nsm_next(&k->nsm, k->now_ms);
	if (w == NULL)
		return;
	if (w->which == KP_Q_NETWORK)
		kp_turn_document(k, w);
	else
		kp_local_document(k, w);
}

static int dispatch(struct kp *k, struct kp_watch *w, uint32_t events, struct ss_err *err)
{
	switch (w->kind) {
	case KP_K_LINK:
		return kp_link_event(k, events, err);
	case KP_K_NET:
	case KP_K_APP:
		kp_turn_event(k, w);
		break;
	case KP_K_LOCAL_CALL:
		kp_local_call(k);
		break;
	case KP_K_KMS:
		return kp_local_kms(k, err);
	case KP_K_LOCAL:
		kp_local_event(k, w);
		break;
	}
	return 0;
}

int kp_loop_round(struct kp *k, struct ss_err *err)
{
	struct epoll_event events[ROUND_EVENTS];
	int n;

	k->now_ms = kp_now_ms();
	n = epoll_wait(k->epoll_fd, events, ROUND_EVENTS, wait_ms(k));
	if (n < 0 && errno != EINTR)
		return ss_fail_sys(err, "epoll");
	k->now_ms = kp_now_ms();
	for (int i = 0; i < n; i++) {
		struct kp_watch *w = events[i].data.ptr;

		if (w->fd >= 0 && dispatch(k, w, events[i].events, err) < 0)
			return -1;
	}
	kp_turn_again(k);
	serve_nsm(k);
	if (k->now_ms - k->swept_ms >= KP_SWEEP_MS) {
		k->swept_ms = k->now_ms;
		kp_turn_sweep(k);
		kp_locals_sweep(k);
		kp_counts_tell(k);
	}
	kp_conns_free_gone(k);
	return 0;
}

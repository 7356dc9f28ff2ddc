/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "keyplane/kp_ask.h"
#include "keyplane/kp_limits.h"
#include "nsm/nsm.h"

/*
 * Who gets the NSM next, and what it is asked. Two queues, of the network and of the application,
 * take turns; after a call the NSM rests for KP_NSM_REST times as long as the call took. The order
 * is pure: times come in as arguments. Waiters are the caller's, linked in.
 *
 * user_data is made here and nowhere else: an application's is always hashed behind its domain, so
 * no request of its own can be signed as the endpoint's.
 */
enum kp_queue { KP_Q_NETWORK, KP_Q_LOCAL, KP_QUEUES };

struct kp_waiter {
	struct kp_waiter *next;
	uint64_t until_ms; /* then it is told 503 */
	enum kp_queue which;
	bool waits;
};

struct kp_nsm {
	struct kp_waiter *first[KP_QUEUES], *last[KP_QUEUES];
	uint32_t n[KP_QUEUES];
	enum kp_queue turn; /* of this one, where both wait */
	uint64_t rest_until_ms;
};

SS_NONNULL void kp_nsm_init(struct kp_nsm *q);
/* False: KP_MAX_WAITING wait already. */
SS_MUST_CHECK SS_NONNULL bool kp_nsm_wait(struct kp_nsm *q, enum kp_queue which,
					  struct kp_waiter *w, uint64_t now_ms);
SS_NONNULL void kp_nsm_leave(struct kp_nsm *q, struct kp_waiter *w); /* if it waits */
SS_NONNULL bool kp_nsm_is_idle(const struct kp_nsm *q);
/* Whose turn it is, taken out; NULL: nobody's, or not before rest_until_ms. */
SS_MUST_CHECK SS_NONNULL struct kp_waiter *kp_nsm_next(struct kp_nsm *q, uint64_t now_ms);
/* One whose time is over, taken out; NULL: there is none. */
SS_MUST_CHECK SS_NONNULL struct kp_waiter *kp_nsm_expired(struct kp_nsm *q, uint64_t now_ms);
SS_NONNULL void kp_nsm_called(struct kp_nsm *q, uint64_t began_ms, uint64_t ended_ms);

/* The request to the device: of the endpoint for this key, or of the application. */
SS_NONNULL void kp_nsm_put_endpoint(struct ss_buf *b, struct ss_span nonce, struct ss_span spki,
				    struct ss_span binding);
/* sha256: of the application's user_data, of nothing where it gave none. */
SS_NONNULL void kp_nsm_put_app(struct ss_buf *b, const struct kp_ask *a, const uint8_t sha256[32]);

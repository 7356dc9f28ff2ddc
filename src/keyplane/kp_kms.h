/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyplane/kp_keys.h"
#include "keyplane/kp_limits.h"
#include "keyplane/kp_watch.h"

/*
 * Questions to the process with the keys for KMS (kp_keys.h), one at a time, and who waits for
 * what. Waiters are the caller's, linked in. Messages go before new keys; of keys at most
 * KP_KMS_MAKING are under way until their documents are given, so that none is forgotten before.
 */
struct kp;

enum kp_kms_queue { KP_KMS_NEW, KP_KMS_UNWRAP, KP_KMS_QUEUES };

struct kp_kms_waiter {
	struct kp_kms_waiter *next;
	enum kp_kms_queue which;
	const uint8_t *key;     /* UNWRAP: whose; lent while it waits */
	struct ss_span message; /* UNWRAP: lent while it waits */
	bool waits;             /* in a queue, or for the answer */
	bool is_making;         /* counted among those under way */
};

struct kp_kms {
	struct kp_watch w; /* fd -1: there is no such process */
	struct kp_kms_waiter *first[KP_KMS_QUEUES], *last[KP_KMS_QUEUES];
	bool is_busy, asked_new;
	struct kp_kms_waiter *served; /* NULL while it is busy: who asked has gone */
	unsigned making;
	unsigned n_keys, next; /* as kp_recipient.h has them, by id */
	uint8_t id[KP_RECIPIENTS][KP_KEY];
};

/* What it answered, lent until the next one. */
struct kp_kms_said {
	struct kp_kms_waiter *to; /* NULL: nobody any more */
	bool is_done;
	const uint8_t *key;
	struct ss_span text; /* may be a secret: kp_kms_wipe() */
};

SS_MUST_CHECK SS_NONNULL int kp_kms_init(struct kp *k, int fd, struct ss_err *err);
/* For a key, or for what `w` has key and message of. */
SS_NONNULL void kp_kms_wait(struct kp *k, enum kp_kms_queue which, struct kp_kms_waiter *w);
/* It waits no longer, or its document is given. */
SS_NONNULL void kp_kms_leave(struct kp *k, struct kp_kms_waiter *w);
/* 1 with *ret, or 0: nothing yet. -1: it has ended, which is the end. */
SS_MUST_CHECK SS_NONNULL int kp_kms_hear(struct kp *k, struct kp_kms_said *ret, struct ss_err *err);
SS_NONNULL void kp_kms_wipe(const struct kp_kms_said *said);
/* False: there is no such key, or not any more. */
SS_MUST_CHECK SS_NONNULL bool kp_kms_has(const struct kp *k, const uint8_t id[KP_KEY]);

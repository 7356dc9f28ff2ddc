/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "keyplane/kp_kms.h"
#include "keyplane/kp_limits.h"
#include "keyplane/kp_nsm.h"
#include "keyplane/kp_watch.h"

/*
 * The application's own socket: one request a connection, for a document of its own, for the
 * certificate chain, or to unwrap what KMS encrypted. Who connects must be a user of the
 * application by SO_PEERCRED; the kernel says that. Whatever it sends, its documents have the
 * application's domain.
 */
struct kp;

struct kp_local {
	struct kp_watch w; /* fd -1: free */
	struct kp_waiter waiter;
	struct kp_kms_waiter kms;
	uint64_t until_ms;
	bool has_ask; /* the head is read, and what is awaited is the body */
	bool is_answered;
	size_t n; /* of head */
	size_t sent;
	struct ss_buf body;
	struct ss_buf reply; /* may hold a secret */
	struct kp_ask ask;
	uint8_t head[HTTP_HEAD_MAX];
};

struct kp_locals {
	struct kp_watch call;
	uint32_t least_uid;
	uint32_t n;
	struct kp_local at[KP_MAX_LOCAL];
};

/* fd: listening; -1: there is none. */
SS_MUST_CHECK SS_NONNULL int kp_locals_init(struct kp *k, int fd, uint32_t least_uid,
					    struct ss_err *err);
SS_NONNULL void kp_local_call(struct kp *k);
SS_NONNULL void kp_local_event(struct kp *k, struct kp_watch *w);
/* Its keys have something to say. -1: they are lost, which is the end. */
SS_MUST_CHECK SS_NONNULL int kp_local_kms(struct kp *k, struct ss_err *err);
SS_NONNULL void kp_locals_sweep(struct kp *k);
SS_NONNULL void kp_local_document(struct kp *k, struct kp_waiter *w);
SS_NONNULL void kp_local_busy(struct kp *k, struct kp_waiter *w);

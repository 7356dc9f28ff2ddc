/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/uio.h>

/*
 * A descriptor that the loop waits for. A watch is linked into what owns it and is level-triggered;
 * one that waits for nothing is out of epoll, so that an end which hung up is not told without end.
 * What was given up lives until the round is over: an event that was already fetched for it finds
 * a watch without a descriptor.
 */
struct kp;

enum kp_kind { KP_K_LINK, KP_K_NET, KP_K_APP, KP_K_LOCAL_CALL, KP_K_LOCAL, KP_K_KMS };

struct kp_watch {
	int fd; /* -1: none */
	uint32_t events;
	enum kp_kind kind;
};

/* What is sent is not written to, which struct iovec cannot say. */
static inline struct iovec kp_iov(struct ss_span s)
{
	const union {
		const uint8_t *given;
		void *wanted;
	} p = { .given = s.p };

	return (struct iovec){ p.wanted, s.n };
}

/* Changes what is waited for; 0 = nothing. False: the kernel has no memory for it. */
SS_NONNULL bool kp_watch_set(const struct kp *k, struct kp_watch *w, uint32_t events);
SS_NONNULL void kp_watch_close(const struct kp *k, struct kp_watch *w);
/* The same, and whoever is at the other end sees that not everything came through. */
SS_NONNULL void kp_watch_reset(const struct kp *k, struct kp_watch *w);

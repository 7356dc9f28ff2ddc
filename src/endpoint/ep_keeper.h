/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "endpoint/ep_pin.h"

#include <pthread.h>

/*
 * Asks an endpoint for a document, and judges it, beside the thread that carries bytes: one
 * question at a time, each in a thread of its own. How a document is judged is the caller's
 * function; it runs in that thread, and its results are read by the other only after
 * ep_keeper_take().
 */
/* 0 and *ret from the verdict that is yes; SS_EVERIFY: the verdict is no; any other code: there is
 * none. */
typedef int (*ep_attest)(void *ctx, struct ep_pin *ret, struct ss_err *err);

struct ep_keeper {
	ep_attest attest;
	void *ctx;
	int wake[2]; /* [0] can be read when there is an answer */
	pthread_t thread;
	bool is_asking;
	int rc;
	struct ep_pin pin;
	struct ss_err err;
};

#define EP_KEEPER_INIT                                                                             \
	{                                                                                          \
		.wake = { -1, -1 }                                                                 \
	}

SS_MUST_CHECK SS_NONNULL int ep_keeper_open(struct ep_keeper *k, ep_attest attest, void *ctx,
					    struct ss_err *err);
/* Waits for a question that is under way: its time-outs bound it. */
SS_NONNULL void ep_keeper_done(struct ep_keeper *k);
/* Nothing is being asked. */
SS_MUST_CHECK SS_NONNULL int ep_keeper_ask(struct ep_keeper *k, struct ss_err *err);
/* The answer, as of ep_attest. */
SS_MUST_CHECK SS_NONNULL int ep_keeper_take(struct ep_keeper *k, struct ep_pin *ret,
					    struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "keyplane/kp_ask.h"
#include "keyplane/kp_limits.h"

/*
 * The application's keys for AWS KMS (docs/formats/recipient.md): each is born for one document,
 * stays here, and is forgotten when KP_RECIPIENTS newer ones were made. A key goes by the SHA-256
 * of its SPKI, which its document has as public_key.
 */
struct crypto_recipient;

struct kp_recipients {
	struct crypto_recipient *key[KP_RECIPIENTS]; /* NULL: not made yet */
	uint8_t id[KP_RECIPIENTS][KP_KEY];
	unsigned next; /* the oldest, or one that was not made yet */
};

/*
 * Makes a key: its id, which is lent until it is forgotten, and its SPKI as the public key of `a`.
 * Takes a tenth of a second, in which nothing else is done: an application that asks for many holds
 * up its own connections.
 */
SS_MUST_CHECK SS_NONNULL int kp_recipient_new(struct kp_recipients *all, struct kp_ask *a,
					      struct ss_span *ret_id, struct ss_err *err);
/* False: there is no such key, or not any more. */
SS_MUST_CHECK SS_NONNULL bool kp_recipient_has(const struct kp_recipients *all,
					       const uint8_t id[KP_KEY]);
/* What was encrypted to it, appended; a secret. As crypto_recipient_unwrap(). */
SS_MUST_CHECK SS_NONNULL int kp_recipient_unwrap(const struct kp_recipients *all,
						 const uint8_t id[KP_KEY], struct ss_span message,
						 struct ss_buf *ret, struct ss_err *err);

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

/* Makes a key; CRYPTO_RECIPIENT_SPKI bytes and its id. Takes a tenth of a second. */
SS_MUST_CHECK SS_NONNULL int kp_recipient_new(struct kp_recipients *all, uint8_t *ret_spki,
					      uint8_t ret_id[KP_KEY], struct ss_err *err);
/* What was encrypted to it, appended; a secret. As crypto_recipient_unwrap(). */
SS_MUST_CHECK SS_NONNULL int kp_recipient_unwrap(const struct kp_recipients *all,
						 const uint8_t id[KP_KEY], struct ss_span message,
						 struct ss_buf *ret, struct ss_err *err);

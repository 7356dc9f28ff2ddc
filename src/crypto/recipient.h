/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * A key to which AWS KMS encrypts its answer: RSA of 2048 bits, whose public half goes into an
 * attestation document. The private half is born here, is never written down, and only unwraps.
 *
 * The one file behind this needs nothing else of the folder, so that it can be built into the
 * enclave; the heap is OpenSSL's.
 */
#define CRYPTO_RECIPIENT_SPKI 294u /* bytes of SubjectPublicKeyInfo in DER, exponent 65537 */

struct crypto_recipient;

SS_MUST_CHECK SS_NONNULL int crypto_recipient_new(struct crypto_recipient **ret,
						  struct ss_err *err);
void crypto_recipient_free(struct crypto_recipient *r); /* accepts NULL */

static inline void crypto_recipient_freep(struct crypto_recipient **r)
{
	crypto_recipient_free(*r);
}
#define AUTO_RECIPIENT SS_CLEANUP(crypto_recipient_freep)

SS_NONNULL void crypto_recipient_spki(const struct crypto_recipient *r,
				      uint8_t ret[CRYPTO_RECIPIENT_SPKI]);

/*
 * The plaintext of a message (fmt/cms.h), appended: a secret, so the caller wipes the buffer.
 * SS_EVERIFY is one answer with one text for every message that is well-formed and cannot be
 * unwrapped, whether its key or its padding is at fault: whoever may ask often learns nothing of
 * either. That it can be unwrapped does not say who made it.
 */
SS_MUST_CHECK SS_NONNULL int crypto_recipient_unwrap(const struct crypto_recipient *r,
						     struct ss_span message, struct ss_buf *ret,
						     struct ss_err *err);

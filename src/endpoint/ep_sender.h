/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

#include <stdbool.h>

/*
 * Who sends secrets: a certificate and its private key, both in PEM, the key without a passphrase.
 * Of the certificate only the key matters: the enclave's measured configuration names its SHA-256.
 */
#define EP_SENDER_ID 32u /* SHA-256 of SubjectPublicKeyInfo in DER */

struct ep_sender;

SS_MUST_CHECK SS_NONNULL int ep_sender_read(struct ss_span certificate, struct ss_span key,
					    struct ep_sender **ret, struct ss_err *err);
void ep_sender_free(struct ep_sender *s); /* accepts NULL */

static inline void ep_sender_freep(struct ep_sender **s)
{
	ep_sender_free(*s);
}
#define AUTO_SENDER SS_CLEANUP(ep_sender_freep)

SS_NONNULL void ep_sender_id(const struct ep_sender *s, uint8_t ret[EP_SENDER_ID]);

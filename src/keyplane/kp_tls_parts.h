/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyplane/kp_tls.h"

#include <openssl/ssl.h>

/* What kp_key.c, kp_cert.c and kp_tls.c share, and nobody else sees. */
#define KP_MAX_SPKI 128u /* 91 on P-256 */

struct kp_tls {
	SSL_CTX *ctx;
	bool takes_secrets;
	EVP_PKEY *key;
	struct ss_buf chain; /* DER */
	size_t n_spki, n_binding;
	uint8_t spki[KP_MAX_SPKI];
	uint8_t sha256[BINDING_SHA256];
	uint8_t binding[BINDING_MAX];
};

/* The message is ours: the library in the enclave has no texts. Empties its queue of errors. */
SS_NONNULL int kp_fail_tls(struct ss_err *err, enum ss_code code, const char *what);
/* Makes the key, after `entropy` was mixed in, and what is told of it. */
SS_MUST_CHECK SS_NONNULL int kp_key_new(struct kp_tls *t, struct ss_span entropy,
					struct ss_err *err);
/* The certificate of the first moment: our own signature, and it says so. */
SS_MUST_CHECK SS_NONNULL int kp_cert_self_signed(struct kp_tls *t, struct ss_err *err);

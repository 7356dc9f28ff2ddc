/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "endpoint/ep_sender.h"

#include <openssl/ssl.h>

/* For the files of this folder only. */
struct ep_sender {
	X509 *certificate;
	EVP_PKEY *key;
	uint8_t id[EP_SENDER_ID];
};

/* Shows the certificate if the peer asks for one; *asked then becomes true. Both outlive the
 * handshake. */
SS_NONNULL void ep_sender_offer(const struct ep_sender *s, SSL *ssl, bool *asked);

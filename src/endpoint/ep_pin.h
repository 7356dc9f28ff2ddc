/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_verify.h"
#include "endpoint/ep_conn.h"

#include <sys/socket.h>

/*
 * What later connections to an endpoint are held to: the key that a document proved, and the
 * address that it was proven at. Made from a yes alone, of the connection that was judged. The
 * private half of the key is inside that enclave and nowhere else, so whoever finishes a handshake
 * with it is that enclave.
 */
struct ep_pin {
	uint8_t spki[EP_MAX_SPKI];
	size_t n_spki;
	struct sockaddr_storage address;
	socklen_t n_address;
};

/* SS_EVERIFY: the verdict is of another connection. SS_EREMOTE: the connection has no address any
 * more. */
SS_MUST_CHECK SS_NONNULL int ep_pin_make(const struct att_verified *yes, const struct ep_conn *c,
					 struct ep_pin *ret, struct ss_err *err);
SS_NONNULL bool ep_pin_is_same_key(const struct ep_pin *a, const struct ep_pin *b);

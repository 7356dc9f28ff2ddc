/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/measured.h"

/*
 * What keyplane says to init over a SOCK_SEQPACKET pair of their own, and all that it says there: a
 * secret has come. One datagram for each, this head and then the value's bytes; once a secret.
 * init says nothing. What has another form ends the enclave.
 */
struct secret_head {
	uint32_t index; /* of the measured list */
	uint32_t n;     /* bytes of the value */
};

#define SECRET_MESSAGE_MAX (sizeof(struct secret_head) + MC_MAX_SECRET)

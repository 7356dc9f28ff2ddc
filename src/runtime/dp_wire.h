/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdint.h>

/*
 * How bytes reach the host. dp_vsock.c is what the enclave has; tests link plane_unix.c instead,
 * where port P of the enclave is the unix socket BASE_in_P and port P of the host BASE_out_P.
 * All descriptors are non-blocking.
 */
extern const int dp_wire_family; /* of their sockets */
SS_MUST_CHECK SS_NONNULL int dp_wire_listen(uint32_t port, int *ret, struct ss_err *err);
/* A stream that the host opened, or -1 with errno. A caller that is not the host is hung up on, and
 * that is -1 with ECONNABORTED. */
SS_MUST_CHECK int dp_wire_accept(int listener);
/* Begins to call the host. -1 with errno; else EPOLLOUT tells the result (SO_ERROR). */
SS_MUST_CHECK int dp_wire_dial(uint32_t port);

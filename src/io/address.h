/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Addresses of the network as 16 bytes: IPv6, or IPv4 as ::ffff:a.b.c.d. Nothing here asks a
 * resolver or sends anything.
 */

/* A number in any form that the C library takes for one ("127.1", "0x7f000001"). */
SS_MUST_CHECK SS_NONNULL bool io_address_read(const char *text, uint8_t ret[16]);
/* False: of another family. */
SS_MUST_CHECK SS_NONNULL bool io_address_of(const struct sockaddr *s, socklen_t n, uint8_t ret[16],
					    uint16_t *ret_port);
/* Whether one of this machine's interfaces has it: what is sent there stays here. */
SS_NONNULL bool io_address_is_own(const uint8_t address[16]);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* Connections to the application, on 127.0.0.1. */

/* A non-blocking socket on its way to the port, or -1 with errno. */
SS_MUST_CHECK int dp_local_call(uint16_t port, bool udp);
/* What became of it: 0 connected, else an errno; EINPROGRESS: EPOLLOUT will tell. */
SS_MUST_CHECK int dp_local_outcome(int fd);

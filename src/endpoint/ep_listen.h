/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <netinet/in.h>

/*
 * Where the proxy listens: an address of this machine alone (127.0.0.0/8 or [::1]) and a port, for
 * what comes out of it is plain text. Port 0 is any free one.
 */
#define EP_WHERE_MAX 64u

struct ep_listen {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t n;
};

SS_MUST_CHECK SS_NONNULL int ep_listen_read(const char *text, struct ep_listen *ret,
					    struct ss_err *err);
/* *ret_fd, non-blocking, is the caller's; `where` is what it became, as ep_listen_read() takes it.
 */
SS_MUST_CHECK SS_NONNULL int ep_listen_open(const struct ep_listen *l, int *ret_fd,
					    char where[EP_WHERE_MAX], struct ss_err *err);

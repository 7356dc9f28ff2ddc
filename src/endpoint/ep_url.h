/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

/*
 * Where an attested endpoint is: https://NAME[:PORT][/]. Names as in fmt/egress.h, addresses of
 * IPv4 as they are and of IPv6 in brackets. Nothing else of a URL means anything here, so nothing
 * else is taken: no user, path, query or fragment. Pure.
 */
#define EP_MAX_HOST 253u

struct ep_url {
	char host[EP_MAX_HOST + 1]; /* without brackets, in lower case */
	char port[6];               /* "443" where none is given */
	bool is_address;
};

/* True for what is meant to be a URL and not a file's name. */
SS_NONNULL bool ep_is_url(const char *text);
SS_MUST_CHECK SS_NONNULL int ep_url_read(const char *text, struct ep_url *ret, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stdarg.h>
#include <stddef.h>

/*
 * The part of printf that messages of base, fmt, nsm and runtime use, without stdio: %s %.*s %c
 * %d %u %x %o %% with l, ll, z, the flags # and 0, and a width. What else stands there comes out
 * as "%?" (a test reads every format of these folders). Cuts at the end of the room, like
 * snprintf; returns the length of what is there.
 */
SS_NONNULL SS_PRINTF(3, 0) size_t rt_vformat(char *ret, size_t room, const char *fmt, va_list ap);
SS_NONNULL SS_PRINTF(3, 4) size_t rt_format(char *ret, size_t room, const char *fmt, ...);

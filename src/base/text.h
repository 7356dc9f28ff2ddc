/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

#include <string.h>

/* Spans of bytes compared with one another and with C strings. An empty span may have a NULL for
 * its bytes. */

/* Borrowed, without the NUL. */
static inline struct ss_span ss_text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static inline bool ss_same(struct ss_span a, struct ss_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool ss_is(struct ss_span s, const char *text)
{
	return s.n == strlen(text) && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}

static inline bool ss_begins(struct ss_span s, const char *text)
{
	const size_t n = strlen(text);

	return s.n >= n && (n == 0 || memcmp(s.p, text, n) == 0);
}

/* ASCII letters alone: no locale changes what is lower case. */
static inline uint8_t ss_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* The same in any case; `lower` is in lower case. */
static inline bool ss_is_folded(struct ss_span s, const char *lower)
{
	if (s.n != strlen(lower))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (ss_lower(s.p[i]) != (uint8_t)lower[i])
			return false;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Seconds since 1970 and dates of the Gregorian calendar, always UTC, without leap seconds: no
 * time zone, no locale and no clock has a part in it.
 */
struct ss_date {
	int64_t year;
	unsigned month; /* 1 … 12 */
	unsigned day;   /* 1 … 31 */
	unsigned hour;
	unsigned minute;
	unsigned second;
};

/* Years -9999 … 9999; beyond them the nearest of these. */
struct ss_date ss_date_of(int64_t unix_s);
SS_NONNULL int64_t ss_date_unix(const struct ss_date *d);

/* "2026-11-21T10:30:00+00:00", the form of chrono's to_rfc3339() and so of EIF metadata. */
#define SS_DATE_SIZE 40u
SS_NONNULL void ss_date_text(int64_t unix_s, char ret[SS_DATE_SIZE]);

/* True if there is such a moment in the calendar; only then *ret is set. */
SS_MUST_CHECK SS_NONNULL bool ss_date_exact(const struct ss_date *d, int64_t *ret);

/* "2026-11-21", "2026-11-21T10:30:00Z", "2026-11-21T10:30:00+00:00": UTC only. True if `text` is
 * one of these and such a moment exists; only then *ret is set. */
SS_MUST_CHECK SS_NONNULL bool ss_date_read(const char *text, int64_t *ret);

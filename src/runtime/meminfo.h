/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/* Bytes that could be used without ending anything: "MemAvailable" of /proc/meminfo. */
SS_MUST_CHECK SS_NONNULL int rt_meminfo_available(uint64_t *ret, struct ss_err *err);
/* The same from the file's text. */
SS_MUST_CHECK SS_NONNULL int rt_meminfo_read(struct ss_span text, uint64_t *ret,
					     struct ss_err *err);

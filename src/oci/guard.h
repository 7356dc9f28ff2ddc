/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Files whose bytes are used in place, long after they were verified: size and times as they were
 * before the first byte was read, to be compared after the last one.
 */
struct oci_guards {
	struct oci_guard *v;
	size_t n;
	size_t cap;
};

/* Keeps a duplicate of `fd`; a file that is there already is not added again. */
SS_MUST_CHECK SS_NONNULL int oci_guard_add(struct oci_guards *g, int fd, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int oci_guards_check(const struct oci_guards *g, struct ss_err *err);
SS_NONNULL void oci_guards_done(struct oci_guards *g);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/out.h"
#include "doctor/doc_patch.h"

/* A patch as `doctor --apply` shows it, asks about it and writes it. */

struct cli_patch {
	const char *path;
	struct ss_span was;
	const struct doc_patch *patch;
};

/*
 * Prints those that change something, on standard output; asks once for all of them on a terminal,
 * or goes on with `yes`. *ret_written: they were written. Where nobody can be asked, nothing is.
 */
SS_MUST_CHECK SS_NONNULL int cli_doctor_apply(const struct cli_patch *v, size_t n, bool yes,
					      bool *ret_written, struct ss_err *err);

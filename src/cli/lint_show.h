/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/out.h"
#include "doctor/lint.h"

/* Findings of `doctor --lint`, on standard output. */

/* The verdict, then each finding as "FILE:LINE: CODE: what". */
SS_NONNULL void cli_lint_text(const struct lint_report *r, const char *file);
/* One document. The caller's. */
SS_NONNULL json_t *cli_lint_json(const struct lint_report *r, const char *file);

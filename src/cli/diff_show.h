/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/out.h"
#include "explain/explain.h"

/* The report of a comparison, on standard output: for `diff`, and for `rebuild` that differs. */

/* The verdict, then the groups, the measured ones first. Not `all`: three files a group. */
SS_NONNULL void cli_diff_text(const struct ex_report *r, bool all);
/* The same; `note` prints a line more for each group. */
SS_NONNULL void cli_diff_text_noted(const struct ex_report *r, bool all,
				    void (*note)(const void *ctx, const struct ex_group *g),
				    const void *ctx);
/* One self-contained page, whole or not at all. */
SS_MUST_CHECK SS_NONNULL int cli_diff_html(const struct ex_report *r, const char *path,
					   struct ss_err *err);
/* One document. The caller's. */
SS_NONNULL json_t *cli_diff_json(const struct ex_report *r);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "doctor/doc_mend.h"
#include "doctor/lint.h"
#include "project/project.h"

/* The linter over the Dockerfile of a project, with what its lock pins and its context holds. */

/* The Dockerfile, into an empty buffer born with LINT_FILE_MAX. */
SS_MUST_CHECK SS_NONNULL int lint_project_load(const struct project_plan *p, struct ss_buf *ret,
					       struct ss_err *err);
/* `text` is what was loaded. */
SS_MUST_CHECK SS_NONNULL int lint_project(const struct project_plan *p, struct ss_span text,
					  struct lint_report *ret, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int lint_project_mend(const struct project_plan *p, struct ss_span text,
					       const struct lint_report *found,
					       struct doc_mend *ret, struct ss_err *err);

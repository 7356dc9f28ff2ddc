/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "doctor/lint.h"
#include "project/project.h"

/* The linter over the Dockerfile of a project, with what its lock pins and its context holds. */
SS_MUST_CHECK SS_NONNULL int lint_project(const struct project_plan *p, struct lint_report *ret,
					  struct ss_err *err);

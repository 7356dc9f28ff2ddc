/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "project/project.h"

/* What `build` and `rebuild` say of an EIF that they made, on standard output. */
SS_MUST_CHECK SS_NONNULL int cli_print_result(const struct project_result *r, bool json,
					      struct ss_err *err);

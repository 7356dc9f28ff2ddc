/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "doctor/doc_twice.h"

/* What `build` says of an EIF that it made, on standard output; `twice` is NULL without a second
 * run. */
SS_MUST_CHECK int cli_print_result(const struct project_result *r, const struct doc_twice *twice,
				   bool json, struct ss_err *err);

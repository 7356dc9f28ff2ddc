/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/out.h"
#include "doctor/doctor.h"

/* What `doctor` found by building, on standard output. */

/* As `diff` has it, with what triggers each cause; then what was varied and what was not. */
SS_NONNULL void cli_doctor_text(const struct doc_report *r, bool all);
/* One document. The caller's. */
SS_NONNULL json_t *cli_doctor_json(const struct doc_report *r);

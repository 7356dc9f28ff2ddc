/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "doctor/doctor.h"
#include "project/project.h"

/* A project through the existing engine, under variations; nothing is left in its folder. `o` says
 * what is built; its output, view and place are ours. */
SS_MUST_CHECK SS_NONNULL int doc_project(const struct project_options *o, uint32_t vary, bool quick,
					 struct doc_report *ret, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/json.h"
#include "hermetic/view.h"

/*
 * Puts our supervisor (sup.h) before a step: in `config` it becomes the program, as root of the
 * container with the capabilities that it needs, and gets the step's own identity in words. The
 * folder `dir` with the supervisor and its view is mounted in /dev, where nothing of it reaches the
 * image; the caller fills it.
 */
SS_MUST_CHECK SS_NONNULL int hermetic_supervise(json_t *config, const char *dir,
						struct ss_err *err);

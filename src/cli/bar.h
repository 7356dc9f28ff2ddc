/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"
#include "base/progress.h"

#include <stdbool.h>

/*
 * How far the work is, on standard error: a bar that redraws itself on a terminal, elsewhere one
 * line a phase. With `verbose` each phase also says how long it took. Nothing here reaches standard
 * output or an output file.
 *
 * The caller owns the result; its functions may be called from any thread. cli_bar_free() wipes
 * the bar, so that what is printed next begins on an empty line: call it before an error message.
 */
SS_NONNULL void cli_bar_free(struct ss_progress *p);
struct ss_progress *cli_bar_new(bool quiet, bool verbose);

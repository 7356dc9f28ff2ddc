/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * Where our own parts lie. A part is looked for beside the executable (a build folder), then in
 * its library folder (an installed program): <dir>/NAME, <dir>/../lib/selfsame/NAME,
 * <dir>/../libexec/NAME, <dir>/../share/selfsame/NAME, and last <dir>/../NAME (the source tree
 * that holds the build folder).
 */

/* The first of these that exists; the caller frees it. NULL: none, *err names the places. */
SS_MUST_CHECK SS_NONNULL char *io_self_find(const char *name, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/progress.h"

#include <stdint.h>

/*
 * A copy of the context that is the same on every machine: what git keeps of a file and no more.
 * Folders and programs 0755, other files 0644, every time the epoch, no extended attributes, no
 * sockets. A checkout's umask and moment, which Dockerfiles would carry into the image, end here.
 * The original is only read.
 *
 * What .dockerignore leaves out need not be copied. Only plain patterns are understood for that;
 * where one is not, more is copied than is needed, and the engine leaves it out.
 */

/* `to`, a folder, is new and empty. `ignore` is the text of the ignore file. */
SS_MUST_CHECK int stage_context(const char *from, const char *to, struct ss_span ignore,
				uint32_t epoch, struct ss_progress *progress, struct ss_err *err);

/* True if the lines surely leave out `path` (which no parent of `path` was); for the tests. */
SS_NONNULL bool stage_is_ignored(struct ss_span ignore, const char *path);

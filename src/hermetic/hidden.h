/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "fmt/json.h"

/*
 * What a RUN --mount hides. buildah removes the target of each from the image when the step is
 * over, as it had not been there before (seen in 1.28): what the image has at that path is lost.
 * The bundle is the only place where it can be seen in time, variables and links resolved; the
 * build says it afterwards.
 *
 * Appends to `ret` a line for each such target that is there in the bundle's root file system.
 * Mounts that every step gets, and those of the base image's volumes, are none.
 */
SS_NONNULL void hermetic_hidden(const json_t *config, const char *bundle, struct ss_buf *ret);

/* The bundle's root file system, as a path (O_PATH); -1 = there is none. */
SS_MUST_CHECK SS_NONNULL int hermetic_open_root(const json_t *config, const char *bundle);

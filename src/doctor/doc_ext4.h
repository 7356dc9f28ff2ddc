/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * An ext4 of our own in a sparse file, the same each time but for its times: features and the seed
 * by which it hashes names are fixed, so it lists folders in an order that no other disk has. Only
 * root may have one, with mke2fs and a loop device. It takes what is written into it from the file
 * system of the folder it is made in, and all is given back at the end. If we die without warning
 * it stays mounted, until io_remove_tree() of that folder lets it go.
 */

/* Makes and mounts one; *ret is a folder in it that is ours alone. `dir` is absolute; it has one of
 * these at a time. doc_ext4_end() after a failure, too. */
SS_MUST_CHECK SS_NONNULL int doc_ext4_begin(const char *dir, char **ret, struct ss_err *err);
/* What was begun in `dir`, if anything was. */
SS_NONNULL void doc_ext4_end(const char *dir);

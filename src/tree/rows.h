/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tree/normalise.h"

/* The rows of the table of normalisers that are more than a list of names; private to src/tree.
 * Each adds what it changed to *n. */

/* Field 3 of /etc/shadow, the day of the last change, := the epoch's day. */
SS_MUST_CHECK SS_NONNULL int tree_fix_shadow(struct tree *t, uint32_t epoch,
					     struct tree_normalised *n, struct ss_err *err);
/* The time in the header of every valid .pyc := the epoch; stale ones go. */
SS_MUST_CHECK SS_NONNULL int tree_fix_pyc(struct tree *t, uint32_t epoch, struct tree_normalised *n,
					  struct ss_err *err);

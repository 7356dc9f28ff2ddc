/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tree/tree.h"

/*
 * The one table of what is changed in an image's tree before it is packed: traces that engines
 * leave behind, and the minimum without which `apt-get install` never repeats. Documented row by
 * row in docs/determinism.md; each row can be switched off by its name and those applied are
 * recorded in the lock.
 */
struct tree_normaliser {
	const char *name; /* "engine-traces", "apt-logs", "apt-cache", "ldconfig-cache", … */
	const char *what; /* one sentence */
};

/* Ends with a row whose name is NULL. */
extern const struct tree_normaliser tree_normalisers[];

struct tree_normalised {
	uint32_t changed; /* names removed or rewritten, per row of the table */
};

struct tree_normalise_opts {
	uint32_t off;   /* bit i: row i of the table is off */
	uint32_t epoch; /* SOURCE_DATE_EPOCH */
};

/* `ret` has one element a row. */
SS_MUST_CHECK SS_NONNULL int tree_normalise(struct tree *t, const struct tree_normalise_opts *o,
					    struct tree_normalised *ret, struct ss_err *err);
/* The row's index, or -1. */
SS_NONNULL int tree_normaliser_find(const char *name);

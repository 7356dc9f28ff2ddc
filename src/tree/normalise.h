/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tree/tree.h"

/*
 * The one table of what is changed in an image's tree before it is packed: traces that engines
 * leave behind, and the minimum without which `apt-get install` never repeats. Documented row by
 * row in docs/determinism.md; each row can be switched by its name and those applied are recorded
 * in the lock, so that a rebuild applies these and no others. A row is on by itself where it cannot
 * change what an application finds. The table belongs to layout 1 ("for ever"): with the first
 * release it is closed, and a row that changes is a new layout. The nitro-cli layout uses none of
 * them: it changes nothing.
 *
 * Names are meant literally: links are not followed, but for the source of a .pyc. What is not of
 * the expected type (a directory where a log should be) stays as it is.
 */
#define TREE_NORMALISERS 29u

struct tree_normaliser {
	const char *name; /* "engine-traces", "hosts", "apt-logs", … */
	const char *what; /* one sentence */
	bool asked;       /* runs only if it is asked for */
};

/* TREE_NORMALISERS rows, then one whose name is NULL. */
extern const struct tree_normaliser tree_normalisers[TREE_NORMALISERS + 1];

struct tree_normalised {
	uint32_t changed; /* names removed, added or rewritten by this row of the table */
	uint32_t kept; /* left alone: signed, vouched for by a list of digests, or of an odd form */
};

struct tree_normalise_opts {
	uint32_t off;   /* bit i: row i of the table is off */
	uint32_t epoch; /* SOURCE_DATE_EPOCH, which every entry will have as its time */
	uint32_t clock; /* steps were told it in place of every later time; 0 = of none */
};

/* All layers have been applied; `ret` has TREE_NORMALISERS elements. Applied once. */
SS_MUST_CHECK SS_NONNULL int tree_normalise(struct tree *t, const struct tree_normalise_opts *o,
					    struct tree_normalised *ret, struct ss_err *err);
/* The rows that are off unless asked for, as tree_normalise_opts.off has them. */
uint32_t tree_normalisers_off(void);
/* The row's index, or -1. */
SS_NONNULL int tree_normaliser_find(const char *name);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tree/tree.h"

/* What walks that follow symbolic links have in common; private to src/tree. */
#define TREE_MAX_HOPS 40u /* links in one path; Linux's limit, where it says ELOOP */

/* What is still to be walked: a link's target goes in front of the rest of the path. */
struct tree_todo {
	size_t n;
	size_t at; /* of the end of the last component taken */
	uint8_t path[TREE_MAX_PATH];
};

/* The next component; empty at the end. */
SS_NONNULL struct ss_span tree_todo_next(struct tree_todo *todo);
/* `text`, then what has not been taken; false if that is too long. */
SS_MUST_CHECK SS_NONNULL bool tree_todo_add(struct tree_todo *todo, struct ss_span text);

static inline bool tree_is_dot(struct ss_span c)
{
	return c.n == 1 && c.p[0] == '.';
}

static inline bool tree_is_dot_dot(struct ss_span c)
{
	return c.n == 2 && c.p[0] == '.' && c.p[1] == '.';
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tree/tree.h"

/*
 * The paths of layer entries; private to src/tree. What lies between the root and the last
 * component must be directories or symbolic links to some; links are followed inside the root, as
 * the tree is at that moment. A link whose target climbs above the root is refused, not cut short:
 * an image that needs it was not made for this root. The last component is never followed.
 */
struct tree_place {
	tree_id dir;         /* that holds the entry, or would */
	struct ss_span last; /* the entry's name in it; points into the path */
};

/* Whether `path` is one at all: no empty component, ".", "..", NUL; the limits. */
SS_MUST_CHECK SS_NONNULL int tree_path_check(struct ss_span path, struct ss_err *err);
/* Where `path`, which is not the root, is put; missing directories are made. */
SS_MUST_CHECK SS_NONNULL int tree_place_make(struct tree *t, struct ss_span path,
					     struct tree_place *ret, struct ss_err *err);
/* What is at `path` (which may be the root); TREE_NONE if that is nothing, or if one of its parents
 * is missing or no directory. */
SS_MUST_CHECK SS_NONNULL int tree_place_find(struct tree *t, struct ss_span path, tree_id *ret,
					     struct ss_err *err);
/* The same, but for a directory: the last component may be a link to one as well. */
SS_MUST_CHECK SS_NONNULL int tree_place_find_dir(struct tree *t, struct ss_span path, tree_id *ret,
						 struct ss_err *err);

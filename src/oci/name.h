/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"
#include "tree/tree.h"

/*
 * The name of a layer's entry, cleaned for the tree: "./" in front and in between, doubled "/" and
 * a "/" at the end go. "./" and "/" alone are the root directory. ".." anywhere, a "/" in front of
 * anything and a NUL are refused: an archive that needs them was not made from a root file system.
 * The tree has limits of its own, for a path and its components; here only the room counts, which
 * is enough for a whiteout of the longest name.
 */
#define OCI_NAME_MAX (TREE_MAX_PATH + 4u)

struct oci_name {
	size_t n;
	uint8_t p[OCI_NAME_MAX];
};

/* Errors do not repeat the name. */
SS_MUST_CHECK SS_NONNULL int oci_name_clean(struct ss_span raw, struct oci_name *ret,
					    struct ss_err *err);

static inline struct ss_span oci_name_span(const struct oci_name *n)
{
	return (struct ss_span){ n->p, n->n };
}

/* What a cleaned name means in a layer (not in a plain root file system). */
enum oci_mark {
	OCI_MARK_NONE,
	OCI_MARK_WHITEOUT, /* ".wh.NAME": *ret_what is the path of NAME */
	OCI_MARK_OPAQUE,   /* ".wh..wh..opq": *ret_what is its directory */
};
/* `name` becomes what the mark is about. Any other use of ".wh." is refused. */
SS_MUST_CHECK SS_NONNULL int oci_name_mark(struct oci_name *name, enum oci_mark *ret,
					   struct ss_err *err);

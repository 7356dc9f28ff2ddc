/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tree/normalise.h"

/*
 * Bytes of one regular file that are replaced in place; private to src/tree. The first replacement
 * copies the body to the spool, block by block, so memory does not depend on its size. The length
 * stays as it is.
 */
struct tree_edit {
	struct tree *t;
	tree_id id;
	uint32_t size;
	bool dry;    /* nothing is changed yet: only *wanted* is set */
	bool wanted; /* there is something to change */
	bool begun;
	struct tree_body copy;
};

SS_NONNULL struct tree_edit tree_edit_init(struct tree *t, tree_id id);
/* Like tree_read(), of the file as it was before the edit: what is replaced lies apart. */
SS_MUST_CHECK SS_NONNULL int tree_edit_read(const struct tree_edit *e, uint64_t at, uint8_t *p,
					    size_t n, struct ss_err *err);
/* Does nothing where these bytes are there already. The caller stays inside the size. */
SS_MUST_CHECK SS_NONNULL int tree_edit_put(struct tree_edit *e, uint64_t at, const uint8_t *p,
					   size_t n, struct ss_err *err);
/* The file has the new bytes, for all its names; counts it if there are any. */
SS_NONNULL void tree_edit_end(const struct tree_edit *e, struct tree_normalised *n);

/*
 * Files whose bytes somebody else vouches for are left alone: those that dpkg's md5sums, apk's list
 * of what is installed or a RECORD of Python's have a digest of. They come out of a package, so two
 * builds have the same ones anyway. A bit of the inode; read in blocks.
 */
SS_MUST_CHECK SS_NONNULL int tree_mark_vouched(struct tree *t, struct ss_err *err);
SS_NONNULL bool tree_is_vouched(const struct tree *t, tree_id id);

/* A regular file whose name ends so. */
SS_NONNULL bool tree_is_file_named(const struct tree *t, tree_id id, const char *end);

/* The rows that use these. */
int tree_fix_gzip(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err);
int tree_fix_ar(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err);
int tree_fix_zip(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err);
int tree_fix_git(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err);
int tree_fix_records(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err);
int tree_fix_urls(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err);

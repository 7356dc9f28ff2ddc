/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/tar.h"
#include "oci/image_store.h"
#include "oci/source.h"

/*
 * Plays the entries of tar archives into a tree: cleans names, understands whiteouts, expands
 * sparse files into a spool with holes, keeps count of the limits over all layers. One struct a
 * merge; bodies that need no expansion stay where the archive has them.
 */
struct oci_apply {
	struct tree *tree;
	struct oci_limits limits; /* no zeros: the defaults are filled in */
	bool whiteouts;           /* false for a plain root file system: ".wh." is a name */
	uint64_t entries;         /* so far, in all layers */
	uint64_t bytes;           /* so far: of tar archives, and what sparse files add */
	int holes_fd;             /* the tree's; -1 before the first sparse file */
	uint32_t holes_source;
	uint64_t holes_n;
	int last_fd; /* the file of the last body, and the tree's number for it */
	uint32_t last_source;
};
#define OCI_APPLY_INIT                                                                             \
	{                                                                                          \
		.holes_fd = -1, .last_fd = -1                                                      \
	}

/* The plain tar that entries are read from. */
struct oci_apply_from {
	/* Bytes of it, at offsets of it. */
	int (*read)(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n,
		    struct ss_err *err);
	void *ctx;
	int fd;              /* the file that has them, */
	uint64_t at;         /* from here on */
	uint64_t compressed; /* its size as it came, for the ratio */
};

/* All entries, as one layer. The tree keeps a duplicate of `fd`. */
SS_MUST_CHECK SS_NONNULL int oci_apply_tar(struct oci_apply *a, const struct oci_apply_from *from,
					   struct ss_err *err);
/* Counts a plain tar of `bytes` bytes against the total. */
SS_MUST_CHECK SS_NONNULL int oci_apply_count(struct oci_apply *a, uint64_t bytes,
					     struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/reader.h"
#include "fmt/cpio.h"

/*
 * The entries of a ramdisk, one after the other, in constant memory: newc archives, plain or
 * compressed as a whole with gzip or zstd, zeros between and after them, as the kernel takes them.
 * What the kernel would silently skip or cut is an error with the entry and the byte.
 */
struct eif_entries {
	/* e->name is terminated by a NUL behind its last byte, and lives until the next entry. */
	int (*entry)(void *ctx, const struct cpio_entry *e, struct ss_err *err);
	/* Its body, in pieces; not called for an empty one. */
	int (*body)(void *ctx, struct ss_span s, struct ss_err *err);
	/* The body is complete. */
	int (*end)(void *ctx, struct ss_err *err);
	/* A trailer has been read; NULL = not wanted. */
	int (*trailer)(void *ctx, const struct cpio_entry *e, struct ss_err *err);
	void *ctx;
};

/* Limits on what a compressed ramdisk may grow to, against its own size. */
#define EIF_RAMDISK_RATIO 200u

SS_MUST_CHECK SS_NONNULL int eif_ramdisk_walk(const struct eif_file *f, const struct eif_section *s,
					      const struct eif_entries *to, struct ss_err *err);

/* The same of bytes that come from anywhere: new, put in pieces of any size, end. */
struct eif_walk;
SS_MUST_CHECK SS_NONNULL struct eif_walk *eif_walk_new(const struct eif_entries *to);
SS_MUST_CHECK int eif_walk_put(void *walk, struct ss_span s, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int eif_walk_end(struct eif_walk *w, struct ss_err *err);
void eif_walk_free(struct eif_walk *w); /* accepts NULL */

static inline void eif_walk_freep(struct eif_walk **w)
{
	eif_walk_free(*w);
}
#define AUTO_EIF_WALK SS_CLEANUP(eif_walk_freep)

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/cpio.h"

/*
 * The effects of unpacking, all below one directory: every path is resolved by the kernel with
 * RESOLVE_BENEATH and without symbolic links, every new name must be new, every result is checked.
 * Owners get `id_offset` added. A fuzz target puts a model in the place of unpack_fs.c.
 */
struct rt_fs {
	int root; /* the caller's */
	uint32_t id_offset;
	int file;   /* being written, or -1 */
	int parent; /* open directory `parent_name` below root, or -1 */
	size_t parent_n;
	uint8_t parent_name[CPIO_MAX_NAME];
	char leaf[CPIO_MAX_NAME]; /* scratch */
	char path[CPIO_MAX_NAME];
};

/* Clears the umask of the process, for good. */
SS_NONNULL void rt_fs_init(struct rt_fs *fs, int root, uint32_t id_offset);
SS_NONNULL void rt_fs_done(struct rt_fs *fs);

/* Owner, special bits and time of a directory come when all in it is there. */
SS_MUST_CHECK SS_NONNULL int rt_fs_dir(struct rt_fs *fs, const struct cpio_entry *e,
				       struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rt_fs_dir_done(struct rt_fs *fs, const struct cpio_entry *e,
					    struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rt_fs_file(struct rt_fs *fs, const struct cpio_entry *e,
					struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rt_fs_write(struct rt_fs *fs, struct ss_span s, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rt_fs_file_done(struct rt_fs *fs, const struct cpio_entry *e,
					     struct ss_err *err);
/* `target` is terminated. */
SS_MUST_CHECK SS_NONNULL int rt_fs_symlink(struct rt_fs *fs, const struct cpio_entry *e,
					   const char *target, struct ss_err *err);
/* A device or a fifo. */
SS_MUST_CHECK SS_NONNULL int rt_fs_node(struct rt_fs *fs, const struct cpio_entry *e,
					struct ss_err *err);
/* Another name of the inode that has the name `old` (not a directory). */
SS_MUST_CHECK SS_NONNULL int rt_fs_link(struct rt_fs *fs, const struct cpio_entry *e,
					struct ss_span old, struct ss_err *err);

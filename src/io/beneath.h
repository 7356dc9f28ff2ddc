/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Making a tree of files out of names from outside, below one folder and never anywhere else: no
 * symbolic link is followed on the way, whoever made it and whenever. Linux does that in one call
 * (openat2); elsewhere the components are opened one by one.
 *
 * Paths are relative, without empty components, "." and "..": anything else is refused here once
 * more. Missing parents appear as 0755. What stands at a path is
 * replaced, unless it is a folder that is not empty.
 */
#define IO_BENEATH_PATH_MAX 4096u /* with the NUL */

struct io_beneath {
	int root;   /* owned */
	int parent; /* of the last path, kept for the next; owned */
	char parent_path[IO_BENEATH_PATH_MAX];
	bool portable; /* component by component, also where openat2() is; for tests */
};

#define IO_BENEATH_NONE                                                                            \
	{                                                                                          \
		.root = -1, .parent = -1                                                           \
	}

/* Owns `root`, a folder, from here on. */
void io_beneath_init(struct io_beneath *b, int root);
void io_beneath_done(struct io_beneath *b); /* accepts IO_BENEATH_NONE */
#define AUTO_BENEATH SS_CLEANUP(io_beneath_done)

/* A folder, new or there already, with exactly these permissions. */
SS_MUST_CHECK SS_NONNULL int io_beneath_folder(struct io_beneath *b, const char *path,
					       unsigned mode, struct ss_err *err);
/* A new file with exactly these permissions; *ret_fd, for writing, is the caller's. */
SS_MUST_CHECK SS_NONNULL int io_beneath_file(struct io_beneath *b, const char *path, unsigned mode,
					     int *ret_fd, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int io_beneath_symlink(struct io_beneath *b, const char *path,
						const char *target, struct ss_err *err);
/* A device or a fifo; `mode` with its type. *ret_made = false: not permitted, and left out. */
SS_MUST_CHECK SS_NONNULL int io_beneath_node(struct io_beneath *b, const char *path, unsigned mode,
					     uint32_t major, uint32_t minor, bool *ret_made,
					     struct ss_err *err);
/* Makes `name` in the folder `dir` another name of what is at `path`. */
SS_MUST_CHECK SS_NONNULL int io_beneath_link_out(struct io_beneath *b, const char *path, int dir,
						 const char *name, struct ss_err *err);
/* The reverse; *ret_there = false, and nothing happens, if there is no `name`. */
SS_MUST_CHECK SS_NONNULL int io_beneath_link_in(struct io_beneath *b, const char *path, int dir,
						const char *name, bool *ret_there,
						struct ss_err *err);
/* The modification time of what is at `path`, if anything is, seconds since 1970; a link's own. */
SS_MUST_CHECK SS_NONNULL int io_beneath_mtime(struct io_beneath *b, const char *path, int64_t mtime,
					      struct ss_err *err);

/* A folder `name` in `dir` for the caller's use, new and empty, 0700. An old one is emptied. */
SS_MUST_CHECK SS_NONNULL int io_folder_fresh(int dir, const char *name, int *ret_fd,
					     struct ss_err *err);
/* Removes `name` in `dir`, a folder, with all that is in it, however deep; absent is fine. */
SS_MUST_CHECK SS_NONNULL int io_folder_remove(int dir, const char *name, struct ss_err *err);

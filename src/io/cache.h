/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The user's cache folder, and private folders in it for the time of one run.
 *
 * A private folder is locked (flock on the folder itself) by whoever made it, so the lock dies with
 * its process, however that ends; the next run that makes one in the same parent removes those that
 * nobody holds. What is mounted inside is let go first, and removal never enters a mount.
 */

/* "$XDG_CACHE_HOME/selfsame/NAME", or "$HOME/.cache/selfsame/NAME", made if it is not there. The
 * caller frees it. NULL on failure. */
SS_MUST_CHECK SS_NONNULL char *io_cache_dir(const char *name, struct ss_err *err);

struct io_private {
	char *path; /* absolute; NULL = none */
	int fd;     /* the folder, locked; -1 = none */
};

#define IO_PRIVATE_NONE                                                                            \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* `stale` (may be NULL) is told of each left-over folder just before it is removed. */
SS_MUST_CHECK int io_private_new(const char *parent, struct io_private *ret,
				 void (*stale)(void *ctx, const char *path), void *ctx,
				 struct ss_err *err);
/* Removes it with all it holds; what cannot be removed is left to a later run. Accepts NONE. */
void io_private_done(struct io_private *p);
#define AUTO_PRIVATE SS_CLEANUP(io_private_done)

/* Removes a folder with all it holds, as far as it can be removed; what is mounted inside is let go
 * first. */
SS_NONNULL void io_remove_tree(const char *path);

/* A shared or exclusive lock on the file `path`, made if it is not there; waits, unless `wait` is
 * false: then *ret_fd is -1 if somebody has it. */
SS_MUST_CHECK SS_NONNULL int io_lock_file(const char *path, bool exclusive, bool wait, int *ret_fd,
					  struct ss_err *err);

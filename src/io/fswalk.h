/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

#include <sys/stat.h>

/*
 * Walks a folder of the file system: depth first, a folder before what it holds, siblings in the
 * order of their bytes, whatever order the file system has. Links are not followed, and nothing
 * leads outside: each folder is opened in its parent. A folder on another file system than the top
 * (a mount) is an error, not a silent hole or a silent copy of /proc. Memory: the names of the
 * folders on the way down.
 */
#define IO_WALK_MAX_DEPTH 256u
#define IO_WALK_MAX_PATH 4095u

struct io_walk_entry {
	struct ss_span path; /* below the top, no leading "/"; empty = the top itself */
	int dir;             /* the folder it lies in, */
	const char *name;    /* and its name there ("." for the top) */
	const struct stat *st;
};

/* `entry` may fail, which ends the walk with its error. */
SS_MUST_CHECK int
io_walk(const char *top, int (*entry)(void *ctx, const struct io_walk_entry *e, struct ss_err *err),
	void *ctx, struct ss_err *err);

/* The file of an entry, opened for reading; it must still be the one that was found. */
SS_MUST_CHECK SS_NONNULL int io_walk_open(const struct io_walk_entry *e, int *ret,
					  struct ss_err *err);
/* The target of a link, at most `n` bytes; *ret_n is its length. */
SS_MUST_CHECK SS_NONNULL int io_walk_readlink(const struct io_walk_entry *e, uint8_t *p, size_t n,
					      size_t *ret_n, struct ss_err *err);
/* Its extended attributes, in the file system's order; none where there are no such things. */
SS_MUST_CHECK int io_walk_xattrs(const struct io_walk_entry *e,
				 int (*attr)(void *ctx, struct ss_span name, struct ss_span value,
					     struct ss_err *err),
				 void *ctx, struct ss_err *err);

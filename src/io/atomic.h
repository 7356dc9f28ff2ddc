/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

/*
 * A file that appears whole or not at all.
 *
 * The bytes go to a file without a name (O_TMPFILE; where the file system has none, to the hidden
 * name below), so that a kill at any moment leaves nothing behind. io_atomic_commit() syncs, gives
 * it the hidden name `.NAME.selfsame-new`, renames it over the target and syncs the directory.
 * Whatever stood at the target before survives every failure; only a regular file is ever replaced,
 * or a link to one: a renamed file would put an end to /dev/null. The mode is 0644 less the umask
 * unless io_atomic_open() is told otherwise. Callers that may race for one target hold a lock.
 */
struct io_atomic {
	int fd; /* write here; -1 when not open */
	int dir;
	bool named; /* the hidden name exists already */
	char *path;
	char *base; /* last component, inside path */
	char *hidden;
};

#define IO_ATOMIC_NONE                                                                             \
	{                                                                                          \
		.fd = -1, .dir = -1                                                                \
	}

/* mode: 0 keeps the default above. */
SS_MUST_CHECK SS_NONNULL int io_atomic_open(const char *path, unsigned mode, struct io_atomic *ret,
					    struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int io_atomic_commit(struct io_atomic *a, struct ss_err *err);
/* Drops an uncommitted file; accepts a committed, zeroed or IO_ATOMIC_NONE one. */
void io_atomic_done(struct io_atomic *a);
#define AUTO_ATOMIC SS_CLEANUP(io_atomic_done)

/* Open, write, commit: for small files. */
SS_MUST_CHECK SS_NONNULL int io_atomic_store(const char *path, struct ss_span bytes,
					     struct ss_err *err);

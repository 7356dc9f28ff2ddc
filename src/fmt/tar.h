/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

/*
 * Reads tar archives, strictly: POSIX ustar and pax, GNU, and v7; long names of both families;
 * sparse files as old GNU and as GNU.sparse 0.0, 0.1 and 1.0. Only headers are read, through a
 * callback, in rising order; bodies are never looked at: an entry says where its bytes lie.
 *
 * What two readers could take in two ways is refused: a body where there can be none, a key twice,
 * two long names, a global header that would change entries, a sparse map that does not add up.
 * An archive ends with two blocks of zeros, and only zeros may follow. Names are the archive's
 * bytes: not cleaned, not UTF-8, without NUL. Times and owners outside the fields' range are
 * refused. Ignored, as by container engines: atime, ctime, user and group names, LIBARCHIVE.* and
 * other vendors' keys.
 */
#define TAR_BLOCK 512u
#define TAR_MAX_HEADER 1048576u /* body of an extended header */
#define TAR_MAX_SEGMENTS 65536u /* data segments of one sparse file: 1 MiB of memory */
#define TAR_MAX_XATTRS 256u     /* of one entry */

enum tar_type { TAR_REG, TAR_LINK, TAR_SYMLINK, TAR_CHR, TAR_BLK, TAR_DIR, TAR_FIFO };

struct tar_xattr {
	struct ss_span name;
	struct ss_span value;
};

/* Data of a sparse file: `n` bytes that belong at `at`; what lies between is zeros. */
struct tar_segment {
	uint64_t at;
	uint64_t n;
};

/* Everything that points is borrowed until the next tar_next(). */
struct tar_entry {
	enum tar_type type;
	uint16_t mode; /* 07777 */
	uint32_t uid;
	uint32_t gid;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	int64_t mtime;       /* seconds, rounded down */
	struct ss_span path; /* at least one byte */
	struct ss_span link; /* TAR_LINK, TAR_SYMLINK */
	uint64_t size;       /* TAR_REG: of the file, holes included */
	uint64_t body;       /* where its first stored byte lies in the archive */
	uint64_t stored;     /* how many there are: `size`, or the sum of the segments */
	bool sparse;         /* `segments` are valid, in rising order */
	const struct tar_segment *segments;
	size_t n_segments;
	const struct tar_xattr *xattrs; /* in the archive's order, no name twice */
	size_t n_xattrs;
};

struct tar_source {
	/* Up to `n` bytes at `at`, which never falls; *ret_n < n only at the end. */
	int (*read)(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n,
		    struct ss_err *err);
	void *ctx;
};

struct tar_reader;

/* `source` is copied. */
SS_MUST_CHECK SS_NONNULL struct tar_reader *tar_new(const struct tar_source *source);
/* The next entry, or *ret_end. After an error only tar_free() may follow. */
SS_MUST_CHECK SS_NONNULL int tar_next(struct tar_reader *t, struct tar_entry *ret, bool *ret_end,
				      struct ss_err *err);
void tar_free(struct tar_reader *t);

static inline void tar_freep(struct tar_reader **t)
{
	tar_free(*t);
}
#define AUTO_TAR SS_CLEANUP(tar_freep)

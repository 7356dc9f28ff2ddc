/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/cpio.h"

/*
 * One ramdisk in a range of a descriptor, read once from front to back through a fixed buffer.
 *
 * Only the canonical form of docs/formats/ramdisk.md passes: names strictly ascending (so none
 * comes twice), inode numbers 1, 2, 3 … by first appearance, bodies with the first name of an
 * inode, padding of zeros, one archive, then zeros to the end of the range. Everything that could
 * get lost, or mean two things, is an error here, before anything is done with it.
 *
 * No heap; the descriptor stays the caller's.
 */
#define RT_ARCHIVE_BUFFER 65536u

struct rt_archive {
	int fd;
	uint64_t read_at; /* offset in fd of the first byte not yet in buf */
	uint64_t end;
	size_t buf_at;
	size_t buf_n;
	uint64_t body_left;
	size_t body_pad;
	uint32_t last_ino;
	uint32_t entries; /* so far, the trailer not counted */
	uint64_t bytes;   /* of their bodies */
	unsigned turn;    /* which of `names` is the last name */
	size_t last_n;
	uint8_t names[2][CPIO_MAX_NAME];
	uint8_t buf[RT_ARCHIVE_BUFFER];
};

/* A member: its name lies in the archive and lives until the next but one. */
struct rt_member {
	struct cpio_entry e;
	uint64_t at;  /* offset of its header in fd */
	bool is_link; /* another name of an inode that came before */
};

SS_NONNULL void rt_archive_init(struct rt_archive *a, int fd, uint64_t start, uint64_t end);
/* Zero bytes that a loader may have put before the archive. */
SS_MUST_CHECK SS_NONNULL int rt_archive_skip_zeros(struct rt_archive *a, struct ss_err *err);
/*
 * The next member. *ret_more is false at the trailer, after which nothing but zeros was found up to
 * the end; *ret is then not written. The body of the member before must have been read.
 */
SS_MUST_CHECK SS_NONNULL int rt_archive_next(struct rt_archive *a, struct rt_member *ret,
					     bool *ret_more, struct ss_err *err);
/* The next piece of the body, borrowed until the next call; empty at its end. */
SS_MUST_CHECK SS_NONNULL int rt_archive_body(struct rt_archive *a, struct ss_span *ret,
					     struct ss_err *err);
/* Where the next byte to be read lies in fd. */
SS_NONNULL uint64_t rt_archive_position(const struct rt_archive *a);
/* Reads the member whose header lies at `at` again, its name to `name` (CPIO_MAX_NAME bytes). */
SS_MUST_CHECK SS_NONNULL int rt_archive_reread(const struct rt_archive *a, uint64_t at,
					       struct cpio_entry *ret, uint8_t *name,
					       struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * newc cpio archives ("070701"), the form of every ramdisk. Pure: headers only, bodies are the
 * caller's. The writer (cpio_write.c) emits lower-case hexadecimal. The reader (cpio.c) is strict:
 * what the kernel or GNU cpio would silently skip, cut or mend is an error here. It is shared with
 * the runtime, so it allocates nothing.
 */
#define CPIO_HEADER_SIZE 110u
#define CPIO_MAX_NAME 4096u /* with its NUL; the kernel skips longer ones in silence */
#define CPIO_MAX_LINK 4095u
#define CPIO_MAX_MAJOR 4095u /* mknod() cuts what is above without a word */
#define CPIO_MAX_MINOR 1048575u

#define CPIO_TYPE_MASK 0170000u
#define CPIO_FIFO 0010000u
#define CPIO_CHR 0020000u
#define CPIO_DIR 0040000u
#define CPIO_BLK 0060000u
#define CPIO_REG 0100000u
#define CPIO_LNK 0120000u

struct cpio_entry {
	uint32_t ino;
	uint32_t mode; /* type and permissions, st_mode's layout */
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
	uint32_t mtime;
	uint32_t size; /* of the body; a link's target is its body */
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	struct ss_span name; /* without the NUL */
};

/* Header, name, NUL and padding to 4; the caller appends the body and cpio_pad() zeros. */
SS_NONNULL void cpio_entry_write(const struct cpio_entry *e, struct ss_buf *b);
/* The "TRAILER!!!" entry, with the given inode, device and zero elsewhere, nlink 1. */
SS_NONNULL void cpio_trailer_write(uint32_t ino, uint32_t dev_major, uint32_t dev_minor,
				   struct ss_buf *b);
/* Zeros that follow a body (or anything else) of `n` bytes: 0 to 3. */
static inline size_t cpio_pad(uint64_t n)
{
	return (size_t)(-n & 3u);
}
/* Bytes that header, name, NUL and padding take for a name of `name_n` bytes. */
static inline size_t cpio_entry_size(size_t name_n)
{
	return CPIO_HEADER_SIZE + name_n + 1 + cpio_pad(CPIO_HEADER_SIZE + name_n + 1);
}

/*
 * Reads the CPIO_HEADER_SIZE bytes of one header. *ret_name_n is the name's length with its NUL,
 * 1 to CPIO_MAX_NAME. Then cpio_name_check() on the name bytes as they stand in the archive.
 */
SS_MUST_CHECK SS_NONNULL int cpio_header_read(struct ss_span in, struct cpio_entry *ret,
					      size_t *ret_name_n, struct ss_err *err);
/* `raw` holds the NUL: one NUL, at the end. Sets e->name. */
SS_MUST_CHECK SS_NONNULL int cpio_name_read(struct ss_span raw, struct cpio_entry *e,
					    struct ss_err *err);
SS_NONNULL bool cpio_is_trailer(const struct cpio_entry *e);
/* What a header says of an entry that is not the trailer: a known type, a body only where the type
 * has one, a link target of 1 to CPIO_MAX_LINK bytes, a device number only on a device. */
SS_MUST_CHECK SS_NONNULL int cpio_entry_check(const struct cpio_entry *e, struct ss_err *err);
/* The trailer as cpio_trailer_write() makes it: nlink 1, zero but for inode and device. */
SS_MUST_CHECK SS_NONNULL int cpio_trailer_check(const struct cpio_entry *e, struct ss_err *err);
/*
 * The rules for a name that may be unpacked: not empty, not absolute, no component that is empty,
 * "." or "..", at most CPIO_MAX_NAME - 1 bytes.
 */
SS_MUST_CHECK SS_NONNULL int cpio_name_check(struct ss_span name, struct ss_err *err);
/* Canonical order: depth first, a directory before what it holds, siblings by their bytes. */
SS_MUST_CHECK bool cpio_name_before(struct ss_span a, struct ss_span b);

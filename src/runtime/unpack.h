/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/archive.h"
#include "runtime/unpack_fs.h"

/*
 * A ramdisk becomes a tree, whole or not at all: whoever sees -1 must not use what is there. Shared
 * by stage0 and init. What is decided is decided here, from the archive alone; unpack_fs.c makes
 * it so. No heap, no recursion.
 */
#define RT_MAX_DEPTH (CPIO_MAX_NAME / 2)

/* Where the first name of a hard-linked inode stands, and how many more must come. By inode. */
struct rt_link {
	uint32_t at; /* from the archive's start, in steps of 4 bytes: up to 16 GiB */
	uint32_t due;
};
struct rt_links {
	struct rt_link *v; /* zeroed, as large as the largest inode number may be */
	uint32_t n;        /* inodes from n on may have one name only */
};

/* `top`: every name is this one or below it; NULL: any name may stand at the top. `links` is the
 * caller's and cannot be used again. */
SS_MUST_CHECK int rt_unpack(struct rt_archive *a, const char *top, struct rt_links *links,
			    struct rt_fs *fs, struct ss_err *err);

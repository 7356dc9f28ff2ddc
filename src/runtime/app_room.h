/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * The memory that outlives whoever filled it: files, and the two kinds of shared memory. No end of
 * a process gives it back at once, so if it could take all, the kernel would stop for want of
 * memory before the host is told anything. Therefore these bounds together are no more than what is
 * free before the tree is unpacked, less a reserve (mc_tree_need(0, 0)). Of what the tree leaves,
 * files have five eighths, /dev/shm two, segments one; of each of the first two an eighth is for
 * inodes. The tree itself fits, with some MiB out of the reserve for what `init` adds and for what
 * the formula does not count (attributes, links that are longer than an inode holds).
 */
#define RT_ROOM_SLACK_BYTES (2u << 20)
#define RT_ROOM_SLACK_INODES 2048u
#define RT_ROOM_LEAST 65536u /* a tmpfs of size 0 would have no bound */

struct rt_room {
	uint64_t files, inodes; /* the image's tree and what the application writes */
	uint64_t shm, shm_inodes;
	uint64_t segment_pages;
};

/* `available`: what the kernel says is free. */
struct rt_room rt_room_divide(uint64_t available, uint64_t entries, uint64_t pages);

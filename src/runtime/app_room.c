/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/app_room.h"

#include "fmt/measured.h"

#define PAGE 4096u
#define PAGE_COST (PAGE + 16u) /* and its share of the tree that finds it */
#define INODE_COST 1280u       /* and a name */

static uint64_t bytes_in(uint64_t memory)
{
	return memory / PAGE_COST * PAGE;
}

struct rt_room rt_room_divide(uint64_t available, uint64_t entries, uint64_t pages)
{
	const uint64_t need = mc_tree_need(entries, pages);
	const uint64_t eighth = available > need ? (available - need) / 8 : 0;
	const uint64_t files = 5 * eighth, shm = 2 * eighth;
	struct rt_room r = {
		.files = pages * PAGE + bytes_in(files - files / 8) + RT_ROOM_SLACK_BYTES,
		.inodes = entries + files / 8 / INODE_COST + RT_ROOM_SLACK_INODES,
		.shm = bytes_in(shm - shm / 8),
		.shm_inodes = shm / 8 / INODE_COST + RT_ROOM_LEAST / PAGE,
		.segment_pages = eighth / PAGE_COST,
	};

	if (r.shm < RT_ROOM_LEAST)
		r.shm = RT_ROOM_LEAST;
	return r;
}

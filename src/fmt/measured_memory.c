/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/measured.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define PAGE_BYTES (4 * KIB)

/* Upper bounds of what was seen on Linux 6.12, x86_64; docs/formats/ramdisk.md has the figures. */
#define ENTRY_BYTES 1280u      /* a tmpfs inode and its name in the caches, an xarray node */
#define APP_RESERVE (16 * MIB) /* page tables, stacks and sockets of the smallest service */
#define KERNEL_FACTOR 8u       /* memory of the running kernel for one byte of its image */
#define KERNEL_FIXED (24 * MIB)

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t mul(uint64_t a, uint64_t b)
{
	return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

uint64_t mc_tree_need(uint64_t entries, uint64_t pages)
{
	return add(APP_RESERVE, add(mul(pages, PAGE_BYTES), mul(entries, ENTRY_BYTES)));
}

uint64_t mc_memory_need(uint64_t kernel_bytes, uint64_t ramdisk_bytes, uint64_t entries,
			uint64_t pages)
{
	const uint64_t used = add(ramdisk_bytes, mc_tree_need(entries, pages));
	const uint64_t tables = used / 64; /* a 64 byte struct page for each 4 KiB */

	return add(add(used, tables), add(KERNEL_FIXED, mul(kernel_bytes, KERNEL_FACTOR)));
}

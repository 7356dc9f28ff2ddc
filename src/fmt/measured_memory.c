/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/measured.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define PAGE_BYTES (4 * KIB)

/* Upper bounds of what was seen on Linux 6.12, x86_64; docs/formats/ramdisk.md has the figures. */
#define ENTRY_BYTES 1280u      /* 940 were seen: inode and name; a name of 255 bytes has 256 more */
#define PAGE_TREE_BYTES 16u    /* a page's share of the tree that finds it: 9 were seen */
#define APP_RESERVE (16 * MIB) /* page tables, stacks and sockets of the smallest service */
#define KERNEL_FACTOR 4u       /* memory of the running kernel for one byte of its image */
#define KERNEL_FIXED (12 * MIB)
/* One byte in 32 of all memory goes to tables that grow with it. There are two steps: from 512 MiB
 * on some is kept free for huge pages, and where memory reaches over the devices below 4 GiB there
 * are bounce buffers. What comes near a step must do with it. */
#define TABLES_OF 32u
static const struct {
	uint64_t from, bytes;
} steps[] = { { 512 * MIB, 24 * MIB }, { 3072 * MIB, 64 * MIB } };

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
	const uint64_t files = mul(pages, PAGE_BYTES + PAGE_TREE_BYTES);

	return add(APP_RESERVE, add(files, mul(entries, ENTRY_BYTES)));
}

static uint64_t with_tables(uint64_t used)
{
	return add(used, used / (TABLES_OF - 1));
}

uint64_t mc_memory_need(uint64_t kernel_bytes, uint64_t ramdisk_bytes, uint64_t entries,
			uint64_t pages)
{
	const uint64_t kernel = add(KERNEL_FIXED, mul(kernel_bytes, KERNEL_FACTOR));
	uint64_t used = add(kernel, add(ramdisk_bytes, mc_tree_need(entries, pages)));

	for (size_t i = 0; i < SS_NELEMS(steps); i++)
		if (with_tables(used) > steps[i].from - 2 * steps[i].bytes)
			used = add(used, steps[i].bytes);
	return with_tables(used);
}

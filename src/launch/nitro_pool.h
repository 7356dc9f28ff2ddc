/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "launch/nitro_sys.h"

#include <stdbool.h>

/*
 * What this instance has set aside for enclaves: the CPU pool, the huge pages on its NUMA node, and
 * what the allocator was told. Read for finding memory and for saying what to change, so whatever
 * cannot be read is left at 0, or -1 for the node.
 */
#define NITRO_MAX_CPUS 4096u
#define NITRO_PAGE_SIZES 9u
#define NITRO_CPUS_FILE "/sys/module/nitro_enclaves/parameters/ne_cpus"
#define NITRO_ALLOCATOR_FILE "/etc/nitro_enclaves/allocator.yaml"

struct nitro_pages {
	unsigned shift; /* 2^shift bytes each */
	uint64_t total, free;
};

struct nitro_pool {
	unsigned cpus;       /* in the pool, whoever uses them */
	unsigned usable;     /* of the instance, without CPU 0 and its siblings */
	unsigned threads;    /* of a core; 1 if unknown */
	int node;            /* NUMA node of the pool; -1 = unknown */
	uint64_t memory_mib; /* of the allocator file, as are these */
	unsigned cpu_count;
	char cpu_list[128];                         /* cpu_pool */
	struct nitro_pages pages[NITRO_PAGE_SIZES]; /* largest first */
};

SS_NONNULL void nitro_pool_load(const struct nitro_sys *sys, struct nitro_pool *ret);
SS_MUST_CHECK SS_NONNULL uint64_t nitro_pool_free_mib(const struct nitro_pool *p);

/* "2,3,6-9" with or without a line's end; false if it is not such a list. *ret_first is 0 for an
 * empty one. */
SS_MUST_CHECK SS_NONNULL bool nitro_cpu_list_read(const char *s, unsigned *ret_n,
						  unsigned *ret_first);

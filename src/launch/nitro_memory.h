/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/nitro_error.h"

/*
 * An enclave's memory before it has it: one mapping for each size of huge page, largest first. The
 * EIF goes in at an offset counted over all of them, straight from the file. The mappings stay
 * until the enclave has ended.
 */
struct nitro_memory {
	struct nitro_map {
		uint8_t *p;
		uint64_t size;
	} maps[NITRO_PAGE_SIZES];
	size_t n;
	uint64_t size; /* of all */
};

/* At least c->memory_mib, rounded up to whole pages of those that are free. */
SS_MUST_CHECK SS_NONNULL int nitro_memory_take(const struct nitro_sys *sys,
					       const struct nitro_pool *p,
					       const struct nitro_case *c, struct nitro_memory *ret,
					       struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int nitro_memory_load(const struct nitro_memory *m, uint64_t offset,
					       int fd, uint64_t size, const struct nitro_case *c,
					       const struct nitro_pool *p, struct ss_err *err);
SS_NONNULL void nitro_memory_done(const struct nitro_sys *sys, struct nitro_memory *m);

/* How many pages of each size: false if they do not suffice. A larger page than needed is taken
 * only where no smaller ones are left. */
SS_MUST_CHECK SS_NONNULL bool nitro_memory_plan(const struct nitro_pool *p, uint64_t size,
						uint64_t ret[NITRO_PAGE_SIZES]);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "launch/nitro_pool.h"

/*
 * What a failure of the driver means for a person: a sentence of its own for each of its error
 * values, and what to change, with figures from what is configured and what is free.
 */
enum nitro_step { NITRO_AT_CREATE, NITRO_AT_LOAD, NITRO_AT_REGION, NITRO_AT_VCPU, NITRO_AT_START };

struct nitro_case {
	enum nitro_step step;
	uint64_t memory_mib; /* asked for */
	unsigned cpus;       /* asked for */
	unsigned cpus_added; /* that the driver gave */
	uint32_t cid;
	unsigned regions; /* that the driver took */
};

/* `number`: errno of the failed call. Sets err; SS_EUSAGE where the order was at fault. */
SS_NONNULL void nitro_explain(const struct nitro_case *c, const struct nitro_pool *p, int number,
			      struct ss_err *err);

/* The huge pages that are free on the pool's node do not hold `c->memory_mib`. */
SS_NONNULL void nitro_explain_memory(const struct nitro_case *c, const struct nitro_pool *p,
				     struct ss_err *err);

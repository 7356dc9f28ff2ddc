/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * SipHash-1-3 of a number and some bytes: where a name lies in the lookup table. Keyed with random
 * bytes, so that nobody can prepare names that all fall into one place.
 */
struct tree_key {
	uint64_t k0;
	uint64_t k1;
};

SS_NONNULL uint64_t tree_siphash(const struct tree_key *key, uint64_t number, struct ss_span s);

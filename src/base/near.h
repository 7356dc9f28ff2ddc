/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stddef.h>

/*
 * The nearest known name to one that is not known: for "unknown option '--jsno'" and the like.
 *
 *     struct ss_near near = ss_near_init(word);
 *     for (…) ss_near_offer(&near, candidate);
 *     if (near.best != NULL) … "did you mean '%s'?"
 *
 * Nearness counts inserted, dropped, changed and swapped bytes; a name further away than a third
 * of the word is no help and is never offered. The first of two equally near names wins, so the
 * answer depends on the order of the table only. Words over SS_NEAR_MAX bytes have no neighbour.
 */
#define SS_NEAR_MAX 63u

struct ss_near {
	const char *word; /* borrowed */
	const char *best; /* borrowed from the offers; NULL = none is near */
	size_t distance;  /* of best, or the first distance that is too far */
};

SS_NONNULL struct ss_near ss_near_init(const char *word);
SS_NONNULL void ss_near_offer(struct ss_near *near, const char *candidate);

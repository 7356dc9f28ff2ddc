/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stddef.h>

/*
 * Sorts `n` elements of `size` bytes. The order must be total: two elements that
 * compare equal end the program (a tie would let the input order, or the C
 * library, decide the output). qsort() is not used elsewhere for that reason.
 */
SS_NONNULL void ss_sort(void *base, size_t n, size_t size, int (*cmp)(const void *, const void *));

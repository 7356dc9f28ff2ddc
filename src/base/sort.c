/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sort.h"

#include <assert.h>
#include <stdlib.h>

#undef qsort /* the one caller: ties are refused below */

void ss_sort(void *base, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	const char *p = base;

	if (n < 2)
		return;
	qsort(base, n, size, cmp);
	for (size_t i = 1; i < n; i++)
		assert(cmp(p + (i - 1) * size, p + i * size) < 0);
}

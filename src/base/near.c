/* SPDX-License-Identifier: Apache-2.0 */
#include "base/near.h"

#include <string.h>

static size_t min3(size_t a, size_t b, size_t c)
{
	const size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Three rows of the classic table: the row before the last is what a swap looks back at. */
static size_t distance(const char *a, size_t an, const char *b, size_t bn)
{
	size_t rows[3][SS_NEAR_MAX + 1];

	for (size_t j = 0; j <= bn; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= an; i++) {
		size_t *cur = rows[i % 3];
		const size_t *last = rows[(i - 1) % 3];
		const size_t *before = rows[(i + 1) % 3];

		cur[0] = i;
		for (size_t j = 1; j <= bn; j++) {
			const size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);

			cur[j] = min3(last[j] + 1, cur[j - 1] + 1, change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
	}
	return rows[an % 3][bn];
}

struct ss_near ss_near_init(const char *word)
{
	const size_t n = strlen(word);

	return (struct ss_near){ .word = word, .distance = n < 3 ? 2 : n / 3 + 1 };
}

void ss_near_offer(struct ss_near *near, const char *candidate)
{
	const size_t wn = strlen(near->word);
	const size_t cn = strlen(candidate);
	size_t d;

	if (wn > SS_NEAR_MAX || cn > SS_NEAR_MAX)
		return;
	d = distance(near->word, wn, candidate, cn);
	if (d < near->distance) {
		near->distance = d;
		near->best = candidate;
	}
}

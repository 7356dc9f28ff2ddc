/* SPDX-License-Identifier: Apache-2.0 */
#include "project/project_find.h"

#include <assert.h>
#include <string.h>

static unsigned pair_at(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

void project_find_init(struct project_find *f, size_t len)
{
	f->n = 0;
	f->len = len;
	memset(f->shift, (int)(len - 1), sizeof(f->shift));
}

void project_find_add(struct project_find *f, const uint8_t *what)
{
	assert(f->n < PROJECT_FIND_MAX);
	memcpy(f->what[f->n++], what, f->len);
	for (size_t i = 0; i + 2 <= f->len; i++) {
		uint8_t *s = &f->shift[pair_at(what + i)];
		const uint8_t d = (uint8_t)(f->len - 2 - i);

		*s = d < *s ? d : *s;
	}
}

static bool is_at(const struct project_find *f, const uint8_t *p)
{
	for (size_t i = 0; i < f->n; i++) {
		if (memcmp(f->what[i], p, f->len) == 0)
			return true;
	}
	return false;
}

bool project_find_is_in(const struct project_find *f, struct ss_span text)
{
	size_t end = f->len; /* of the window */

	while (end <= text.n) {
		const uint8_t d = f->shift[pair_at(text.p + end - 2)];

		if (d == 0 && is_at(f, text.p + end - f->len))
			return true;
		end += d != 0 ? d : 1;
	}
	return false;
}

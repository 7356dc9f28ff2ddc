/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/log_lines.h"

#include <string.h>

/* What fits without a newline in it; when the room is full, it goes. */
static void keep(struct rt_lines *l, struct ss_span s, rt_line_fn fn, void *ctx)
{
	while (s.n > 0) {
		size_t n = sizeof(l->room) - l->n;

		if (n == 0) { /* and more comes */
			fn(ctx, (struct ss_span){ l->room, l->n }, true);
			l->n = 0;
			continue;
		}
		n = n < s.n ? n : s.n;
		memcpy(l->room + l->n, s.p, n);
		l->n += n;
		s.p += n;
		s.n -= n;
	}
}

void rt_lines_put(struct rt_lines *l, struct ss_span s, rt_line_fn fn, void *ctx)
{
	while (s.n > 0) {
		const uint8_t *newline = memchr(s.p, '\n', s.n);
		const size_t n = newline != NULL ? (size_t)(newline - s.p) : s.n;

		keep(l, (struct ss_span){ s.p, n }, fn, ctx);
		if (newline == NULL)
			return;
		fn(ctx, (struct ss_span){ l->room, l->n }, false);
		l->n = 0;
		s.p += n + 1;
		s.n -= n + 1;
	}
}

void rt_lines_end(struct rt_lines *l, rt_line_fn fn, void *ctx)
{
	if (l->n > 0)
		fn(ctx, (struct ss_span){ l->room, l->n }, false);
	l->n = 0;
}

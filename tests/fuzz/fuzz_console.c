/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "launch/console_watch.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct console_watch w;
	uint64_t hash, lines;
};

static void on_line(void *ctx, struct ss_span line)
{
	struct seen *s = ctx;

	for (size_t i = 0; i < line.n; i++)
		s->hash = (s->hash ^ line.p[i]) * UINT64_C(0x100000001b3);
	s->hash = s->hash * 31 + 1;
	s->lines++;
}

/* The bytes in pieces of `step`. */
static struct seen *read_all(const uint8_t *data, size_t size, size_t step)
{
	struct seen *s = ss_calloc(1, sizeof(*s));

	s->w.line = on_line;
	s->w.ctx = s;
	for (size_t at = 0; at < size; at += step)
		console_watch_put(
			&s->w, (struct ss_span){ data + at, size - at < step ? size - at : step });
	console_watch_end(&s->w);
	return s;
}

/* However the bytes of a console come: the same lines, the same end, the same register. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE struct seen *whole = read_all(data, size, size > 0 ? size : 1);
	AUTO_FREE struct seen *bytes = read_all(data, size, 1);
	AUTO_FREE struct seen *sevens = read_all(data, size, 7);

	for (int i = 0; i < 2; i++) {
		const struct seen *s = i == 0 ? bytes : sevens;

		if (s->hash != whole->hash || s->lines != whole->lines ||
		    s->w.end != whole->w.end || s->w.value != whole->w.value ||
		    s->w.has_pcr0 != whole->w.has_pcr0 ||
		    memcmp(s->w.pcr0, whole->w.pcr0, sizeof(s->w.pcr0)) != 0 ||
		    strcmp(s->w.text, whole->w.text) != 0)
			abort();
	}
	if (memchr(whole->w.text, '\0', sizeof(whole->w.text)) == NULL)
		abort();
	return 0;
}

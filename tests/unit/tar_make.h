/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Archives made by hand, for tests that need one byte out of place. */

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

struct made {
	const char *name;
	char type;
	const char *link;
	const char *body;
	const char *magic; /* 8 bytes; NULL = ustar */
	unsigned mode;
};

/* `n` digits and the NUL that is there already. */
static inline void made_octal(uint8_t *to, size_t n, size_t v)
{
	while (n > 0) {
		to[--n] = (uint8_t)('0' + (v & 7));
		v >>= 3;
	}
}

static inline void made_sum(uint8_t h[512])
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	made_octal(h + 148, 6, sum);
	h[154] = 0;
}

static inline void made_header(const struct made *m, size_t size, uint8_t h[512])
{
	memset(h, 0, 512);
	memcpy(h, m->name, strlen(m->name) < 100 ? strlen(m->name) : 100);
	made_octal(h + 100, 7, m->mode);
	made_octal(h + 108, 7, 0);
	made_octal(h + 116, 7, 0);
	made_octal(h + 124, 11, size);
	made_octal(h + 136, 11, 7);
	h[156] = (uint8_t)m->type;
	if (m->link != NULL)
		memcpy(h + 157, m->link, strlen(m->link) < 100 ? strlen(m->link) : 100);
	memcpy(h + 257, m->magic != NULL ? m->magic : "ustar\00000", 8);
	made_sum(h);
}

static inline void made_add(struct ss_buf *b, const struct made *m)
{
	static const uint8_t zeros[512];
	const size_t n = m->body != NULL ? strlen(m->body) : 0;
	uint8_t h[512];

	made_header(m, n, h);
	ss_buf_put(b, (struct ss_span){ h, sizeof(h) });
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)m->body, n });
	ss_buf_put(b, (struct ss_span){ zeros, (512 - n % 512) % 512 });
}

static inline void made_end(struct ss_buf *b)
{
	static const uint8_t zeros[1024];

	ss_buf_put(b, (struct ss_span){ zeros, sizeof(zeros) });
}

/* Appends "LENGTH KEY=VALUE\n". */
static inline void made_record(char *to, size_t room, const char *key, const char *value)
{
	const size_t bare = strlen(key) + strlen(value) + 3;
	size_t n = bare + 1;

	while (n != bare + (size_t)snprintf(NULL, 0, "%zu", n))
		n = bare + (size_t)snprintf(NULL, 0, "%zu", n);
	(void)snprintf(to + strlen(to), room - strlen(to), "%zu %s=%s\n", n, key, value);
}

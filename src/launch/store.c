/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/store.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define HEAD 4u /* a record's length, in the host's byte order */

void store_init(struct store *s, size_t cap)
{
	assert(cap > HEAD);
	*s = (struct store){ .p = ss_calloc(cap, 1), .cap = cap };
}

void store_done(struct store *s)
{
	free(TAKE_PTR(s->p));
}

static void copy_in(struct store *s, size_t at, const void *from, size_t n)
{
	const size_t part = n < s->cap - at ? n : s->cap - at;

	memcpy(s->p + at, from, part);
	memcpy(s->p, (const uint8_t *)from + part, n - part);
}

static void copy_out(const struct store *s, size_t at, void *to, size_t n)
{
	const size_t part = n < s->cap - at ? n : s->cap - at;

	memcpy(to, s->p + at, part);
	memcpy((uint8_t *)to + part, s->p, n - part);
}

static size_t record_size(const struct store *s, size_t offset)
{
	uint32_t n;

	copy_out(s, (s->at + offset) % s->cap, &n, HEAD);
	return n;
}

void store_put(struct store *s, struct ss_span record)
{
	uint32_t n;

	if (record.n > STORE_MAX_RECORD)
		record.n = STORE_MAX_RECORD;
	if (record.n > s->cap - HEAD)
		record.n = s->cap - HEAD;
	n = (uint32_t)record.n;
	while (s->cap - s->n < HEAD + record.n) {
		const size_t old = HEAD + record_size(s, 0);

		s->at = (s->at + old) % s->cap;
		s->n -= old;
		s->first++;
	}
	copy_in(s, (s->at + s->n) % s->cap, &n, HEAD);
	if (n > 0)
		copy_in(s, (s->at + s->n + HEAD) % s->cap, record.p, n);
	s->n += HEAD + n;
	s->next++;
}

/* Brings a place up to date after records before it have gone. */
static void find(const struct store *s, struct store_place *p)
{
	if (p->seen == s->first)
		return;
	p->offset = 0;
	for (uint64_t i = s->first; i < p->number; i++)
		p->offset += HEAD + record_size(s, p->offset);
	p->seen = s->first;
}

bool store_next(const struct store *s, struct store_place *p, uint8_t *ret, size_t *ret_n,
		uint64_t *ret_lost)
{
	*ret_lost = 0;
	if (p->number < s->first) {
		*ret_lost = s->first - p->number;
		*p = (struct store_place){ .number = s->first, .seen = s->first };
	}
	if (p->number == s->next)
		return false;
	find(s, p);
	*ret_n = record_size(s, p->offset);
	copy_out(s, (s->at + p->offset + HEAD) % s->cap, ret, *ret_n);
	p->offset += HEAD + *ret_n;
	p->number++;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/num.h"
#include "fmt/tar_parts.h"

#include <string.h>

int tar_segments_add(struct tar_segments *s, uint64_t at, uint64_t n, struct ss_err *err)
{
	if (s->n == TAR_MAX_SEGMENTS)
		return ss_fail(err, SS_ELIMIT, "more than %u segments in a sparse file",
			       TAR_MAX_SEGMENTS);
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? s->cap * 2 : 64;
		s->v = ss_reallocarray(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = (struct tar_segment){ at, n };
	return 0;
}

int tar_segments_check(const struct tar_segments *s, uint64_t size, uint64_t stored,
		       struct ss_err *err)
{
	uint64_t end = 0, sum = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct tar_segment *g = &s->v[i];

		if (g->at < end)
			return ss_fail(err, SS_EINPUT, "sparse segment %zu overlaps the one before",
				       i);
		if (!ss_add_u64(g->at, g->n, &end) || end > size)
			return ss_fail(err, SS_EINPUT,
				       "sparse segment %zu ends past the file's %llu bytes", i,
				       (unsigned long long)size);
		sum += g->n; /* at most `size` */
	}
	if (sum != stored)
		return ss_fail(err, SS_EINPUT,
			       "the sparse segments have %llu bytes, the archive stores %llu",
			       (unsigned long long)sum, (unsigned long long)stored);
	return 0;
}

/* Everything up to `end`, which must be there; *s goes on behind it. */
static bool take_until(struct ss_span *s, uint8_t end, uint64_t *ret)
{
	const uint8_t *stop = s->n > 0 ? memchr(s->p, end, s->n) : NULL;
	struct ss_span word;

	if (stop == NULL)
		return false;
	word = (struct ss_span){ s->p, (size_t)(stop - s->p) };
	s->n -= word.n + 1;
	s->p = stop + 1;
	return tar_decimal(word, ret);
}

int tar_sparse_map_01(struct ss_span map, struct tar_segments *ret, struct ss_err *err)
{
	while (map.n > 0) {
		uint64_t at, n = 0;
		bool ok = take_until(&map, ',', &at);

		if (ok && memchr(map.p, ',', map.n) != NULL)
			ok = take_until(&map, ',', &n) && map.n > 0;
		else if (ok) {
			ok = tar_decimal(map, &n);
			map.n = 0;
		}
		if (!ok)
			return ss_fail(err, SS_EINPUT, "malformed GNU.sparse.map");
		if (tar_segments_add(ret, at, n, err) < 0)
			return -1;
	}
	return 0;
}

/* Text that is read block by block: the numbers of a GNU.sparse 1.0 map. */
struct map_text {
	const struct tar_source *src;
	uint64_t at;     /* of the next block */
	uint64_t stored; /* left in the body */
	size_t used;
	uint8_t block[TAR_BLOCK];
};

static int next_number(struct map_text *m, uint64_t *ret, struct ss_err *err)
{
	uint8_t digits[20];
	size_t n = 0;

	for (;;) {
		uint8_t c;

		if (m->used == TAR_BLOCK) {
			if (m->stored < TAR_BLOCK)
				return ss_fail(err, SS_EINPUT, "the sparse map does not end");
			if (tar_read_all(m->src, m->at, m->block, TAR_BLOCK, err) < 0)
				return -1;
			m->at += TAR_BLOCK;
			m->stored -= TAR_BLOCK;
			m->used = 0;
		}
		c = m->block[m->used++];
		if (c == '\n')
			break;
		if (n == sizeof(digits))
			return ss_fail(err, SS_EINPUT, "malformed sparse map");
		digits[n++] = c;
	}
	if (!tar_decimal((struct ss_span){ digits, n }, ret))
		return ss_fail(err, SS_EINPUT, "malformed sparse map");
	return 0;
}

int tar_sparse_map_10(const struct tar_source *src, uint64_t *at, uint64_t *stored,
		      struct tar_segments *ret, struct ss_err *err)
{
	struct map_text m = { .src = src, .at = *at, .stored = *stored, .used = TAR_BLOCK };
	uint64_t n = 0;

	if (next_number(&m, &n, err) < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t from = 0, bytes = 0;

		if (next_number(&m, &from, err) < 0 || next_number(&m, &bytes, err) < 0 ||
		    tar_segments_add(ret, from, bytes, err) < 0)
			return -1;
	}
	*at = m.at;
	*stored = m.stored;
	return 0;
}

/* `n` pairs of 12-byte fields, up to an empty one. */
static int add_pairs(const uint8_t *p, size_t n, struct tar_segments *ret, struct ss_err *err)
{
	for (size_t i = 0; i < n; i++, p += 24) {
		int64_t at, bytes;

		if (p[0] == '\0')
			break;
		if (!tar_number((struct ss_span){ p, 12 }, &at) ||
		    !tar_number((struct ss_span){ p + 12, 12 }, &bytes) || at < 0 || bytes < 0)
			return ss_fail(err, SS_EINPUT, "malformed sparse map");
		if (tar_segments_add(ret, (uint64_t)at, (uint64_t)bytes, err) < 0)
			return -1;
	}
	return 0;
}

int tar_sparse_map_gnu(const struct tar_source *src, const uint8_t header[TAR_BLOCK], uint64_t *at,
		       struct tar_segments *ret, struct ss_err *err)
{
	uint8_t block[TAR_BLOCK];
	bool more = header[482] != 0;

	if (add_pairs(header + 386, 4, ret, err) < 0)
		return -1;
	while (more) {
		if (tar_read_all(src, *at, block, TAR_BLOCK, err) < 0 ||
		    add_pairs(block, 21, ret, err) < 0)
			return -1;
		*at += TAR_BLOCK;
		more = block[504] != 0;
	}
	return 0;
}

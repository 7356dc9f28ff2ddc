/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_bytes.h"

#include "base/mem.h"
#include "base/num.h"
#include "io/file.h"

#include <string.h>

#define BLOCK ((size_t)32 * 1024) /* two of them stay in the nearest cache */
/* Deflate cannot exceed 1032 : 1. */
#define RATIO 1100u

static struct ex_source *new_source(void)
{
	struct ex_source *s = ss_calloc(1, sizeof(*s));

	s->refs = 1;
	s->fd = -1;
	return s;
}

struct ex_source *ex_source_fd(int fd)
{
	struct ex_source *s = new_source();

	s->fd = fd;
	return s;
}

struct ex_source *ex_source_tree(struct tree *t, struct oci_image *image)
{
	struct ex_source *s = new_source();

	s->tree = t;
	s->image = ss_calloc(1, sizeof(*s->image));
	*s->image = *image;
	*image = (struct oci_image){ 0 };
	return s;
}

struct ex_source *ex_source_mem(struct ss_span bytes)
{
	struct ex_source *s = new_source();

	s->mem = ss_calloc(bytes.n + 1, 1);
	if (bytes.n > 0)
		memcpy(s->mem, bytes.p, bytes.n);
	return s;
}

struct ex_source *ex_source_hold(struct ex_source *s)
{
	s->refs++;
	return s;
}

void ex_source_drop(struct ex_source *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	ss_closep(&s->fd);
	if (s->image != NULL)
		oci_image_done(s->image);
	free(s->image);
	tree_free(s->tree);
	free(s->mem);
	free(s);
}

static int read_source(const struct ex_bytes *b, uint64_t at, uint8_t *p, size_t n,
		       struct ss_err *err)
{
	size_t got;

	if (b->src->tree != NULL)
		return tree_read(b->src->tree, b->id, b->at + at, p, n, err);
	if (b->src->mem != NULL) {
		memcpy(p, b->src->mem + b->at + at, n);
		return 0;
	}
	if (io_pread_full(b->src->fd, b->at + at, p, n, &got, err) < 0)
		return -1;
	if (got < n)
		return ss_fail(err, SS_ESYS, "the file became shorter while it was being read");
	return 0;
}

int ex_read(const struct ex_bytes *b, uint64_t at, uint8_t *p, size_t n, struct ss_err *err)
{
	if (at > b->n || n > b->n - at)
		return ss_fail(err, SS_EINPUT, "%zu bytes at byte %llu lie past the end", n,
			       (unsigned long long)at);
	return n == 0 ? 0 : read_source(b, at, p, n, err);
}

int ex_read_some(const struct ex_bytes *b, uint64_t at, uint8_t *p, size_t n, size_t *ret_n,
		 struct ss_err *err)
{
	const uint64_t left = at < b->n ? b->n - at : 0;
	const size_t want = left < n ? (size_t)left : n;

	*ret_n = want;
	return want == 0 ? 0 : read_source(b, at, p, want, err);
}

struct ex_bytes ex_part(const struct ex_bytes *b, uint64_t at, uint64_t n)
{
	return (struct ex_bytes){ .src = b->src, .id = b->id, .at = b->at + at, .n = n };
}

static size_t first_of(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t i = 0;

	while (n - i >= 64 && memcmp(a + i, b + i, 64) == 0)
		i += 64;
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

int ex_first_difference(const struct ex_bytes *a, const struct ex_bytes *b, uint64_t from,
			uint64_t *ret, bool *ret_same, struct ss_err *err)
{
	const uint64_t end = a->n < b->n ? a->n : b->n;
	AUTO_FREE uint8_t *x = NULL;
	AUTO_FREE uint8_t *y = NULL;
	size_t room = end < BLOCK ? (size_t)end : BLOCK;
	size_t n;

	room = room > 0 ? room : 1;
	x = ss_calloc(room, 1);
	y = ss_calloc(room, 1);
	for (uint64_t at = from; at < end; at += n) {
		n = end - at < room ? (size_t)(end - at) : room;
		if (read_source(a, at, x, n, err) < 0 || read_source(b, at, y, n, err) < 0)
			return -1;
		if (memcmp(x, y, n) != 0) {
			*ret = at + first_of(x, y, n);
			*ret_same = false;
			return 0;
		}
	}
	*ret = end;
	*ret_same = a->n == b->n;
	return 0;
}

/* --- unpacking ------------------------------------------------------------------------------ */

struct spool {
	int fd;
	uint64_t n;
	uint8_t block[64 * 1024];
};

static int room_of(void *ctx, uint8_t **ret, size_t *ret_n, struct ss_err *err)
{
	struct spool *s = ctx;

	(void)err;
	*ret = s->block;
	*ret_n = sizeof(s->block);
	return 0;
}

static int push(void *ctx, size_t n, struct ss_err *err)
{
	struct spool *s = ctx;

	if (io_pwrite_all(s->fd, s->n, (struct ss_span){ s->block, n }, err) < 0)
		return ss_ctx(err, "the spool");
	s->n += n;
	return 0;
}

static int feed(struct inflate *in, const struct ex_bytes *b, struct ss_err *err)
{
	AUTO_FREE uint8_t *block = ss_calloc(BLOCK, 1);
	size_t n;

	for (uint64_t at = 0; at < b->n; at += n) {
		if (ex_read_some(b, at, block, BLOCK, &n, err) < 0 ||
		    inflate_put(in, (struct ss_span){ block, n }, err) < 0)
			return -1;
	}
	return 0;
}

int ex_unpack(const struct ex_bytes *b, enum inflate_kind kind, struct ss_span head,
	      struct ss_span tail, uint64_t *left, struct ex_bytes *ret, struct ss_err *err)
{
	AUTO_FREE struct spool *s = ss_calloc(1, sizeof(*s));
	AUTO_INFLATE struct inflate *in = NULL;
	AUTO_CLOSE int fd = -1;
	const struct inflate_sink sink = { room_of, push, s };
	const struct inflate_limits limits = { .out = *left, .ratio = RATIO, .other = true };

	if (*left == 0)
		return ss_fail(err, SS_ELIMIT, "more is packed in here than is looked at");
	if (io_spool_new(&fd, err) < 0)
		return -1;
	s->fd = fd;
	if (inflate_new(kind, &sink, &limits, &in, err) < 0 || inflate_put(in, head, err) < 0 ||
	    feed(in, b, err) < 0 || inflate_put(in, tail, err) < 0 || inflate_end(in, err) < 0)
		return -1;
	*left -= s->n < *left ? s->n : *left;
	*ret = (struct ex_bytes){ .src = ex_source_fd(ss_take_fd(&fd)), .n = s->n };
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "explain/ex_list.h"

/*
 * newc archives, one after the other with zeros between, as the kernel takes them. Only headers are
 * read: a body is skipped, however large.
 */
#define HEAD_MAX (CPIO_HEADER_SIZE + CPIO_MAX_NAME + 4)

/* Moves *at over zeros to what follows, or to the end. */
static int skip_zeros(const struct ex_bytes *b, uint64_t *at, struct ss_err *err)
{
	uint8_t block[4096];
	size_t n = 1;

	while (n > 0) {
		if (ex_read_some(b, *at, block, sizeof(block), &n, err) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (block[i] != 0) {
				*at += i;
				return 0;
			}
		*at += n;
	}
	return 0;
}

static int read_head(const struct ex_bytes *b, uint64_t at, struct cpio_entry *e, uint8_t *head,
		     uint64_t *ret_end, struct ss_err *err)
{
	size_t name_n;
	size_t n;

	if (ex_read(b, at, head, CPIO_HEADER_SIZE, err) < 0 ||
	    cpio_header_read((struct ss_span){ head, CPIO_HEADER_SIZE }, e, &name_n, err) < 0)
		return -1;
	n = cpio_entry_size(name_n - 1);
	if (ex_read(b, at, head, n, err) < 0 ||
	    cpio_name_read((struct ss_span){ head + CPIO_HEADER_SIZE, name_n }, e, err) < 0)
		return -1;
	*ret_end = at + n;
	return 0;
}

static int add(struct ex_list *l, const struct cpio_entry *e, uint64_t at, struct ss_err *err)
{
	const struct ex_entry to = { .mode = e->mode,
				     .uid = e->uid,
				     .gid = e->gid,
				     .rdev_major = e->rdev_major,
				     .rdev_minor = e->rdev_minor,
				     .ino = e->ino,
				     .nlink = e->nlink,
				     .mtime = e->mtime,
				     .at = at,
				     .n = e->size,
				     .size = e->size };

	return ex_list_add(l, e->name, &to, err);
}

static int read_all(const struct ex_bytes *b, struct ex_list *l, struct ss_err *err)
{
	uint8_t head[HEAD_MAX];
	uint64_t at = 0;
	bool inside = false;

	while (at < b->n || inside) {
		struct cpio_entry e = { 0 };
		uint64_t body;

		if (!inside && skip_zeros(b, &at, err) < 0)
			return -1;
		if (at >= b->n && !inside)
			break;
		if (read_head(b, at, &e, head, &body, err) < 0)
			return ss_ctx(err, "entry %zu at byte %llu", l->n, (unsigned long long)at);
		at = body;
		inside = !cpio_is_trailer(&e);
		if (!inside)
			continue;
		if (e.size > b->n - body)
			return ss_fail(err, SS_EINPUT, "entry %zu ends past the archive", l->n);
		if (add(l, &e, body, err) < 0)
			return -1;
		at += e.size + cpio_pad(e.size);
	}
	return 0;
}

int ex_list_cpio(const struct ex_bytes *b, size_t max, struct ex_list *ret, struct ss_err *err)
{
	AUTO_EX_LIST struct ex_list l = { 0 };

	ex_list_init(&l, EX_RAMDISK, b->src, max);
	if (read_all(b, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		l.v[i].at += b->at;
		l.v[i].id = b->id;
	}
	ex_list_end(&l);
	*ret = l;
	l = (struct ex_list){ 0 };
	return 0;
}

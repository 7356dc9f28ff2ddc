/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_list.h"
#include "fmt/tar.h"

#include <string.h>

static int read_at(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	return ex_read_some(ctx, at, p, n, ret_n, err);
}

static uint32_t type_of(enum tar_type t)
{
	switch (t) {
	case TAR_REG:
	case TAR_LINK:
		return CPIO_REG;
	case TAR_SYMLINK:
		return CPIO_LNK;
	case TAR_CHR:
		return CPIO_CHR;
	case TAR_BLK:
		return CPIO_BLK;
	case TAR_DIR:
		return CPIO_DIR;
	case TAR_FIFO:
		return CPIO_FIFO;
	}
	return CPIO_REG;
}

static int add(struct ex_list *l, const struct ex_bytes *b, const struct tar_entry *t,
	       struct ss_err *err)
{
	struct ex_entry e = { .mode = type_of(t->type) | t->mode,
			      .uid = t->uid,
			      .gid = t->gid,
			      .rdev_major = t->rdev_major,
			      .rdev_minor = t->rdev_minor,
			      .mtime = t->mtime };
	struct ss_span name = t->path;

	while (name.n > 1 && name.p[name.n - 1] == '/')
		name.n--;
	if (t->type == TAR_REG) {
		if (t->stored > b->n || t->body > b->n - t->stored)
			return ss_fail(err, SS_EINPUT, "a body past the end of the archive");
		e.at = b->at + t->body;
		e.n = t->stored;
		e.size = t->stored;
		e.id = b->id;
	}
	if (ex_list_add(l, name, &e, err) < 0)
		return -1;
	if (t->type == TAR_LINK || t->type == TAR_SYMLINK)
		ex_list_target(l, t->link);
	return 0;
}

int ex_list_tar(const struct ex_bytes *b, struct ex_list *ret, struct ss_err *err)
{
	AUTO_EX_LIST struct ex_list l = { 0 };
	struct ex_bytes from = *b;
	const struct tar_source source = { read_at, &from };
	AUTO_TAR struct tar_reader *t = tar_new(&source);
	struct tar_entry e;
	bool end = false;

	ex_list_init(&l, EX_TAR, b->src, EX_LIST_MEMBERS);
	for (;;) {
		if (tar_next(t, &e, &end, err) < 0)
			return -1;
		if (end)
			break;
		if (add(&l, b, &e, err) < 0)
			return -1;
	}
	ex_list_end(&l);
	*ret = l;
	l = (struct ex_list){ 0 };
	return 0;
}

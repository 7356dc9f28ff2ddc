/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/archive.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"
#include "fmt/tar.h"
#include "io/file.h"
#include "oci/image_store.h"
#include "oci/name.h"
#include "oci/window.h"

#include <string.h>

static int read_fd(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	const int *fd = ctx;

	return io_pread_full(*fd, at, p, n, ret_n, err);
}

static char *copy(struct ss_span s)
{
	char *c = ss_calloc(s.n + 1, 1);

	memcpy(c, s.p, s.n);
	return c;
}

/* A symbolic link's target is relative to its folder; ".." may go up to the top, not above. */
static int clean_symlink(struct ss_span path, struct ss_span target, struct oci_name *ret,
			 struct ss_err *err)
{
	size_t dir = path.n;

	ret->n = 0;
	while (dir > 0 && path.p[dir - 1] != '/')
		dir--;
	for (; target.n >= 3 && memcmp(target.p, "../", 3) == 0; target.p += 3, target.n -= 3) {
		if (dir == 0)
			return ss_fail(err, SS_EINPUT, "a link that leaves the archive");
		for (dir--; dir > 0 && path.p[dir - 1] != '/'; dir--)
			continue;
	}
	if (oci_name_clean(target, ret, err) < 0)
		return -1;
	if (dir + ret->n > OCI_NAME_MAX)
		return ss_fail(err, SS_ELIMIT, "a link of more than %u bytes", OCI_NAME_MAX);
	memmove(ret->p + dir, ret->p, ret->n);
	memcpy(ret->p, path.p, dir);
	ret->n += dir;
	return 0;
}

static int add(struct oci_archive *a, const struct tar_entry *e, struct ss_err *err)
{
	struct oci_member m = { .at = e->body, .n = e->size };
	struct oci_name name, link = { 0 };

	if (e->type != TAR_REG && e->type != TAR_LINK && e->type != TAR_SYMLINK)
		return 0;
	if (oci_name_clean(e->path, &name, err) < 0)
		return -1;
	if (e->type == TAR_LINK && oci_name_clean(e->link, &link, err) < 0)
		return -1;
	if (e->type == TAR_SYMLINK && clean_symlink(oci_name_span(&name), e->link, &link, err) < 0)
		return -1;
	if (e->sparse)
		return ss_fail(err, SS_EINPUT, "a sparse file in an archive of an image");
	if (a->n == OCI_MAX_MEMBERS)
		return ss_fail(err, SS_ELIMIT, "more than %u files", OCI_MAX_MEMBERS);
	if (a->n == a->cap) {
		a->cap = a->cap > 0 ? a->cap * 2 : 64;
		a->v = ss_reallocarray(a->v, a->cap, sizeof(*a->v));
	}
	m.name = copy(oci_name_span(&name));
	m.link = e->type != TAR_REG ? copy(oci_name_span(&link)) : NULL;
	a->v[a->n++] = m;
	return 0;
}

/* A total order, though equal names are about to be refused: the offset decides. */
static int by_name(const void *x, const void *y)
{
	const struct oci_member *a = x, *b = y;
	const int c = strcmp(a->name, b->name);

	return c != 0 ? c : a->at < b->at ? -1 : 1;
}

static int read_members(struct oci_archive *a, struct tar_reader *t, struct ss_err *err)
{
	struct tar_entry e;
	bool end = false;

	for (;;) {
		if (tar_next(t, &e, &end, err) < 0)
			return -1;
		if (end)
			return 0;
		if (add(a, &e, err) < 0)
			return ss_ctx(err, "'%s'", SS_SHOW(e.path));
	}
}

int oci_archive_read(int fd, struct oci_archive *ret, struct ss_err *err)
{
	SS_CLEANUP(oci_archive_done) struct oci_archive a = { 0 };
	AUTO_FREE struct oci_window *w = ss_calloc(1, sizeof(*w));
	const struct tar_source src = { oci_window_read, w };
	AUTO_TAR struct tar_reader *t = tar_new(&src);

	w->read = read_fd;
	w->ctx = &fd;
	if (read_members(&a, t, err) < 0)
		return -1;
	if (a.n > 0)
		ss_sort(a.v, a.n, sizeof(*a.v), by_name);
	for (size_t i = 1; i < a.n; i++)
		if (strcmp(a.v[i - 1].name, a.v[i].name) == 0)
			return ss_fail(err, SS_EINPUT, "'%s' occurs twice",
				       SS_SHOW(((struct ss_span){ (const uint8_t *)a.v[i].name,
								  strlen(a.v[i].name) })));
	*ret = a;
	a = (struct oci_archive){ 0 };
	return 0;
}

void oci_archive_done(struct oci_archive *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].name);
		free(a->v[i].link);
	}
	free(a->v);
	*a = (struct oci_archive){ 0 };
}

static const struct oci_member *find_one(const struct oci_archive *a, const char *name)
{
	size_t low = 0, high = a->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const int c = strcmp(a->v[mid].name, name);

		if (c == 0)
			return &a->v[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct oci_member *oci_archive_find(const struct oci_archive *a, const char *name)
{
	const struct oci_member *m = find_one(a, name);

	for (unsigned i = 0; m != NULL && m->link != NULL; i++)
		m = i < OCI_MAX_LINKS ? find_one(a, m->link) : NULL;
	return m;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_store.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "fmt/inflate.h"
#include "io/file.h"
#include "oci/archive.h"
#include "oci/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct oci_store {
	int dir; /* a folder, or -1 */
	int fd;  /* an archive */
	struct oci_archive archive;
};

void oci_part_done(struct oci_part *p)
{
	if (p->owned && p->fd >= 0)
		(void)close(p->fd);
	*p = (struct oci_part){ .fd = -1 };
}

static struct oci_store *blank(void)
{
	struct oci_store *s = ss_calloc(1, sizeof(*s));

	s->dir = -1;
	s->fd = -1;
	return s;
}

void oci_store_free(struct oci_store *s)
{
	if (s == NULL)
		return;
	if (s->dir >= 0)
		(void)close(s->dir);
	if (s->fd >= 0)
		(void)close(s->fd);
	oci_archive_done(&s->archive);
	free(s);
}

int oci_store_open_dir(const char *path, struct oci_store **ret, struct ss_err *err)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return ss_fail_sys(err, "cannot open '%s'", path);
	*ret = blank();
	(*ret)->dir = fd;
	return 0;
}

int oci_store_open_fd(int fd, uint64_t limit, struct ss_progress *p, struct oci_store **ret,
		      struct ss_err *err)
{
	AUTO_STORE struct oci_store *s = blank();

	s->fd = fd;
	if (oci_unpack_plain(&s->fd, limit, p, err) < 0 ||
	    oci_archive_read(s->fd, &s->archive, err) < 0)
		return -1;
	*ret = TAKE_PTR(s);
	return 0;
}

int oci_store_open_archive(const char *path, uint64_t limit, struct ss_progress *p,
			   struct oci_store **ret, struct ss_err *err)
{
	int fd;

	if (io_open_file(path, &fd, NULL, err) < 0)
		return -1;
	return oci_store_open_fd(fd, limit, p, ret, err);
}

static int find_in_dir(const struct oci_store *s, const char *name, struct oci_part *ret,
		       struct ss_err *err)
{
	AUTO_CLOSE int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st = { 0 };

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return ss_fail(err, SS_EINPUT, "no such file in the image");
	if (fd < 0)
		return ss_fail_sys(err, "cannot open");
	if (fstat(fd, &st) < 0)
		return ss_fail_sys(err, "cannot read");
	if (!S_ISREG(st.st_mode))
		return ss_fail(err, SS_EINPUT, "not a regular file");
	*ret = (struct oci_part){ ss_take_fd(&fd), true, 0, (uint64_t)st.st_size };
	return 0;
}

static int find(const struct oci_store *s, const char *name, struct oci_part *ret,
		struct ss_err *err)
{
	const struct oci_member *m;

	if (s->dir >= 0)
		return find_in_dir(s, name, ret, err);
	m = oci_archive_find(&s->archive, name);
	if (m == NULL)
		return ss_fail(err, SS_EINPUT, "no such file in the image");
	*ret = (struct oci_part){ s->fd, false, m->at, m->n };
	return 0;
}

int oci_store_find(const struct oci_store *s, const char *name, struct oci_part *ret,
		   struct ss_err *err)
{
	return find(s, name, ret, err) < 0 ? ss_ctx(err, "'%s'", SS_SHOW(ss_text(name))) : 0;
}

static int load(const struct oci_part *p, size_t max, struct ss_buf *ret, struct ss_err *err)
{
	uint8_t block[16384];

	if (p->n > max)
		return ss_fail(err, SS_ELIMIT, "%llu bytes; the limit is %zu",
			       (unsigned long long)p->n, max);
	for (uint64_t at = 0; at < p->n;) {
		const uint64_t left = p->n - at;
		size_t n = left < sizeof(block) ? (size_t)left : sizeof(block);

		if (io_pread_full(p->fd, p->at + at, block, n, &n, err) < 0)
			return -1;
		if (n == 0)
			return ss_fail(err, SS_EINPUT, "ends early");
		ss_buf_put(ret, (struct ss_span){ block, n });
		at += n;
	}
	return ss_buf_check(ret, "file", err);
}

int oci_store_load(const struct oci_store *s, const char *name, size_t max, struct ss_buf *ret,
		   struct ss_err *err)
{
	SS_CLEANUP(oci_part_done) struct oci_part p = { .fd = -1 };

	if (find(s, name, &p, err) < 0 || load(&p, max, ret, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(ss_text(name)));
	return 0;
}

static int load_checked(const struct oci_store *s, const char *name,
			const struct oci_digest *digest, uint64_t size, size_t max,
			struct ss_buf *ret, struct ss_err *err)
{
	SS_CLEANUP(oci_part_done) struct oci_part p = { .fd = -1 };
	struct oci_digest got;

	if (find(s, name, &p, err) < 0)
		return -1;
	if (size != UINT64_MAX && p.n != size)
		return ss_fail(err, SS_EINPUT, "%llu bytes, but %llu were expected",
			       (unsigned long long)p.n, (unsigned long long)size);
	if (load(&p, max, ret, err) < 0)
		return -1;
	oci_digest_of(digest->kind, ss_buf_span(ret), &got);
	return oci_digest_check(digest, &got, err);
}

int oci_store_load_blob(const struct oci_store *s, const char *name,
			const struct oci_digest *digest, uint64_t size, size_t max,
			struct ss_buf *ret, struct ss_err *err)
{
	if (load_checked(s, name, digest, size, max, ret, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(ss_text(name)));
	return 0;
}

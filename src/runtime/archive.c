/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/archive.h"

#include "base/show.h"
#include "fmt/measured.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void rt_archive_init(struct rt_archive *a, int fd, uint64_t start, uint64_t end)
{
	a->fd = fd;
	a->read_at = start;
	a->end = end;
	a->buf_at = a->buf_n = 0;
	a->body_left = 0;
	a->body_pad = 0;
	a->last_ino = a->entries = 0;
	a->bytes = 0;
	a->turn = 0;
	a->last_n = 0;
}

/* Exactly `n` bytes from `at`: sysfs hands out one page a call. */
static int read_at(int fd, uint64_t at, uint8_t *p, size_t n, struct ss_err *err)
{
	while (n > 0) {
		const ssize_t got = pread(fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ss_fail_sys(err, "cannot read the ramdisk");
		if (got == 0)
			return ss_fail(err, SS_EINPUT, "the ramdisk ends early, at byte %llu",
				       (unsigned long long)at);
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* After this the buffer holds at least one byte, or the range has ended and it holds none. */
static int fill(struct rt_archive *a, struct ss_err *err)
{
	const uint64_t left = a->end - a->read_at;
	const size_t n = left < sizeof(a->buf) ? (size_t)left : sizeof(a->buf);

	if (a->buf_at < a->buf_n)
		return 0;
	a->buf_at = a->buf_n = 0;
	if (read_at(a->fd, a->read_at, a->buf, n, err) < 0)
		return -1;
	a->read_at += n;
	a->buf_n = n;
	return 0;
}

uint64_t rt_archive_position(const struct rt_archive *a)
{
	return a->read_at - (a->buf_n - a->buf_at);
}

/* Between 1 and `n` bytes (n > 0), borrowed from the buffer. */
static int take_some(struct rt_archive *a, uint64_t n, struct ss_span *ret, struct ss_err *err)
{
	size_t have;

	if (fill(a, err) < 0)
		return -1;
	have = a->buf_n - a->buf_at;
	if (have == 0)
		return ss_fail(err, SS_EINPUT, "the ramdisk ends early, at byte %llu",
			       (unsigned long long)rt_archive_position(a));
	if (n < have)
		have = (size_t)n;
	*ret = (struct ss_span){ a->buf + a->buf_at, have };
	a->buf_at += have;
	return 0;
}

static int copy_out(struct rt_archive *a, uint8_t *p, size_t n, struct ss_err *err)
{
	while (n > 0) {
		struct ss_span s;

		if (take_some(a, n, &s, err) < 0)
			return -1;
		memcpy(p, s.p, s.n);
		p += s.n;
		n -= s.n;
	}
	return 0;
}

static int skip_pad(struct rt_archive *a, size_t n, struct ss_err *err)
{
	const uint64_t at = rt_archive_position(a);
	uint8_t pad[4] = { 0 };

	if (copy_out(a, pad, n, err) < 0)
		return -1;
	if ((pad[0] | pad[1] | pad[2] | pad[3]) != 0)
		return ss_fail(err, SS_EINPUT, "padding that is not zero, at byte %llu",
			       (unsigned long long)at);
	return 0;
}

int rt_archive_skip_zeros(struct rt_archive *a, struct ss_err *err)
{
	for (;;) {
		if (fill(a, err) < 0)
			return -1;
		if (a->buf_n == 0)
			return ss_fail(err, SS_EINPUT, "there is no archive");
		for (; a->buf_at < a->buf_n; a->buf_at++)
			if (a->buf[a->buf_at] != 0)
				return 0;
	}
}

static int check_tail(struct rt_archive *a, struct ss_err *err)
{
	for (;;) {
		if (fill(a, err) < 0)
			return -1;
		if (a->buf_n == 0)
			return 0;
		for (; a->buf_at < a->buf_n; a->buf_at++)
			if (a->buf[a->buf_at] != 0)
				return ss_fail(err, SS_EINPUT,
					       "bytes follow the archive's end, at byte %llu",
					       (unsigned long long)rt_archive_position(a));
	}
}

static int read_head(struct rt_archive *a, struct rt_member *m, struct ss_err *err)
{
	uint8_t raw[CPIO_HEADER_SIZE];
	uint8_t *name = a->names[a->turn ^ 1u];
	size_t n;

	m->at = rt_archive_position(a);
	if (copy_out(a, raw, sizeof(raw), err) < 0)
		return -1;
	if (cpio_header_read((struct ss_span){ raw, sizeof(raw) }, &m->e, &n, err) < 0 ||
	    copy_out(a, name, n, err) < 0 ||
	    cpio_name_read((struct ss_span){ name, n }, &m->e, err) < 0)
		return ss_ctx(err, "header at byte %llu", (unsigned long long)m->at);
	return skip_pad(a, cpio_pad(CPIO_HEADER_SIZE + n), err);
}

static int check_order(struct rt_archive *a, const struct rt_member *m, struct ss_err *err)
{
	const struct ss_span last = { a->names[a->turn], a->last_n };

	if (cpio_name_check(m->e.name, err) < 0)
		return -1;
	if (a->entries > 0 && !cpio_name_before(last, m->e.name))
		return ss_fail(err, SS_EINPUT, "stands behind '%s': out of order, or there twice",
			       SS_SHOW(last));
	return 0;
}

static int check_inode(struct rt_archive *a, struct rt_member *m, struct ss_err *err)
{
	const struct cpio_entry *e = &m->e;
	const bool is_dir = (e->mode & CPIO_TYPE_MASK) == CPIO_DIR;

	if (e->dev_major != 0 || e->dev_minor != 0)
		return ss_fail(err, SS_EINPUT, "is of device %u:%u, not 0:0", e->dev_major,
			       e->dev_minor);
	if (e->uid > MC_ID_MAX || e->gid > MC_ID_MAX)
		return ss_fail(err, SS_ELIMIT, "is owned by %u:%u; ids end at %u", e->uid, e->gid,
			       MC_ID_MAX);
	if (e->nlink == 0 || (is_dir && e->nlink != 2))
		return ss_fail(err, SS_EINPUT, "has %u links", e->nlink);
	m->is_link = e->ino > 0 && e->ino <= a->last_ino;
	if (m->is_link && (is_dir || e->size != 0 || e->nlink < 2))
		return ss_fail(err, SS_EINPUT, "repeats inode %u, but is no hard link", e->ino);
	if (m->is_link)
		return 0;
	if (e->ino != a->last_ino + 1)
		return ss_fail(err, SS_EINPUT, "has inode %u, not %u", e->ino, a->last_ino + 1);
	a->last_ino = e->ino;
	return cpio_entry_check(e, err);
}

int rt_archive_next(struct rt_archive *a, struct rt_member *ret, bool *ret_more, struct ss_err *err)
{
	struct rt_member m = { .is_link = false };

	if (read_head(a, &m, err) < 0)
		return -1;
	if (cpio_is_trailer(&m.e)) {
		if (cpio_trailer_check(&m.e, err) < 0 || check_tail(a, err) < 0)
			return -1;
		*ret_more = false;
		return 0;
	}
	if (check_order(a, &m, err) < 0 || check_inode(a, &m, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(m.e.name));
	a->turn ^= 1u;
	a->last_n = m.e.name.n;
	a->body_left = m.e.size;
	a->body_pad = cpio_pad(m.e.size);
	a->entries++;
	a->bytes += m.e.size;
	*ret = m;
	*ret_more = true;
	return 0;
}

int rt_archive_body(struct rt_archive *a, struct ss_span *ret, struct ss_err *err)
{
	const size_t pad = a->body_pad;
	struct ss_span s = { NULL, 0 };

	if (a->body_left > 0) {
		if (take_some(a, a->body_left, &s, err) < 0)
			return -1;
		a->body_left -= s.n;
	} else {
		a->body_pad = 0;
		if (skip_pad(a, pad, err) < 0)
			return -1;
	}
	*ret = s;
	return 0;
}

int rt_archive_reread(const struct rt_archive *a, uint64_t at, struct cpio_entry *ret,
		      uint8_t *name, struct ss_err *err)
{
	uint8_t raw[CPIO_HEADER_SIZE];
	size_t n;

	if (read_at(a->fd, at, raw, sizeof(raw), err) < 0 ||
	    cpio_header_read((struct ss_span){ raw, sizeof(raw) }, ret, &n, err) < 0 ||
	    read_at(a->fd, at + sizeof(raw), name, n, err) < 0)
		return -1;
	return cpio_name_read((struct ss_span){ name, n }, ret, err);
}

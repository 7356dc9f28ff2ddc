/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "base/mem.h"
#include "explain/ex_list.h"

#include <string.h>

/*
 * zip archives (jar, wheel, …) by their central directory: stored and deflated members of up to
 * 2^32 - 2 bytes. Others (zip64, encrypted, another method) are SS_EINPUT: then bytes are compared.
 */
#define END_SIZE 22u
#define CENTRAL_SIZE 46u
#define LOCAL_SIZE 30u
#define COMMENT_MAX 65535u
#define NAME_MAX_ 4095u
#define CENTRAL_MAX ((size_t)8 << 20)

static uint32_t le16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | le16(p + 2) << 16;
}

/* DOS has neither zone nor odd seconds; as if UTC. */
static int64_t dos_time(uint32_t date, uint32_t time)
{
	const struct ss_date d = { .year = 1980 + (int64_t)(date >> 9),
				   .month = (date >> 5 & 15) != 0 ? date >> 5 & 15 : 1,
				   .day = (date & 31) != 0 ? date & 31 : 1,
				   .hour = time >> 11,
				   .minute = time >> 5 & 63,
				   .second = (time & 31) * 2 };

	return ss_date_unix(&d);
}

/* The end record: the last one whose comment reaches exactly to the end. */
static int find_end(const struct ex_bytes *b, uint8_t ret[END_SIZE], struct ss_err *err)
{
	const uint64_t from = b->n > END_SIZE + COMMENT_MAX ? b->n - END_SIZE - COMMENT_MAX : 0;
	AUTO_FREE uint8_t *p = ss_calloc(END_SIZE + COMMENT_MAX, 1);
	size_t n;

	if (ex_read_some(b, from, p, END_SIZE + COMMENT_MAX, &n, err) < 0)
		return -1;
	for (size_t i = n; i >= END_SIZE; i--) {
		const uint8_t *e = p + i - END_SIZE;

		if (memcmp(e, "PK\005\006", 4) == 0 && le16(e + 20) == n - i) {
			memcpy(ret, e, END_SIZE);
			return 0;
		}
	}
	return ss_fail(err, SS_EINPUT, "zip: no end record");
}

static int place(const struct ex_bytes *b, const uint8_t *c, struct ex_entry *e, struct ss_err *err)
{
	const uint64_t local = le32(c + 42);
	uint8_t h[LOCAL_SIZE];

	e->n = le32(c + 20);
	e->size = le32(c + 24);
	if (e->n == UINT32_MAX || e->size == UINT32_MAX || local == UINT32_MAX ||
	    (le16(c + 8) & 1) != 0 || (le16(c + 10) != 0 && le16(c + 10) != 8))
		return ss_fail(err, SS_EINPUT, "zip: a member of a kind that is not read");
	if (ex_read(b, local, h, LOCAL_SIZE, err) < 0)
		return -1;
	e->at = local + LOCAL_SIZE + le16(h + 26) + le16(h + 28);
	if (memcmp(h, "PK\003\004", 4) != 0 || e->at > b->n || e->n > b->n - e->at)
		return ss_fail(err, SS_EINPUT, "zip: a member outside the file");
	e->at += b->at;
	e->id = b->id;
	return 0;
}

static int add(const struct ex_bytes *b, struct ex_list *l, const uint8_t *c, struct ss_err *err)
{
	const struct ss_span name = { c + CENTRAL_SIZE, le16(c + 28) };
	const uint32_t mode = c[5] == 3 ? le32(c + 38) >> 16 : 0; /* made by Unix */
	struct ex_entry e = { .mode = mode & 07777u,
			      .mtime = dos_time(le16(c + 14), le16(c + 12)),
			      .crc = le32(c + 16),
			      .packed = le16(c + 10) == 8 };

	e.mode |= name.n > 0 && name.p[name.n - 1] == '/' ? CPIO_DIR : CPIO_REG;
	if (name.n > NAME_MAX_)
		return ss_fail(err, SS_ELIMIT, "zip: a name of %zu bytes", name.n);
	if (place(b, c, &e, err) < 0)
		return -1;
	if (!e.packed)
		e.size = e.n;
	return ex_list_add(l, name, &e, err);
}

static int read_all(const struct ex_bytes *b, struct ex_list *l, struct ss_err *err)
{
	AUTO_FREE uint8_t *p = NULL;
	uint8_t end[END_SIZE];
	size_t n, at = 0;

	if (find_end(b, end, err) < 0)
		return -1;
	n = le32(end + 12);
	if (n > CENTRAL_MAX)
		return ss_fail(err, SS_ELIMIT, "zip: a directory of %zu bytes", n);
	p = ss_calloc(n + 1, 1);
	if (ex_read(b, le32(end + 16), p, n, err) < 0)
		return -1;
	while (n - at >= CENTRAL_SIZE) {
		const uint8_t *c = p + at;
		const size_t all =
			CENTRAL_SIZE + (size_t)le16(c + 28) + le16(c + 30) + le16(c + 32);

		if (memcmp(c, "PK\001\002", 4) != 0 || all > n - at)
			return ss_fail(err, SS_EINPUT, "zip: a broken directory");
		if (add(b, l, c, err) < 0)
			return -1;
		at += all;
	}
	return l->n == le16(end + 10) ? 0 : ss_fail(err, SS_EINPUT, "zip: members are missing");
}

int ex_list_zip(const struct ex_bytes *b, struct ex_list *ret, struct ss_err *err)
{
	AUTO_EX_LIST struct ex_list l = { 0 };

	ex_list_init(&l, EX_ZIP, b->src, EX_LIST_MEMBERS);
	if (read_all(b, &l, err) < 0)
		return -1;
	ex_list_end(&l);
	*ret = l;
	l = (struct ex_list){ 0 };
	return 0;
}

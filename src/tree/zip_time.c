/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "base/mem.h"
#include "tree/edit.h"
#include "tree/store.h"

#include <string.h>

/*
 * The times of the entries of *.jar, *.war, *.ear and *.zip := the epoch, in both of the places
 * where each stands and in the extra fields that repeat it; before 1980, where DOS begins, that
 * day. Before a byte is changed all entries have been looked at: names twice alike, in the order of
 * their bodies, none over another, so that no byte of a body is taken for a header. Left alone and
 * counted: what is signed (an .SF file in META-INF), encrypted (the time is part of the check) or
 * holds .pyc files (Python compares their time with the entry of the source), and forms that are
 * not read.
 */
#define END_N 22u
#define COMMENT_MAX 65535u
#define END64_N 56u
#define LOCATOR_N 20u
#define CENTRAL_N 46u
#define LOCAL_N 30u
#define NAMES_MAX ((size_t)2 * 65536) /* a name and its extra fields */
#define DOS_BEGINS 315532800u

enum verdict { IS_NONE, IS_LEFT, IS_FINE };

struct zip {
	struct tree_edit e;
	uint32_t epoch;
	uint8_t stamp[4];  /* time and date of DOS */
	uint64_t base;     /* where offsets count from: programs may stand before */
	uint64_t from, to; /* of the central directory */
	uint64_t entries;
	uint8_t *names; /* NAMES_MAX of the central entry, as much of the local one */
};

static uint64_t le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

static void put_le(uint8_t *p, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void dos_stamp(uint32_t epoch, uint8_t ret[4])
{
	const struct ss_date d = ss_date_of(epoch < DOS_BEGINS ? DOS_BEGINS : epoch);

	put_le(ret, 2, d.hour << 11 | d.minute << 5 | d.second / 2);
	put_le(ret + 2, 2, (unsigned)(d.year - 1980) << 9 | d.month << 5 | d.day);
}

/* --- the end, which says where the central directory is -------------------------------------- */

static bool take_ends(struct zip *z, uint64_t end, uint64_t size, uint64_t at, uint64_t entries)
{
	if (size > end || at > end - size)
		return false;
	z->base = end - size - at;
	z->from = end - size;
	z->to = end;
	z->entries = entries;
	return true;
}

/* The wider record in front, with more than 65535 entries; false if it is not understood. */
static int read_end64(struct zip *z, uint64_t end, bool *ret, struct ss_err *err)
{
	uint8_t h[END64_N + LOCATOR_N];

	*ret = false;
	if (end < sizeof(h))
		return 0;
	if (tree_edit_read(&z->e, end - sizeof(h), h, sizeof(h), err) < 0)
		return -1;
	*ret = le(h, 4) == 0x06064b50 && le(h + END64_N, 4) == 0x07064b50 &&
	       take_ends(z, end - sizeof(h), le(h + 40, 8), le(h + 48, 8), le(h + 32, 8));
	return 0;
}

static int read_end(struct zip *z, bool *ret, struct ss_err *err)
{
	const size_t n = z->e.size < END_N + COMMENT_MAX ? z->e.size : END_N + COMMENT_MAX;
	const uint64_t from = z->e.size - n;
	AUTO_FREE uint8_t *p = ss_calloc(n + 1, 1);

	*ret = false;
	if (n < END_N)
		return 0;
	if (tree_edit_read(&z->e, from, p, n, err) < 0)
		return -1;
	for (size_t i = n - END_N + 1; i > 0; i--) {
		const uint8_t *h = p + i - 1;
		const uint64_t at = from + i - 1;

		if (le(h, 4) != 0x06054b50 || le(h + 20, 2) != n - END_N - (i - 1))
			continue;
		if (le(h + 10, 2) == 0xffff || le(h + 12, 4) == UINT32_MAX ||
		    le(h + 16, 4) == UINT32_MAX)
			return read_end64(z, at, ret, err);
		*ret = take_ends(z, at, le(h + 12, 4), le(h + 16, 4), le(h + 10, 2));
		return 0;
	}
	return 0;
}

/* --- entries ---------------------------------------------------------------------------------- */

struct entry {
	uint64_t at; /* of the central header */
	uint64_t local;
	size_t name_n, extra_n, comment_n;
	size_t local_extra_n;
	uint64_t end; /* of its body */
	unsigned flags;
};

static bool is_like(const uint8_t *p, size_t n, const char *end)
{
	const size_t k = strlen(end);

	if (n < k)
		return false;
	for (size_t i = 0; i < k; i++) {
		const uint8_t c = p[n - k + i];

		if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != (uint8_t)end[i])
			return false;
	}
	return true;
}

static bool is_left_alone(const struct zip *z, const struct entry *x)
{
	static const char meta[] = "META-INF/";
	const size_t n = sizeof(meta) - 1;

	if ((x->flags & 1) != 0 || is_like(z->names, x->name_n, ".PYC"))
		return true;
	return x->name_n > n && is_like(z->names, n, meta) && is_like(z->names, x->name_n, ".SF");
}

static int read_central(struct zip *z, struct entry *x, enum verdict *ret, struct ss_err *err)
{
	uint8_t h[CENTRAL_N];

	*ret = IS_NONE;
	if (z->to - x->at < CENTRAL_N)
		return 0;
	if (tree_edit_read(&z->e, x->at, h, sizeof(h), err) < 0)
		return -1;
	x->flags = (unsigned)le(h + 8, 2);
	x->name_n = (size_t)le(h + 28, 2);
	x->extra_n = (size_t)le(h + 30, 2);
	x->comment_n = (size_t)le(h + 32, 2);
	x->local = z->base + le(h + 42, 4);
	x->end = le(h + 20, 4); /* of its own, so far */
	if (le(h, 4) != 0x02014b50 ||
	    x->name_n + x->extra_n + x->comment_n > z->to - x->at - CENTRAL_N)
		return 0;
	if (tree_edit_read(&z->e, x->at + CENTRAL_N, z->names, x->name_n + x->extra_n, err) < 0)
		return -1;
	*ret = IS_FINE;
	if (le(h + 42, 4) == UINT32_MAX || le(h + 20, 4) == UINT32_MAX || is_left_alone(z, x))
		*ret = IS_LEFT;
	return 0;
}

static int read_local(struct zip *z, struct entry *x, uint64_t *last, enum verdict *ret,
		      struct ss_err *err)
{
	uint8_t *names = z->names + NAMES_MAX;
	uint8_t h[LOCAL_N];
	size_t n;

	*ret = IS_NONE;
	if (x->local > z->from || z->from - x->local < LOCAL_N)
		return 0;
	if (tree_edit_read(&z->e, x->local, h, sizeof(h), err) < 0)
		return -1;
	n = (size_t)le(h + 26, 2);
	x->local_extra_n = (size_t)le(h + 28, 2);
	if (le(h, 4) != 0x04034b50 || n != x->name_n ||
	    LOCAL_N + n + x->local_extra_n + x->end > z->from - x->local)
		return 0;
	if (tree_edit_read(&z->e, x->local + LOCAL_N, names, n + x->local_extra_n, err) < 0)
		return -1;
	if (memcmp(names, z->names, n) != 0)
		return 0;
	*ret = x->local < *last ? IS_LEFT : IS_FINE;
	*last = x->local + LOCAL_N + n + x->local_extra_n + x->end;
	return 0;
}

/* --- the times -------------------------------------------------------------------------------- */

static void put_filetimes(const struct zip *z, uint8_t *p, size_t n)
{
	/* After four reserved bytes, attributes; the first has three times, of 100 ns since 1601.
	 */
	for (size_t at = 4; n >= 4 && n - at >= 4;) {
		const uint64_t tag = le(p + at, 2);
		const size_t size = (size_t)le(p + at + 2, 2);

		if (size > n - at - 4)
			return;
		for (size_t i = 0; tag == 1 && i + 8 <= size; i += 8)
			put_le(p + at + 4 + i, 8, (z->epoch + 11644473600u) * 10000000u);
		at += 4 + size;
	}
}

/* Extra fields, each an id, a size and that many bytes, changed in memory. */
static void fix_extras(const struct zip *z, uint8_t *p, size_t n)
{
	for (size_t at = 0; n - at >= 4;) {
		const uint64_t id = le(p + at, 2);
		const size_t size = (size_t)le(p + at + 2, 2);
		uint8_t *body = p + at + 4;

		if (size > n - at - 4)
			return;
		for (size_t i = 1; id == 0x5455 && i + 4 <= size; i += 4)
			put_le(body + i, 4, z->epoch);
		for (size_t i = 0; id == 0x5855 && i + 4 <= size && i < 8; i += 4)
			put_le(body + i, 4, z->epoch);
		if (id == 0x000a)
			put_filetimes(z, body, size);
		at += 4 + size;
	}
}

static int put_entry(struct zip *z, const struct entry *x, struct ss_err *err)
{
	uint8_t *extra = z->names + x->name_n;
	uint8_t *local = z->names + NAMES_MAX + x->name_n;

	fix_extras(z, extra, x->extra_n);
	fix_extras(z, local, x->local_extra_n);
	if (tree_edit_put(&z->e, x->at + 12, z->stamp, 4, err) < 0 ||
	    tree_edit_put(&z->e, x->local + 10, z->stamp, 4, err) < 0)
		return -1;
	if (tree_edit_put(&z->e, x->at + CENTRAL_N + x->name_n, extra, x->extra_n, err) < 0)
		return -1;
	return tree_edit_put(&z->e, x->local + LOCAL_N + x->name_n, local, x->local_extra_n, err);
}

/* All entries. The edit is a dry one the first time. */
static int walk(struct zip *z, enum verdict *ret, struct ss_err *err)
{
	struct entry x = { .at = z->from };
	bool left = false;
	uint64_t last = 0;

	for (uint64_t i = 0; i < z->entries; i++) {
		if (read_central(z, &x, ret, err) < 0)
			return -1;
		left = left || *ret == IS_LEFT;
		if (*ret == IS_FINE && read_local(z, &x, &last, ret, err) < 0)
			return -1;
		if (*ret == IS_NONE)
			return 0;
		left = left || *ret == IS_LEFT;
		if (!left && put_entry(z, &x, err) < 0)
			return -1;
		x.at += CENTRAL_N + x.name_n + x.extra_n + x.comment_n;
	}
	*ret = left ? IS_LEFT : x.at == z->to ? IS_FINE : IS_NONE;
	return 0;
}

static int fix_one(struct zip *z, struct tree_normalised *n, struct ss_err *err)
{
	enum verdict v;
	bool is_zip;

	if (read_end(z, &is_zip, err) < 0)
		return -1;
	if (!is_zip)
		return 0;
	z->e.dry = true;
	if (walk(z, &v, err) < 0)
		return -1;
	if (v == IS_LEFT || (v == IS_FINE && z->e.wanted && tree_is_vouched(z->e.t, z->e.id)))
		n->kept++;
	else if (v == IS_FINE && z->e.wanted) {
		z->e.dry = false;
		if (walk(z, &v, err) < 0)
			return -1;
		tree_edit_end(&z->e, n);
	}
	return 0;
}

int tree_fix_zip(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	static const char *const ends[] = { ".jar", ".war", ".ear", ".zip" };
	AUTO_FREE uint8_t *names = ss_calloc(2, NAMES_MAX);
	struct zip z = { .epoch = epoch, .names = names };

	dos_stamp(epoch, z.stamp);
	for (tree_id id = 1; id < t->n_names; id++)
		for (size_t i = 0; i < SS_NELEMS(ends); i++) {
			if (!tree_is_file_named(t, id, ends[i]))
				continue;
			z.e = tree_edit_init(t, id);
			if (fix_one(&z, n, err) < 0)
				return -1;
		}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/edit.h"
#include "tree/sha1.h"
#include "tree/store.h"

#include <string.h>

/*
 * In the index of a git repository (files named `index`, versions 2 to 4) what stat said of each
 * file, so that git need not read it again: change and modification time, device and inode number
 * := 0. None of it is true in an image, where files have other times and numbers: git looks at the
 * files themselves, as it does in a fresh clone that was copied. Size, mode and owner stay.
 *
 * Before a byte is changed the whole file has been walked, and its checksum was right: with a
 * repository of SHA-256 it is not. Left alone, and counted, is one that has extensions which keep
 * more of the same kind (untracked cache, file system monitor) or only a part (split index).
 */
#define HEAD 12u
#define SMALLEST (HEAD + TREE_SHA1_SIZE)
#define ENTRY 62u  /* up to the name, but for the flags of version 3 */
#define STAT_N 24u /* two times of 8 bytes, device, inode */
#define FLAGS_AT 60u
#define EXTENDED 0x4000u
#define NAME_MASK 0xfffu
#define BLOCK 4096u

struct index {
	struct tree_edit e;
	uint64_t end; /* of all but the checksum */
	uint64_t at;
	unsigned version;
	struct tree_sha1 sum; /* of what has been walked, as it becomes */
};

enum verdict { IS_NONE, IS_MORE, IS_FINE };

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The next n bytes; *ret_short if there are not so many. */
static int next(struct index *x, uint8_t *p, size_t n, bool *ret_short, struct ss_err *err)
{
	*ret_short = n > x->end - x->at;
	if (*ret_short)
		return 0;
	if (tree_edit_read(&x->e, x->at, p, n, err) < 0)
		return -1;
	x->at += n;
	return 0;
}

static int pass(struct index *x, uint64_t n, bool *ret_short, struct ss_err *err)
{
	uint8_t block[BLOCK];

	*ret_short = n > x->end - x->at;
	while (n > 0 && !*ret_short) {
		const size_t one = n < sizeof(block) ? (size_t)n : sizeof(block);

		if (next(x, block, one, ret_short, err) < 0)
			return -1;
		tree_sha1_put(&x->sum, block, one);
		n -= one;
	}
	return 0;
}

/* A name and the zero behind it, byte by byte: in version 4, and where it is a long one. */
static int pass_text(struct index *x, uint64_t *ret_n, bool *ret_short, struct ss_err *err)
{
	uint8_t c = 1;

	for (*ret_n = 0; c != 0; ++*ret_n) {
		if (next(x, &c, 1, ret_short, err) < 0)
			return -1;
		if (*ret_short)
			return 0;
		tree_sha1_put(&x->sum, &c, 1);
	}
	return 0;
}

/* Behind the fixed part of an entry: the name, and in versions before 4 zeros up to a multiple of
 * eight bytes from where the entry began. */
static int pass_name(struct index *x, uint64_t begin, unsigned flags, bool *ret_short,
		     struct ss_err *err)
{
	uint64_t n;
	uint8_t c = 0x80;

	if (x->version == 4) {
		while ((c & 0x80) != 0) { /* how many bytes of the last name go */
			if (next(x, &c, 1, ret_short, err) < 0)
				return -1;
			if (*ret_short)
				return 0;
			tree_sha1_put(&x->sum, &c, 1);
		}
		return pass_text(x, &n, ret_short, err);
	}
	if ((flags & NAME_MASK) < NAME_MASK)
		return pass(x,
			    ((x->at - begin + (flags & NAME_MASK) + 8) & ~UINT64_C(7)) -
				    (x->at - begin),
			    ret_short, err);
	if (pass_text(x, &n, ret_short, err) < 0)
		return -1;
	return *ret_short ? 0 : pass(x, (8 - (x->at - begin) % 8) % 8, ret_short, err);
}

static int walk_entry(struct index *x, bool *ret_short, struct ss_err *err)
{
	static const uint8_t none[STAT_N];
	const uint64_t begin = x->at;
	uint8_t h[ENTRY] = { 0 };
	unsigned flags;

	if (next(x, h, sizeof(h), ret_short, err) < 0)
		return -1;
	if (*ret_short)
		return 0;
	flags = (unsigned)h[FLAGS_AT] << 8 | h[FLAGS_AT + 1];
	if (tree_edit_put(&x->e, begin, none, sizeof(none), err) < 0)
		return -1;
	memset(h, 0, STAT_N);
	tree_sha1_put(&x->sum, h, sizeof(h));
	if (x->version >= 3 && (flags & EXTENDED) != 0) {
		if (pass(x, 2, ret_short, err) < 0)
			return -1;
		if (*ret_short)
			return 0;
	}
	return pass_name(x, begin, flags, ret_short, err);
}

/* Each has four letters and a size. */
static int walk_extensions(struct index *x, enum verdict *ret, struct ss_err *err)
{
	static const char *const more[] = { "UNTR", "FSMN", "link" };
	bool is_short = false;
	uint8_t h[8] = { 0 };

	*ret = IS_FINE;
	while (x->at < x->end) {
		if (next(x, h, sizeof(h), &is_short, err) < 0)
			return -1;
		if (is_short)
			break;
		tree_sha1_put(&x->sum, h, sizeof(h));
		for (size_t i = 0; i < SS_NELEMS(more); i++)
			if (memcmp(h, more[i], 4) == 0)
				*ret = IS_MORE;
		if (pass(x, be32(h + 4), &is_short, err) < 0)
			return -1;
		if (is_short)
			break;
	}
	if (is_short)
		*ret = IS_NONE;
	return 0;
}

/* All of it, in order. The edit is a dry one the first time. */
static int walk(struct index *x, enum verdict *ret, struct ss_err *err)
{
	bool is_short = false;
	uint8_t h[HEAD] = { 0 };

	*ret = IS_NONE;
	x->at = 0;
	tree_sha1_init(&x->sum);
	if (next(x, h, sizeof(h), &is_short, err) < 0)
		return -1;
	x->version = be32(h + 4);
	if (memcmp(h, "DIRC", 4) != 0 || x->version < 2 || x->version > 4)
		return 0;
	tree_sha1_put(&x->sum, h, sizeof(h));
	for (uint32_t i = be32(h + 8); i > 0; i--) {
		if (walk_entry(x, &is_short, err) < 0)
			return -1;
		if (is_short)
			return 0;
	}
	return walk_extensions(x, ret, err);
}

static int is_whole(const struct tree_edit *e, bool *ret, struct ss_err *err)
{
	uint8_t block[BLOCK], want[TREE_SHA1_SIZE], sum[TREE_SHA1_SIZE];
	const uint64_t end = e->size - TREE_SHA1_SIZE;
	struct tree_sha1 s;

	tree_sha1_init(&s);
	for (uint64_t at = 0; at < end;) {
		const size_t n = end - at < sizeof(block) ? (size_t)(end - at) : sizeof(block);

		if (tree_edit_read(e, at, block, n, err) < 0)
			return -1;
		tree_sha1_put(&s, block, n);
		at += n;
	}
	tree_sha1_end(&s, sum);
	if (tree_edit_read(e, end, want, sizeof(want), err) < 0)
		return -1;
	*ret = memcmp(sum, want, sizeof(sum)) == 0;
	return 0;
}

static int fix_one(struct tree *t, tree_id id, struct tree_normalised *n, struct ss_err *err)
{
	struct index x = { .e = tree_edit_init(t, id) };
	uint8_t sum[TREE_SHA1_SIZE];
	enum verdict v;
	bool whole;

	if (x.e.size < SMALLEST)
		return 0;
	x.end = x.e.size - TREE_SHA1_SIZE;
	x.e.dry = true;
	if (walk(&x, &v, err) < 0)
		return -1;
	if (v == IS_NONE || (v == IS_FINE && !x.e.wanted))
		return 0;
	if (is_whole(&x.e, &whole, err) < 0)
		return -1;
	if (!whole)
		return 0;
	if (v == IS_MORE) {
		n->kept++;
		return 0;
	}
	x.e.dry = false;
	if (walk(&x, &v, err) < 0)
		return -1;
	tree_sha1_end(&x.sum, sum);
	if (tree_edit_put(&x.e, x.end, sum, sizeof(sum), err) < 0)
		return -1;
	tree_edit_end(&x.e, n);
	return 0;
}

int tree_fix_git(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	(void)epoch;
	for (tree_id id = 1; id < t->n_names; id++) {
		struct ss_span s;

		/* a name is longer than what it is said to end with */
		if (!tree_is_file_named(t, id, "ndex"))
			continue;
		s = tree_name(t, id);
		if (s.n == strlen("index") && s.p[0] == 'i' && fix_one(t, id, n, err) < 0)
			return -1;
	}
	return 0;
}

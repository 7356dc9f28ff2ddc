/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/edit.h"
#include "tree/store.h"

#include <string.h>

/*
 * Date and owner of the members of *.a := 0, as `ar D` writes them. Before a byte is changed the
 * whole archive has been walked: what is not one to its end stays as it is. Left alone are thin
 * archives, and those of BSD's form ("#1/", "__.SYMDEF"), where a linker compares the date of the
 * index.
 */
#define MAGIC_N 8u
#define HEAD 60u
#define MEMBERS_MAX (1u << 20)

struct field {
	size_t at;
	size_t n;
};
static const struct field date = { 16, 12 }, uid = { 28, 6 }, gid = { 34, 6 },
			  size_field = { 48, 10 };

/* A decimal number and spaces behind it; false if it is something else. */
static bool number(const uint8_t *h, struct field f, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < f.n && h[f.at + i] >= '0' && h[f.at + i] <= '9'; i++)
		v = v * 10 + (uint64_t)(h[f.at + i] - '0');
	for (; i < f.n; i++)
		if (h[f.at + i] != ' ')
			return false;
	*ret = v;
	return true;
}

/* The index ("/", "/SYM64/") and the long names ("//") have blanks where others have numbers, and
 * `ar D` leaves these. */
static int put_zero(struct tree_edit *e, uint64_t at, const uint8_t *h, struct field f,
		    struct ss_err *err)
{
	uint8_t zero[12];

	if (h[f.at] == ' ')
		return 0;
	memset(zero, ' ', sizeof(zero));
	zero[0] = '0';
	return tree_edit_put(e, at + f.at, zero, f.n, err);
}

static int put_zeros(struct tree_edit *e, uint64_t at, const uint8_t *h, struct ss_err *err)
{
	if (put_zero(e, at, h, date, err) < 0 || put_zero(e, at, h, uid, err) < 0)
		return -1;
	return put_zero(e, at, h, gid, err);
}

static bool is_header(const uint8_t h[HEAD], uint64_t *ret_n)
{
	uint64_t v;

	return h[58] == '`' && h[59] == '\n' && number(h, date, &v) && number(h, uid, &v) &&
	       number(h, gid, &v) && h[size_field.at] != ' ' && number(h, size_field, ret_n);
}

enum verdict { IS_NONE, IS_BSD, IS_FINE };

/* Every member's header, in order. The edit is a dry one the first time. */
static int walk(struct tree_edit *e, enum verdict *ret, struct ss_err *err)
{
	uint64_t at = MAGIC_N;

	*ret = IS_NONE;
	for (unsigned i = 0; at < e->size; i++) {
		uint8_t h[HEAD];
		uint64_t n;

		if (e->size - at < HEAD || i == MEMBERS_MAX)
			return 0;
		if (tree_edit_read(e, at, h, HEAD, err) < 0)
			return -1;
		if (!is_header(h, &n) || n > e->size - at - HEAD)
			return 0;
		if (memcmp(h, "#1/", 3) == 0 || memcmp(h, "__.SYMDEF", 9) == 0) {
			*ret = IS_BSD;
			return 0;
		}
		if (put_zeros(e, at, h, err) < 0)
			return -1;
		at += HEAD + n + n % 2;
	}
	*ret = IS_FINE;
	return 0;
}

static int fix_one(struct tree *t, tree_id id, struct tree_normalised *n, struct ss_err *err)
{
	struct tree_edit e = tree_edit_init(t, id);
	uint8_t magic[MAGIC_N];
	enum verdict v;

	if (e.size <= MAGIC_N)
		return 0;
	if (tree_edit_read(&e, 0, magic, MAGIC_N, err) < 0)
		return -1;
	if (memcmp(magic, "!<arch>\n", MAGIC_N) != 0)
		return 0;
	e.dry = true;
	if (walk(&e, &v, err) < 0)
		return -1;
	if (v == IS_BSD || (v == IS_FINE && e.wanted && tree_is_vouched(t, id))) {
		n->kept++;
	} else if (v == IS_FINE && e.wanted) {
		e.dry = false;
		if (walk(&e, &v, err) < 0)
			return -1;
		tree_edit_end(&e, n);
	}
	return 0;
}

int tree_fix_ar(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	(void)epoch;
	for (tree_id id = 1; id < t->n_names; id++)
		if (tree_is_file_named(t, id, ".a") && fix_one(t, id, n, err) < 0)
			return -1;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "explain/elf.h"

#include <stdio.h>

#define NOTES_SIZE ((size_t)64 * 1024) /* of a section; real ones have some hundred bytes */
#define NOTES_MAX 64u
#define SHOWN_BYTES 32u

/* Types of the owner "GNU" that mean the same everywhere. */
#define GNU_ABI 1u
#define GNU_BUILD_ID 3u

struct note {
	struct ss_span owner; /* without its NUL */
	struct ss_span desc;
	uint32_t type;
	bool seen;
};

struct notes {
	uint8_t *raw;
	struct note v[NOTES_MAX];
	size_t n;
};

static void notes_done(struct notes *x)
{
	free(x->raw);
}

/* Takes `n` bytes and what pads them off *s; false if they are not there. What pads the last may be
 * missing. */
static bool take(struct ss_span *s, uint64_t n, size_t align, struct ss_span *ret)
{
	const uint64_t padded = (n + align - 1) / align * align;
	const size_t skip = padded < s->n ? (size_t)padded : s->n;

	if (n > s->n)
		return false;
	*ret = (struct ss_span){ s->p, (size_t)n };
	*s = (struct ss_span){ s->p + skip, s->n - skip };
	return true;
}

/* The owner's padding is always to four bytes behind the head of twelve; with an alignment of
 * eight, what follows begins at the next eight of the section. */
static bool read_note(const struct elf *e, struct ss_span *s, size_t align, struct note *ret)
{
	struct ss_span head, both;
	uint64_t owner_n, desc_n;

	if (!take(s, 12, 4, &head))
		return false;
	owner_n = elf_num(e, head.p, 4);
	desc_n = elf_num(e, head.p + 4, 4);
	ret->type = (uint32_t)elf_num(e, head.p + 8, 4);
	/* Head and owner together are padded: 12 is no multiple of 8. */
	both = (struct ss_span){ head.p, s->n + 12 };
	if (owner_n > s->n || !take(&both, 12 + owner_n, align, &head) ||
	    !take(&both, desc_n, align, &ret->desc))
		return false;
	*s = both;
	ret->owner = (struct ss_span){ head.p + 12, (size_t)owner_n };
	if (owner_n > 0 && ret->owner.p[owner_n - 1] == '\0')
		ret->owner.n--;
	return true;
}

static int read_notes(const struct elf *e, const struct elf_section *s, struct notes *ret,
		      bool *ret_ok, struct ss_err *err)
{
	struct ss_span left;

	*ret_ok = false;
	if (s->n == 0 || s->n > NOTES_SIZE)
		return 0;
	ret->raw = ss_calloc((size_t)s->n, 1);
	if (ex_read(&e->b, s->at, ret->raw, (size_t)s->n, err) < 0)
		return -1;
	left = (struct ss_span){ ret->raw, (size_t)s->n };
	while (left.n > 0) {
		if (ret->n == NOTES_MAX ||
		    !read_note(e, &left, s->align == 8 ? 8 : 4, &ret->v[ret->n]))
			return 0;
		ret->n++;
	}
	*ret_ok = true;
	return 0;
}

static struct note *find(struct notes *in, const struct note *like)
{
	for (size_t i = 0; i < in->n; i++)
		if (!in->v[i].seen && in->v[i].type == like->type &&
		    ss_same(in->v[i].owner, like->owner))
			return &in->v[i];
	return NULL;
}

static bool is_gnu(const struct note *n, uint32_t type)
{
	return ss_is(n->owner, "GNU") && n->type == type;
}

static bool is_shown_as_text(const struct note *n)
{
	if (ss_is(n->owner, "GNU") || n->desc.n == 0)
		return false;
	for (size_t i = 0; i < n->desc.n; i++)
		if ((n->desc.p[i] < ' ' && n->desc.p[i] != '\n') || n->desc.p[i] == 0x7f)
			return false;
	return ss_is_text(n->desc);
}

static enum ex_cause cause_of(const struct note *a, const struct note *b)
{
	struct ss_span x = a->desc;
	struct ss_span y = b->desc;

	if (ss_is(a->owner, "Go") || is_gnu(a, GNU_BUILD_ID))
		return EX_TOOL_BUILD_ID;
	if (is_gnu(a, GNU_ABI))
		return EX_TOOL_COMPILER;
	if (!is_shown_as_text(a) || !is_shown_as_text(b))
		return EX_UNKNOWN;
	ex_narrow(&x, &y);
	return ex_cause_of_values(x, y);
}

static void name_of(const struct note *n, char *ret, size_t size)
{
	struct ss_shown owner;

	if (is_gnu(n, GNU_BUILD_ID))
		(void)snprintf(ret, size, "note: build id");
	else
		(void)snprintf(ret, size, "note of %s, type 0x%x", ss_show(n->owner, &owner),
			       n->type);
}

static void tell(struct elf_two *t, const struct note *a, const struct note *b)
{
	char where[SS_SHOWN_MAX + 64];
	char x[2 * SHOWN_BYTES + 1];
	char y[2 * SHOWN_BYTES + 1];
	struct ss_span u = a->desc;
	struct ss_span v = b->desc;

	if (t->told++ >= EX_LINES)
		return;
	name_of(a, where, sizeof(where));
	if (is_shown_as_text(a) && is_shown_as_text(b)) {
		ex_say_content(t->r, t->p, cause_of(a, b), where, u, v);
		return;
	}
	u.n = u.n < SHOWN_BYTES ? u.n : SHOWN_BYTES;
	v.n = v.n < SHOWN_BYTES ? v.n : SHOWN_BYTES;
	ss_hex(u, x);
	ss_hex(v, y);
	ex_say_text(t->r, t->p, cause_of(a, b), where, x, y);
}

static void tell_alone(struct elf_two *t, const struct note *n, bool removed)
{
	static const struct ss_span none = { NULL, 0 };
	char where[SS_SHOWN_MAX + 64];

	if (t->told++ >= EX_LINES)
		return;
	name_of(n, where, sizeof(where));
	ex_say_content(t->r, t->p, EX_UNKNOWN,
		       removed ? "a note that only the first has"
			       : "a note that only the second has",
		       removed ? ex_text(where) : none, removed ? none : ex_text(where));
}

int ex_elf_notes(struct elf_two *t, const struct elf_section *s, const struct elf_section *u,
		 bool *ret_done, struct ss_err *err)
{
	SS_CLEANUP(notes_done) struct notes a = { .n = 0 };
	SS_CLEANUP(notes_done) struct notes b = { .n = 0 };
	const size_t told = t->told;
	bool a_ok, b_ok;

	if (read_notes(t->a, s, &a, &a_ok, err) < 0 || read_notes(t->b, u, &b, &b_ok, err) < 0)
		return -1;
	if (!a_ok || !b_ok)
		return 0;
	for (size_t i = 0; i < a.n; i++) {
		struct note *other = find(&b, &a.v[i]);

		if (other == NULL) {
			tell_alone(t, &a.v[i], true);
			continue;
		}
		other->seen = true;
		if (!ss_same(a.v[i].desc, other->desc))
			tell(t, &a.v[i], other);
	}
	for (size_t j = 0; j < b.n; j++)
		if (!b.v[j].seen)
			tell_alone(t, &b.v[j], false);
	*ret_done = t->told != told;
	return 0;
}

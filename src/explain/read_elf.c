/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/mem.h"
#include "base/text.h"
#include "explain/elf.h"

#include <stdio.h>
#include <string.h>

/*
 * ELF, 32 and 64 bits, either byte order: section by section, by name. A difference inside a text
 * that the section holds is told as that text: there stand dates, folders and versions. The build
 * id is the hash of all the rest, so it is told only where nothing else differs.
 */
#define SECTIONS_MAX 4096u
#define NAMES_MAX ((size_t)1 << 20)
#define NAME_SIZE 256u /* of a name that is looked at: it is compared with every other */
#define RANGES 4u      /* told of one section */
#define TEXT_MAX 160u

static void elf_done(struct elf *e)
{
	free(e->v);
	free(e->names);
}

/* Where a header of either width has its fields. */
struct layout {
	size_t header, table_at, entry_size, entry_n, names_at;
	size_t word, entry, offset, size, link, align;
};
static const struct layout layouts[2] = {
	{ 52, 32, 46, 48, 50, 4, 40, 16, 20, 24, 32 },
	{ 64, 40, 58, 60, 62, 8, 64, 24, 32, 40, 48 },
};

static int load_names(struct elf *e, const struct elf_section *s, struct ss_err *err)
{
	if (s->n > NAMES_MAX)
		return ss_fail(err, SS_ELIMIT, "ELF: %llu bytes of names",
			       (unsigned long long)s->n);
	e->names = ss_calloc((size_t)s->n + 1, 1);
	return ex_read(&e->b, s->at, e->names, (size_t)s->n, err);
}

static void name_them(struct elf *e, const uint8_t *raw, const struct layout *l, size_t names_n)
{
	for (size_t i = 0; i < e->n; i++) {
		const size_t at = (size_t)elf_num(e, raw + i * l->entry, 4);

		if (at < names_n)
			e->v[i].name =
				(struct ss_span){ e->names + at,
						  strnlen((char *)e->names + at, NAME_SIZE) };
	}
}

static int read_sections(struct elf *e, const uint8_t *h, const struct layout *l,
			 struct ss_err *err)
{
	AUTO_FREE uint8_t *raw = NULL;
	const uint64_t at = elf_num(e, h + l->table_at, l->word);
	const size_t names = (size_t)elf_num(e, h + l->names_at, 2);

	e->n = (size_t)elf_num(e, h + l->entry_n, 2);
	if (elf_num(e, h + l->entry_size, 2) != l->entry || e->n > SECTIONS_MAX || names >= e->n)
		return ss_fail(err, SS_EINPUT, "ELF: no table of sections that is read");
	raw = ss_calloc(e->n, l->entry);
	e->v = ss_calloc(e->n, sizeof(*e->v));
	if (ex_read(&e->b, at, raw, e->n * l->entry, err) < 0)
		return -1;
	for (size_t i = 0; i < e->n; i++) {
		const uint8_t *s = raw + i * l->entry;
		struct elf_section *to = &e->v[i];

		to->type = (uint32_t)elf_num(e, s + 4, 4);
		to->link = (uint32_t)elf_num(e, s + l->link, 4);
		to->align = elf_num(e, s + l->align, l->word);
		to->at = elf_num(e, s + l->offset, l->word);
		to->n = to->type == 0 || to->type == 8
				? 0
				: elf_num(e, s + l->size, l->word); /* NOBITS */
		if (to->n > e->b.n || to->at > e->b.n - to->n)
			return ss_fail(err, SS_EINPUT, "ELF: section %zu lies outside", i);
	}
	if (load_names(e, &e->v[names], err) < 0)
		return -1;
	name_them(e, raw, l, (size_t)e->v[names].n);
	return 0;
}

static int elf_read(const struct ex_bytes *b, struct elf *e, struct ss_err *err)
{
	uint8_t h[64] = { 0 };
	size_t n;

	e->b = *b;
	if (ex_read_some(b, 0, h, sizeof(h), &n, err) < 0)
		return -1;
	if (n < sizeof(h) || memcmp(h, "\177ELF", 4) != 0 || (h[5] != 1 && h[5] != 2) ||
	    (h[4] != 1 && h[4] != 2))
		return ss_fail(err, SS_EINPUT, "not an ELF file");
	e->wide = h[4] == 2;
	e->big = h[5] == 2;
	return read_sections(e, h, &layouts[h[4] - 1], err);
}

static bool is_printable(uint8_t c)
{
	return (c >= ' ' && c < 0x7f) || c == '\t' || c == '\n';
}

/* The text around byte `at` of a section, at most TEXT_MAX bytes; empty if there is none. */
static int text_at(const struct elf *e, const struct elf_section *s, uint64_t at,
		   uint8_t buf[TEXT_MAX], struct ss_span *ret, struct ss_err *err)
{
	const uint64_t from = at > TEXT_MAX / 2 ? at - TEXT_MAX / 2 : 0;
	size_t n = s->n - from < TEXT_MAX ? (size_t)(s->n - from) : TEXT_MAX;
	size_t i = (size_t)(at - from);
	size_t end = i;

	if (ex_read(&e->b, s->at + from, buf, n, err) < 0)
		return -1;
	while (i > 0 && is_printable(buf[i - 1]))
		i--;
	while (end < n && is_printable(buf[end]))
		end++;
	*ret = (struct ss_span){ buf + i, end - i };
	return 0;
}

static enum ex_cause cause_of(const struct elf_section *s, struct ss_span a, struct ss_span b)
{
	enum ex_cause c;

	if (ss_is(s->name, ".comment"))
		return EX_TOOL_COMPILER;
	if (ss_is(s->name, ".gnu_debuglink") || ss_is(s->name, ".note.go.buildid"))
		return EX_TOOL_BUILD_ID;
	if (a.n < 4 || b.n < 4)
		return EX_UNKNOWN;
	ex_narrow(&a, &b);
	c = ex_cause_of_values(a, b);
	return c == EX_TIME_TEXT ? EX_TIME_COMPILED : c;
}

static int tell_range(struct elf_two *t, const struct elf_section *s, const struct elf_section *u,
		      uint64_t at, struct ss_err *err)
{
	uint8_t x[TEXT_MAX];
	uint8_t y[TEXT_MAX];
	char hex_x[33];
	char hex_y[33];
	char where[96];
	struct ss_span a, b;
	enum ex_cause cause;

	if (text_at(t->a, s, at, x, &a, err) < 0 || text_at(t->b, u, at, y, &b, err) < 0)
		return -1;
	cause = cause_of(s, a, b);
	(void)snprintf(where, sizeof(where), "section %.*s, byte %llu",
		       (int)(s->name.n < 40 ? s->name.n : 40), (const char *)s->name.p,
		       (unsigned long long)at);
	if (a.n >= 4 && b.n >= 4) {
		ex_say_content(t->r, t->p, cause, where, a, b);
		return 0;
	}
	a.n = s->n - at < 16 ? (size_t)(s->n - at) : 16;
	b.n = u->n - at < 16 ? (size_t)(u->n - at) : 16;
	if (ex_read(&t->a->b, s->at + at, x, a.n, err) < 0 ||
	    ex_read(&t->b->b, u->at + at, y, b.n, err) < 0)
		return -1;
	ss_hex((struct ss_span){ x, a.n }, hex_x);
	ss_hex((struct ss_span){ y, b.n }, hex_y);
	ex_say_text(t->r, t->p, cause, where, hex_x, hex_y);
	return 0;
}

static int compare_section(struct elf_two *t, const struct elf_section *s,
			   const struct elf_section *u, struct ss_err *err)
{
	const struct ex_bytes x = ex_part(&t->a->b, s->at, s->n);
	const struct ex_bytes y = ex_part(&t->b->b, u->at, u->n);
	uint64_t at = 0;
	bool same;

	for (size_t i = 0; i < RANGES; i++) {
		if (ex_first_difference(&x, &y, at, &at, &same, err) < 0)
			return -1;
		if (same)
			return 0;
		t->told++;
		if (at >= x.n || at >= y.n) {
			char where[96];

			(void)snprintf(where, sizeof(where), "section %.*s: %llu and %llu bytes",
				       (int)(s->name.n < 40 ? s->name.n : 40),
				       (const char *)s->name.p, (unsigned long long)s->n,
				       (unsigned long long)u->n);
			ex_say_text(t->r, t->p,
				    ss_is(s->name, ".comment") ? EX_TOOL_COMPILER : EX_UNKNOWN,
				    where, "", "");
			return 0;
		}
		if (tell_range(t, s, u, at, err) < 0)
			return -1;
		if (x.n != y.n) /* what follows a shift differs everywhere */
			return 0;
		at += 64; /* the same text is told once */
	}
	return 0;
}

static struct elf_section *find(const struct elf *e, struct ss_span name)
{
	for (size_t i = 0; i < e->n; i++)
		if (!e->v[i].seen && e->v[i].name.n == name.n &&
		    (name.n == 0 || memcmp(e->v[i].name.p, name.p, name.n) == 0))
			return &e->v[i];
	return NULL;
}

static void tell_alone(struct elf_two *t, const struct elf_section *s, bool removed)
{
	const struct ss_span none = { NULL, 0 };

	if (t->told++ < EX_LINES)
		ex_say_content(t->r, t->p,
			       ss_begins(s->name, ".gnu.lto_") ? EX_RAND_LTO : EX_UNKNOWN,
			       removed ? "a section that only the first has"
				       : "a section that only the second has",
			       removed ? s->name : none, removed ? none : s->name);
}

static bool is_build_id(const struct elf_section *s)
{
	return ss_is(s->name, ".note.gnu.build-id");
}

static int tell_build_id(struct elf_two *t, const struct elf_section *s,
			 const struct elf_section *u, struct ss_err *err)
{
	const struct ex_bytes x = ex_part(&t->a->b, s->at, s->n);
	const struct ex_bytes y = ex_part(&t->b->b, u->at, u->n);
	uint64_t at;
	bool same;
	bool done = false;

	if (ex_first_difference(&x, &y, 0, &at, &same, err) < 0 ||
	    (!same && ex_elf_notes(t, s, u, &done, err) < 0))
		return -1;
	if (!same && !done)
		ex_say_text(t->r, t->p, EX_TOOL_BUILD_ID, "section .note.gnu.build-id", "", "");
	return 0;
}

/* Symbols by name where they can be read, else as bytes. Then the table of their names says nothing
 * more. */
static int compare_one(struct elf_two *t, const struct elf_section *s, const struct elf_section *u,
		       struct ss_err *err)
{
	bool done = false;

	if (ss_is(s->name, ".shstrtab") || t->told >= EX_LINES)
		return 0;
	if ((s->type == ELF_SYMTAB || s->type == ELF_DYNSYM) &&
	    ex_elf_symbols(t, s, u, &done, err) < 0)
		return -1;
	if (s->type == ELF_NOTE && u->type == ELF_NOTE && ex_elf_notes(t, s, u, &done, err) < 0)
		return -1;
	if (done && s->type == ELF_SYMTAB && s->link < t->a->n)
		t->a->v[s->link].seen = true;
	return done ? 0 : compare_section(t, s, u, err);
}

/* The table of section names says nothing that the names do not. */
static int compare_sections(struct elf_two *t, struct ss_err *err)
{
	const struct elf_section *id[2] = { NULL, NULL };

	for (size_t i = 0; i < t->a->n; i++) {
		const struct elf_section *s = &t->a->v[i];
		struct elf_section *u = find(t->b, s->name);

		if (u == NULL) {
			tell_alone(t, s, true);
			continue;
		}
		u->seen = true;
		if (is_build_id(s)) {
			id[0] = s;
			id[1] = u;
		} else if (!s->seen && compare_one(t, s, u, err) < 0) {
			return -1;
		}
	}
	for (size_t j = 0; j < t->b->n; j++)
		if (!t->b->v[j].seen)
			tell_alone(t, &t->b->v[j], false);
	return t->told == 0 && id[0] != NULL ? tell_build_id(t, id[0], id[1], err) : 0;
}

int ex_elf(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	SS_CLEANUP(elf_done) struct elf a = { 0 };
	SS_CLEANUP(elf_done) struct elf b = { 0 };
	struct elf_two t = { .r = r, .p = p, .a = &a, .b = &b };

	if (elf_read(&p->a, &a, err) < 0 || elf_read(&p->b, &b, err) < 0) {
		if (err->code != SS_EINPUT && err->code != SS_ELIMIT)
			return -1;
		*err = (struct ss_err){ 0 };
		return 0;
	}
	*ret_done = true;
	return compare_sections(&t, err);
}

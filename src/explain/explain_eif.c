/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_side.h"

#include <stdio.h>
#include <string.h>

/* Two EIFs: header, then each section with the one of its kind and number, in A's order. */

#define RAMDISK_UNPACK ((uint64_t)16 << 30)

static const char *const ramdisk_names[EIF_MAX_SECTIONS] = {
	"ramdisk0",  "ramdisk1",  "ramdisk2",  "ramdisk3",  "ramdisk4",  "ramdisk5",  "ramdisk6",
	"ramdisk7",  "ramdisk8",  "ramdisk9",  "ramdisk10", "ramdisk11", "ramdisk12", "ramdisk13",
	"ramdisk14", "ramdisk15", "ramdisk16", "ramdisk17", "ramdisk18", "ramdisk19", "ramdisk20",
	"ramdisk21", "ramdisk22", "ramdisk23", "ramdisk24", "ramdisk25", "ramdisk26", "ramdisk27",
	"ramdisk28", "ramdisk29", "ramdisk30", "ramdisk31"
};

static void tell_header(struct ex_run *r, const char *where, uint64_t a, uint64_t b)
{
	char x[32];
	char y[32];

	if (a == b)
		return;
	(void)snprintf(x, sizeof(x), "%llu", (unsigned long long)a);
	(void)snprintf(y, sizeof(y), "%llu", (unsigned long long)b);
	ex_say(r, &(struct ex_diff){ .kind = EX_CONTENT,
				     .cause = EX_INPUT_HEADER,
				     .where = ex_text(where),
				     .a = ex_text(x),
				     .b = ex_text(y) });
}

/* Offsets, sizes and CRC follow from the sections. */
static void compare_headers(struct ex_run *r, const struct eif_header *a,
			    const struct eif_header *b)
{
	const struct ss_span none = { NULL, 0 };

	r->part = "header";
	r->measured = false;
	ex_next_file(r, none);
	tell_header(r, "version", a->version, b->version);
	tell_header(r, "default_mem", a->default_mem, b->default_mem);
	tell_header(r, "default_cpus", a->default_cpus, b->default_cpus);
	r->measured =
		((a->flags | b->flags) & EIF_FLAGS_PCIE) != 0; /* these are folded into PCR0 */
	tell_header(r, "flags", a->flags, b->flags);
}

static int compare_plain(struct ex_run *r, const struct ex_bytes *a, const struct ex_bytes *b,
			 uint64_t first, struct ss_err *err)
{
	struct ex_pair p = { .a = *a, .b = *b, .first = first, .path = SS_BUF_INIT(SIZE_MAX) };
	const struct ss_span none = { NULL, 0 };

	ex_next_file(r, none);
	return ex_content(r, &p, err);
}

static bool is_packed(const struct ex_list *l, const struct ex_bytes *b)
{
	return l->src != b->src;
}

static int match_ramdisks(struct ex_run *r, const struct ex_bytes *a, const struct ex_bytes *b,
			  uint64_t first, struct ss_err *err)
{
	AUTO_EX_LIST struct ex_list x = { 0 };
	AUTO_EX_LIST struct ex_list y = { 0 };
	struct ex_matching m = { .a = &x, .b = &y, .mtime = true, .order = true, .inodes = true };
	const struct ss_span none = { (const uint8_t *)"", 0 };
	const uint64_t said = r->said;
	uint64_t left_a = RAMDISK_UNPACK;
	uint64_t left_b = RAMDISK_UNPACK;

	if (ex_ramdisk(a, &left_a, &x, err) < 0 || ex_ramdisk(b, &left_b, &y, err) < 0) {
		if (err->code != SS_EINPUT && err->code != SS_ELIMIT)
			return -1;
		*err = (struct ss_err){ 0 }; /* no archive that is read: compared as bytes */
		return compare_plain(r, a, b, first, err);
	}
	m.prefix = none;
	/* Offsets of entries count from the source; those of the two sections may differ. */
	if (!is_packed(&x, a) && !is_packed(&y, b) && a->at == b->at)
		m.same_to = a->at + first;
	if (ex_match(r, &m, err) < 0)
		return -1;
	if (r->said != said)
		return 0;
	ex_next_file(r, none);
	ex_say(r,
	       &(struct ex_diff){ .kind = EX_CONTENT,
				  .cause = is_packed(&x, a) || is_packed(&y, b) ? EX_TOOL_COMPRESSOR
										: EX_FORM_PADDING,
				  .where = ex_text("the archive, not what it holds") });
	return 0;
}

int ex_compare_ramdisks(struct ex_run *r, const struct ex_bytes *a, const struct ex_bytes *b,
			struct ss_err *err)
{
	uint64_t at;
	bool same;

	if (ex_first_difference(a, b, 0, &at, &same, err) < 0)
		return -1;
	return same ? 0 : match_ramdisks(r, a, b, at, err);
}

/* Command line, metadata, signature: one cause each; text is told by line, JSON by value. */
static void tell_whole(struct ex_run *r, enum ex_cause cause, const char *where, struct ss_span a,
		       struct ss_span b)
{
	const struct ss_span none = { NULL, 0 };

	ex_next_file(r, none);
	ex_say(r, &(struct ex_diff){ .kind = EX_CONTENT,
				     .cause = cause,
				     .where = ex_text(where),
				     .a = a,
				     .b = b });
}

static int compare_cmdlines(struct ex_run *r, const struct ex_bytes *a, const struct ex_bytes *b,
			    struct ss_err *err)
{
	uint8_t x[EIF_CMDLINE_MAX];
	uint8_t y[EIF_CMDLINE_MAX];
	struct ss_span s = { x, 0 };
	struct ss_span t = { y, 0 };

	if (ex_read_some(a, 0, x, sizeof(x), &s.n, err) < 0 ||
	    ex_read_some(b, 0, y, sizeof(y), &t.n, err) < 0)
		return -1;
	ex_narrow(&s, &t);
	tell_whole(r, EX_INPUT_CMDLINE, "", s, t);
	return 0;
}

static int compare_metadata(struct ex_run *r, const struct ex_bytes *a, const struct ex_bytes *b,
			    uint64_t first, struct ss_err *err)
{
	int rc;

	r->metadata = true;
	rc = compare_plain(r, a, b, first, err);
	r->metadata = false;
	return rc;
}

static int compare_section(struct ex_run *r, enum eif_section_type type, const struct ex_bytes *a,
			   const struct ex_bytes *b, struct ss_err *err)
{
	const struct ss_span none = { NULL, 0 };
	const char *where;
	uint64_t at;
	bool same;

	if (ex_first_difference(a, b, 0, &at, &same, err) < 0)
		return -1;
	if (same)
		return 0;
	switch (type) {
	case EIF_RAMDISK:
		return match_ramdisks(r, a, b, at, err);
	case EIF_CMDLINE:
		return compare_cmdlines(r, a, b, err);
	case EIF_SIGNATURE:
		if (ex_compare_signatures(r, a, b, &where, err) < 0)
			return -1;
		tell_whole(r, EX_RAND_SIGNATURE, where, none, none);
		return 0;
	case EIF_METADATA:
		return compare_metadata(r, a, b, at, err);
	case EIF_KERNEL:
		break;
	}
	return compare_plain(r, a, b, at, err);
}

static const char *name_of(enum eif_section_type type, size_t nth)
{
	return type == EIF_RAMDISK ? ramdisk_names[nth] : eif_section_name(type);
}

static void tell_missing(struct ex_run *r, enum eif_section_type type, bool removed, uint64_t size)
{
	const struct ss_span none = { NULL, 0 };
	char n[32];

	(void)snprintf(n, sizeof(n), "%llu bytes", (unsigned long long)size);
	if (type == EIF_SIGNATURE) /* an unsigned file has none */
		r->ret->pcr8 = EX_PCR8_DIFFERS;
	ex_next_file(r, none);
	ex_say(r,
	       &(struct ex_diff){ .kind = removed ? EX_REMOVED : EX_ADDED,
				  .cause = type == EIF_SIGNATURE ? EX_RAND_SIGNATURE : EX_UNKNOWN,
				  .where = ex_text("the whole section"),
				  .a = removed ? ex_text(n) : none,
				  .b = removed ? none : ex_text(n) });
}

static int compare_all(struct ex_run *r, const struct ex_side *a, const struct ex_side *b,
		       enum eif_section_type type, struct ss_err *err)
{
	for (size_t nth = 0; nth < EIF_MAX_SECTIONS; nth++) {
		const struct eif_section *s = eif_file_find(&a->eif, type, nth);
		const struct eif_section *t = eif_file_find(&b->eif, type, nth);
		struct ex_bytes x, y;

		if (s == NULL && t == NULL)
			return 0;
		r->part = name_of(type, nth);
		r->measured = eif_section_is_measured(type);
		if (s == NULL || t == NULL) {
			tell_missing(r, type, t == NULL, t == NULL ? s->size : t->size);
			continue;
		}
		x = ex_section(a, s);
		y = ex_section(b, t);
		if (compare_section(r, type, &x, &y, err) < 0)
			return ss_ctx(err, "%s", r->part);
	}
	return 0;
}

/* The next section from *i on that a register covers; NULL = none is left. */
static const struct eif_section *next_measured(const struct eif_file *f, size_t *i)
{
	while (*i < f->header.n_sections) {
		const struct eif_section *s = &f->sections[(*i)++];

		if (eif_section_is_measured(s->type))
			return s;
	}
	return NULL;
}

/* Registers cover the sections in the order of the file, not each by itself. */
static bool is_same_order(const struct eif_file *a, const struct eif_file *b)
{
	const struct eif_section *s, *t;
	size_t i = 0, j = 0;

	do {
		s = next_measured(a, &i);
		t = next_measured(b, &j);
		if (s != NULL && t != NULL && s->type != t->type)
			return false;
	} while (s != NULL && t != NULL);
	return true; /* one section more or less has been told by itself */
}

static void compare_order(struct ex_run *r, const struct ex_side *a, const struct ex_side *b)
{
	const struct ss_span none = { NULL, 0 };

	if (r->ret->registers || is_same_order(&a->eif, &b->eif))
		return;
	r->part = "header";
	r->measured = true;
	tell_whole(r, EX_FORM_SECTION_ORDER, "the order of the sections", none, none);
}

/* What of the file is in no section: the order of the others, and the headers of all. */
static int compare_frames(struct ex_run *r, const struct ex_side *a, const struct ex_side *b,
			  struct ss_err *err)
{
	const struct ss_span none = { NULL, 0 };
	struct ex_bytes x = ex_part(&a->all, 0, EIF_HEADER_SIZE);
	struct ex_bytes y = ex_part(&b->all, 0, EIF_HEADER_SIZE);
	uint64_t at;
	bool same;

	for (size_t i = 0;; i++) {
		if (ex_first_difference(&x, &y, 0, &at, &same, err) < 0)
			return -1;
		if (!same || i == a->eif.header.n_sections)
			break;
		x = ex_part(&a->all, a->eif.sections[i].offset, EIF_SECTION_HEADER_SIZE);
		y = ex_part(&b->all, b->eif.sections[i].offset, EIF_SECTION_HEADER_SIZE);
	}
	if (same)
		return 0;
	r->part = "header";
	r->measured = false;
	tell_whole(r, EX_INPUT_HEADER, "order or headers of the sections", none, none);
	return 0;
}

int ex_compare_eif(struct ex_run *r, const struct ex_side *a, const struct ex_side *b,
		   struct ss_err *err)
{
	static const enum eif_section_type order[] = { EIF_KERNEL, EIF_CMDLINE, EIF_METADATA,
						       EIF_RAMDISK, EIF_SIGNATURE };

	compare_headers(r, &a->eif.header, &b->eif.header);
	for (size_t i = 0; i < SS_NELEMS(order); i++)
		if (compare_all(r, a, b, order[i], err) < 0)
			return -1;
	compare_order(r, a, b);
	return r->said == 0 ? compare_frames(r, a, b, err) : 0;
}

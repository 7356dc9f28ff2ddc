/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

/*
 * What writers note in PNG and PDF files beside the picture or the pages: dates, identifiers, their
 * own name. Told field by field; then whether anything else differs.
 */
#define CHUNKS 4096u
#define TEXT 512u /* of one chunk */
#define FIELDS 256u
#define FIELD_TEXT 512u

/* --- PNG (ISO 15948) -------------------------------------------------------------------------- */

struct chunk {
	uint8_t type[4];
	uint32_t n;
	uint64_t at; /* of the data */
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* *ret_ok = false: not chunks to its end, or too many. */
static int read_chunks(const struct ex_bytes *b, struct chunk *v, size_t *ret_n, bool *ret_ok,
		       struct ss_err *err)
{
	uint64_t at = 8;

	*ret_n = 0;
	*ret_ok = false;
	while (at < b->n) {
		struct chunk *c = &v[*ret_n];
		uint8_t h[8];
		size_t n;

		if (*ret_n == CHUNKS || b->n - at < 12)
			return 0;
		if (ex_read_some(b, at, h, sizeof(h), &n, err) < 0)
			return -1;
		c->n = be32(h);
		c->at = at + 8;
		memcpy(c->type, h + 4, 4);
		if (c->n > b->n - at - 12)
			return 0;
		at += 12 + (uint64_t)c->n;
		(*ret_n)++;
	}
	*ret_ok = true;
	return 0;
}

static void png_time(const uint8_t p[7], char ret[32])
{
	(void)snprintf(ret, 32, "%04u-%02u-%02u %02u:%02u:%02u", p[0] * 256u + p[1], p[2], p[3],
		       p[4], p[5], p[6]);
}

/* A keyword, a NUL and a text; or another chunk, as bytes. */
static void tell_chunk(struct ex_run *r, const struct ex_pair *p, const struct chunk *c,
		       struct ss_span a, struct ss_span b)
{
	const uint8_t *end = a.n > 0 ? memchr(a.p, 0, a.n) : NULL;
	const size_t key = end != NULL ? (size_t)(end - a.p) : 0;
	char where[160], x[32], y[32];

	if (memcmp(c->type, "tIME", 4) == 0 && a.n == 7 && b.n == 7) {
		png_time(a.p, x);
		png_time(b.p, y);
		ex_say_text(r, p, EX_TIME_TEXT, "PNG chunk tIME", x, y);
	} else if (memcmp(c->type, "tEXt", 4) == 0 && key > 0 && key < 80 && b.n > key &&
		   memcmp(a.p, b.p, key + 1) == 0) {
		(void)snprintf(where, sizeof(where), "PNG chunk tEXt: %.*s", (int)key,
			       (const char *)a.p);
		a = (struct ss_span){ a.p + key + 1, a.n - key - 1 };
		b = (struct ss_span){ b.p + key + 1, b.n - key - 1 };
		ex_say_content(r, p, ex_cause_of_values(a, b), where, a, b);
	} else {
		(void)snprintf(where, sizeof(where), "PNG chunk %.4s: its data",
			       (const char *)c->type);
		ex_say_text(r, p, EX_UNKNOWN, where, "", "");
	}
}

static int compare_chunks(struct ex_run *r, const struct ex_pair *p, const struct chunk *x,
			  const struct chunk *y, struct ss_err *err)
{
	const struct ex_bytes one = ex_part(&p->a, x->at, x->n);
	const struct ex_bytes two = ex_part(&p->b, y->at, y->n);
	uint8_t a[TEXT], b[TEXT];
	size_t n, m;
	uint64_t at;
	bool same;

	if (ex_first_difference(&one, &two, 0, &at, &same, err) < 0)
		return -1;
	if (same)
		return 0;
	if (ex_read_some(&one, 0, a, sizeof(a), &n, err) < 0 ||
	    ex_read_some(&two, 0, b, sizeof(b), &m, err) < 0)
		return -1;
	tell_chunk(r, p, x, (struct ss_span){ a, n }, (struct ss_span){ b, m });
	return 0;
}

static int compare_png(struct ex_run *r, const struct ex_pair *p, bool *ret_done,
		       struct ss_err *err)
{
	AUTO_FREE struct chunk *a = ss_calloc(CHUNKS, sizeof(*a));
	AUTO_FREE struct chunk *b = ss_calloc(CHUNKS, sizeof(*b));
	size_t n, m;
	bool ok;

	if (read_chunks(&p->a, a, &n, &ok, err) < 0)
		return -1;
	if (ok && read_chunks(&p->b, b, &m, &ok, err) < 0)
		return -1;
	if (!ok || n != m)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (memcmp(a[i].type, b[i].type, 4) != 0 || a[i].type[0] < 'A')
			return 0;
	for (size_t i = 0; i < n; i++)
		if (compare_chunks(r, p, &a[i], &b[i], err) < 0)
			return -1;
	*ret_done = true;
	return 0;
}

/* --- PDF (ISO 32000) -------------------------------------------------------------------------- */

struct field {
	size_t key; /* row of `keys` */
	size_t at;  /* of the value, in the file */
	size_t n;
};

static const struct key {
	const char *begins;
	const char *end; /* of the value */
	const char *where;
	enum ex_cause cause; /* EX_UNKNOWN: what the values tell */
} keys[] = {
	{ "/CreationDate", ")", "PDF: CreationDate", EX_TIME_TEXT },
	{ "/ModDate", ")", "PDF: ModDate", EX_TIME_TEXT },
	{ "/ID", "]", "PDF: ID", EX_RAND_TOKEN },
	{ "/Producer", ")", "PDF: Producer", EX_UNKNOWN },
	{ "/Creator", ")", "PDF: Creator", EX_UNKNOWN },
	{ "<xmp:CreateDate>", "<", "PDF: XMP CreateDate", EX_TIME_TEXT },
	{ "<xmp:ModifyDate>", "<", "PDF: XMP ModifyDate", EX_TIME_TEXT },
	{ "<xmp:MetadataDate>", "<", "PDF: XMP MetadataDate", EX_TIME_TEXT },
	{ "<xmpMM:DocumentID>", "<", "PDF: XMP DocumentID", EX_RAND_UUID },
	{ "<xmpMM:InstanceID>", "<", "PDF: XMP InstanceID", EX_RAND_UUID },
};

/* The value behind a key at `at`: up to FIELD_TEXT bytes without its end. */
static bool read_field(struct ss_span s, size_t at, size_t key, struct field *ret)
{
	const size_t from = at + strlen(keys[key].begins);
	const size_t left = s.n - from < FIELD_TEXT ? s.n - from : FIELD_TEXT;
	const uint8_t *end = left > 0 ? memchr(s.p + from, keys[key].end[0], left) : NULL;

	/* "/IDTree" and the like are other keys. */
	if (end == NULL || (keys[key].begins[0] == '/' && memchr(" ([<\r\n", s.p[from], 6) == NULL))
		return false;
	*ret = (struct field){ key, from, (size_t)(end - s.p) - from };
	return true;
}

/* Fields in the order of the file. */
static size_t find_fields(struct ss_span s, struct field *v)
{
	size_t n = 0;

	for (size_t at = 0; at < s.n && n < FIELDS; at++) {
		if (s.p[at] != '/' && s.p[at] != '<')
			continue;
		for (size_t k = 0; k < SS_NELEMS(keys); k++) {
			const struct ss_span rest = { s.p + at, s.n - at };

			if (ss_begins(rest, keys[k].begins) && read_field(s, at, k, &v[n])) {
				at = v[n].at + v[n].n;
				n++;
				break;
			}
		}
	}
	return n;
}

static struct ss_span trim(struct ss_span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '(' || s.p[0] == '['))
		s = (struct ss_span){ s.p + 1, s.n - 1 };
	return s;
}

static void tell_field(struct ex_run *r, const struct ex_pair *p, const struct key *k,
		       struct ss_span a, struct ss_span b)
{
	a = trim(a);
	b = trim(b);
	ex_say_content(r, p, k->cause != EX_UNKNOWN ? k->cause : ex_cause_of_values(a, b), k->where,
		       a, b);
}

/* Field by field, and what lies between them. */
static void compare_fields(struct ex_run *r, const struct ex_pair *p, struct ss_span a,
			   struct ss_span b, const struct field *x, const struct field *y, size_t n)
{
	size_t at[2] = { 0, 0 };
	bool rest = false;

	for (size_t i = 0; i <= n; i++) {
		const size_t to[2] = { i < n ? x[i].at : a.n, i < n ? y[i].at : b.n };
		const struct ss_span one = { a.p + at[0], to[0] - at[0] };
		const struct ss_span two = { b.p + at[1], to[1] - at[1] };

		rest = rest || !ss_same(one, two);
		if (i == n)
			break;
		at[0] = to[0] + x[i].n;
		at[1] = to[1] + y[i].n;
		if (!ss_same((struct ss_span){ a.p + to[0], x[i].n },
			     (struct ss_span){ b.p + to[1], y[i].n }))
			tell_field(r, p, &keys[x[i].key], (struct ss_span){ a.p + to[0], x[i].n },
				   (struct ss_span){ b.p + to[1], y[i].n });
	}
	/* A value of another length moves all that follows, and with it the table of offsets. */
	if (rest && a.n == b.n)
		ex_say_text(r, p, EX_UNKNOWN, "PDF: outside of its metadata", "", "");
}

static int compare_pdf(struct ex_run *r, const struct ex_pair *p, bool *ret_done,
		       struct ss_err *err)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(SIZE_MAX);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(SIZE_MAX);
	AUTO_FREE struct field *x = ss_calloc(FIELDS, sizeof(*x));
	AUTO_FREE struct field *y = ss_calloc(FIELDS, sizeof(*y));
	const uint64_t said = r->said;
	bool fits;
	size_t n;

	if (ex_load(p, &a, &b, &fits, err) < 0)
		return -1;
	if (!fits)
		return 0;
	n = find_fields(ss_buf_span(&a), x);
	if (n == 0 || n != find_fields(ss_buf_span(&b), y))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (x[i].key != y[i].key)
			return 0;
	compare_fields(r, p, ss_buf_span(&a), ss_buf_span(&b), x, y, n);
	*ret_done = r->said > said;
	return 0;
}

int ex_document(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	uint8_t a[8], b[8];
	size_t n, m;

	if (ex_read_some(&p->a, 0, a, sizeof(a), &n, err) < 0 ||
	    ex_read_some(&p->b, 0, b, sizeof(b), &m, err) < 0)
		return -1;
	if (n < 8 || m < 8 || memcmp(a, b, 5) != 0)
		return 0;
	if (memcmp(a, "\211PNG\r\n\032\n", 8) == 0 && memcmp(b, a, 8) == 0)
		return compare_png(r, p, ret_done, err);
	return memcmp(a, "%PDF-", 5) == 0 ? compare_pdf(r, p, ret_done, err) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "base/sort.h"
#include "cli/diff_show.h"
#include "io/atomic.h"
#include "io/file.h"

#include <stdio.h>
#include <string.h>

/*
 * One page that needs nothing else: no script (what opens is <details>), no other file, and a
 * policy that forbids both, so that nothing in the artifacts can reach beyond the page. Written as
 * it is made: its size is bounded by EX_KEEP, the memory by one block.
 */
#define BLOCK ((size_t)64 * 1024)

struct page {
	int fd;
	struct ss_buf b;
	struct ss_err *err;
	int rc;
};

static void flush(struct page *p, size_t least)
{
	if (p->b.n < least || p->rc < 0)
		return;
	p->rc = io_write_all(p->fd, ss_buf_span(&p->b), p->err);
	p->b.n = 0;
}

static void raw(struct page *p, const char *s)
{
	ss_buf_put(&p->b, (struct ss_span){ (const uint8_t *)s, strlen(s) });
	flush(p, BLOCK);
}

/* Text from anywhere. */
static void text(struct page *p, struct ss_span s)
{
	AUTO_BUF struct ss_buf shown = SS_BUF_INIT(SIZE_MAX);

	ss_show_all(&shown, s);
	for (size_t i = 0; i < shown.n; i++) {
		switch (shown.p[i]) {
		case '&':
			raw(p, "&amp;");
			break;
		case '<':
			raw(p, "&lt;");
			break;
		case '>':
			raw(p, "&gt;");
			break;
		case '"':
			raw(p, "&quot;");
			break;
		default:
			ss_buf_put(&p->b, (struct ss_span){ &shown.p[i], 1 });
		}
	}
}

static void str(struct page *p, const char *s)
{
	text(p, (struct ss_span){ (const uint8_t *)s, strlen(s) });
}

static void number(struct page *p, uint64_t n, const char *what)
{
	char s[64];

	(void)snprintf(s, sizeof(s), "%llu %s%s", (unsigned long long)n, what, n == 1 ? "" : "s");
	raw(p, s);
}

/* Bytes that both values begin and end with, never in the middle of a character. */
static void find_same(struct ss_span a, struct ss_span b, size_t *head, size_t *tail)
{
	const size_t n = a.n < b.n ? a.n : b.n;

	*head = *tail = 0;
	while (*head < n && a.p[*head] == b.p[*head])
		(*head)++;
	while (*tail < n - *head && a.p[a.n - 1 - *tail] == b.p[b.n - 1 - *tail])
		(*tail)++;
	while (*head > 0 && ((*head < a.n && (a.p[*head] & 0xc0) == 0x80) ||
			     (*head < b.n && (b.p[*head] & 0xc0) == 0x80)))
		(*head)--;
	while (*tail > 0 && (a.p[a.n - *tail] & 0xc0) == 0x80)
		(*tail)--;
}

/* One line, what is not in the other marked. */
static void line(struct page *p, const char *class, const char *sign, struct ss_span s, size_t head,
		 size_t tail)
{
	if (s.n == 0)
		return;
	raw(p, "<pre class=\"");
	raw(p, class);
	raw(p, "\">");
	raw(p, sign);
	text(p, (struct ss_span){ s.p, head });
	if (head + tail < s.n) {
		raw(p, "<mark>");
		text(p, (struct ss_span){ s.p + head, s.n - head - tail });
		raw(p, "</mark>");
	}
	text(p, (struct ss_span){ s.p + s.n - tail, tail });
	raw(p, "</pre>\n");
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* A window of bytes, as digits: what is told of content that has no reader. */
static bool is_hex(struct ss_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return s.n > 0 && s.n % 2 == 0 && s.n <= 32;
}

/* "byte 20 on", "section .text, byte 20": the place of the first of them. */
static bool is_at_byte(struct ss_span where, uint64_t *ret)
{
	static const char word[] = "byte ";
	const size_t n = sizeof(word) - 1;

	for (size_t i = 0; i + n < where.n; i++) {
		if (memcmp(where.p + i, word, n) != 0)
			continue;
		*ret = 0;
		for (i += n; i < where.n && where.p[i] >= '0' && where.p[i] <= '9'; i++)
			*ret = *ret * 10 + (uint64_t)(where.p[i] - '0');
		return true;
	}
	return false;
}

static uint8_t digit(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Offset, bytes, and the characters that they are, as hex editors show them; `other` for marks. */
static void dump(struct page *p, const char *class, uint64_t at, struct ss_span s,
		 struct ss_span other)
{
	uint8_t shown[16];
	char t[40];

	raw(p, "<pre class=\"");
	raw(p, class);
	(void)snprintf(t, sizeof(t), "\">%08llx ", (unsigned long long)at);
	raw(p, t);
	for (size_t i = 0; i + 1 < s.n; i += 2) {
		const uint8_t c = (uint8_t)(digit(s.p[i]) << 4 | digit(s.p[i + 1]));
		const bool same = i + 1 < other.n && memcmp(s.p + i, other.p + i, 2) == 0;

		(void)snprintf(t, sizeof(t), same ? " %02x" : " <mark>%02x</mark>", c);
		raw(p, t);
		shown[i / 2] = c >= ' ' && c < 0x7f ? c : (uint8_t)'.';
	}
	for (size_t i = s.n; i < 32; i += 2)
		raw(p, "   ");
	raw(p, "  |");
	text(p, (struct ss_span){ shown, s.n / 2 });
	raw(p, "|</pre>\n");
}

static void one(struct page *p, const struct ex_diff *d)
{
	uint64_t at = 0;
	size_t head, tail;

	if (d->where.n > 0) {
		raw(p, "<p>");
		text(p, d->where);
		raw(p, "</p>\n");
	}
	if (is_hex(d->a) && is_hex(d->b) && is_at_byte(d->where, &at)) {
		dump(p, "a", at, d->a, d->b);
		dump(p, "b", at, d->b, d->a);
		return;
	}
	find_same(d->a, d->b, &head, &tail);
	line(p, "a", "- ", d->a, head, tail);
	line(p, "b", "+ ", d->b, head, tail);
}

static void name(struct page *p, const struct ex_diff *d)
{
	raw(p, d->part);
	raw(p, d->path.n > 0 ? ": " : "");
	text(p, d->path);
	if (d->kind != EX_CONTENT) {
		raw(p, " (");
		raw(p, ex_kind_name(d->kind));
		raw(p, ")");
	}
}

static void by_cause(struct page *p, const struct ex_report *r)
{
	raw(p, "<h2>By cause</h2>\n");
	for (size_t i = 0; i < r->n_groups; i++) {
		const struct ex_group *g = &r->groups[i];
		const struct ex_cause_row *row = ex_cause_row(g->cause);

		raw(p, "<details><summary><b>");
		str(p, row->code);
		raw(p, "</b> ");
		str(p, row->what);
		raw(p, " — ");
		number(p, g->files, "file");
		raw(p, g->measured ? "" : ", in no register");
		raw(p, "</summary>\n<p class=\"mend\">mend: ");
		str(p, row->mend);
		raw(p, "</p>\n");
		for (size_t k = 0; k < r->n; k++)
			if (r->diffs[k].cause == g->cause && r->diffs[k].measured == g->measured) {
				raw(p, "<details><summary>");
				name(p, &r->diffs[k]);
				raw(p, "</summary>\n");
				one(p, &r->diffs[k]);
				raw(p, "</details>\n");
			}
		raw(p, "</details>\n");
	}
}

/* --- the tree of folders ---------------------------------------------------------------------- */

/* The path without what lies inside of a file: "lib.a!x.o" is lib.a. */
static struct ss_span path_of(const struct ex_diff *d)
{
	const uint8_t *end = d->path.n > 0 ? memchr(d->path.p, '!', d->path.n) : NULL;

	return (struct ss_span){ d->path.p, end != NULL ? (size_t)(end - d->path.p) : d->path.n };
}

/* By part, then path with a folder before what follows its name, then as they were found. */
static int by_place(const void *a, const void *b)
{
	const struct ex_diff *x = *(const struct ex_diff *const *)a;
	const struct ex_diff *y = *(const struct ex_diff *const *)b;
	const struct ss_span s = path_of(x), t = path_of(y);
	const int part = strcmp(x->part, y->part);

	for (size_t i = 0; part == 0 && i < s.n && i < t.n; i++) {
		if (s.p[i] == t.p[i])
			continue;
		if (s.p[i] == '/' || t.p[i] == '/')
			return s.p[i] == '/' ? -1 : 1;
		return s.p[i] < t.p[i] ? -1 : 1;
	}
	if (part != 0 || s.n != t.n)
		return part != 0 ? part : s.n < t.n ? -1 : 1;
	return x < y ? -1 : x > y; /* of one array */
}

/* Length of the folders, slashes included, that both paths begin with; 0 in different parts. */
static size_t shared(const struct ex_diff *a, const struct ex_diff *b)
{
	const struct ss_span s = path_of(a), t = path_of(b);
	size_t n = 0;

	for (size_t i = 0; i < s.n && i < t.n && s.p[i] == t.p[i]; i++)
		if (s.p[i] == '/')
			n = i + 1;
	return strcmp(a->part, b->part) == 0 ? n : 0;
}

static bool is_in(const struct ex_diff *d, const struct ex_diff *first, size_t n)
{
	return strcmp(d->part, first->part) == 0 && d->path.n >= n &&
	       (n == 0 || memcmp(d->path.p, first->path.p, n) == 0);
}

/* Opens a folder: the first `n` bytes of the path of v[0], of which it shows those from `from`. */
static void open_folder(struct page *p, const struct ex_diff *const *v, size_t left, size_t from,
			size_t n)
{
	size_t k = 1;

	while (k < left && is_in(v[k], v[0], n))
		k++;
	raw(p, "<details><summary><b>");
	if (n == 0)
		raw(p, v[0]->part);
	text(p, (struct ss_span){ v[0]->path.p + from, n - from });
	raw(p, "</b> — ");
	number(p, k, "difference");
	raw(p, "</summary>\n");
}

static void close_folders(struct page *p, const struct ex_diff *d, size_t to)
{
	const struct ss_span s = path_of(d);

	for (size_t i = to; i < s.n; i++)
		if (s.p[i] == '/')
			raw(p, "</details>\n");
}

static void by_folder(struct page *p, const struct ex_report *r)
{
	AUTO_FREE const struct ex_diff **v = ss_calloc(r->n + 1, sizeof(struct ex_diff *));

	for (size_t i = 0; i < r->n; i++)
		v[i] = &r->diffs[i];
	ss_sort(v, r->n, sizeof(struct ex_diff *), by_place);
	raw(p, "<h2>By folder</h2>\n");
	for (size_t i = 0; i < r->n; i++) {
		const bool fresh = i == 0 || strcmp(v[i]->part, v[i - 1]->part) != 0;
		const struct ss_span s = path_of(v[i]);
		size_t from = fresh ? 0 : shared(v[i], v[i - 1]);

		if (i > 0)
			close_folders(p, v[i - 1], from);
		if (i > 0 && fresh)
			raw(p, "</details>\n");
		if (fresh)
			open_folder(p, v + i, r->n - i, 0, 0);
		for (size_t k = from; k < s.n; k++)
			if (s.p[k] == '/') {
				open_folder(p, v + i, r->n - i, from, k + 1);
				from = k + 1;
			}
		raw(p, "<details><summary>");
		name(p, v[i]);
		raw(p, " — ");
		str(p, ex_cause_row(v[i]->cause)->code);
		raw(p, "</summary>\n");
		one(p, v[i]);
		raw(p, "</details>\n");
	}
	if (r->n > 0) {
		close_folders(p, v[r->n - 1], 0);
		raw(p, "</details>\n");
	}
}

static void left_out(struct page *p, const struct ex_report *r)
{
	if (r->not_compared != NULL) {
		raw(p, "<p>not compared: ");
		raw(p, r->not_compared);
		raw(p, "</p>\n");
	}
	if (r->left_out > 0) {
		raw(p, "<p>");
		number(p, r->left_out, "difference");
		raw(p, " more were only counted.</p>\n");
	}
}

static void verdict(struct page *p, const struct ex_report *r)
{
	if (r->files == 0) {
		raw(p, "<h1>same</h1>\n");
		return;
	}
	raw(p, "<h1>different: ");
	number(p, r->files, "file");
	raw(p, ", ");
	number(p, r->causes, "cause");
	raw(p, "; ");
	raw(p, ex_registers_say(r));
	raw(p, "</h1>\n");
}

int cli_diff_html(const struct ex_report *r, const char *path, struct ss_err *err)
{
	AUTO_ATOMIC struct io_atomic file = IO_ATOMIC_NONE;
	struct page p = { .b = SS_BUF_INIT(SIZE_MAX), .err = err };

	if (io_atomic_open(path, 0, &file, err) < 0)
		return -1;
	p.fd = file.fd;
	raw(&p, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'unsafe-inline'\">\n<title>selfsame diff</title>\n<style>"
		"body{font:15px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
		"details{margin:.3em 0 .3em 1em}summary{cursor:pointer;overflow-wrap:anywhere}"
		"pre{margin:0 1em;padding:.2em;white-space:pre-wrap;overflow-wrap:anywhere}"
		".a{background:#fdd}.b{background:#dfd}mark{background:#fb5}"
		".mend{font-style:italic}"
		"</style></head><body>\n");
	verdict(&p, r);
	left_out(&p, r);
	by_cause(&p, r);
	by_folder(&p, r);
	raw(&p, "</body></html>\n");
	flush(&p, 1);
	ss_buf_done(&p.b);
	return p.rc < 0 ? ss_ctx(err, "'%s'", path) : io_atomic_commit(&file, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
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

static void value(struct page *p, const char *class, const char *sign, struct ss_span s)
{
	if (s.n == 0)
		return;
	raw(p, "<pre class=\"");
	raw(p, class);
	raw(p, "\">");
	raw(p, sign);
	text(p, s);
	raw(p, "</pre>\n");
}

static void one(struct page *p, const struct ex_diff *d)
{
	if (d->where.n > 0) {
		raw(p, "<p>");
		text(p, d->where);
		raw(p, "</p>\n");
	}
	value(p, "a", "- ", d->a);
	value(p, "b", "+ ", d->b);
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

/* The folder of a path: what stands before its last "/" outside of containers. */
static struct ss_span folder_of(const struct ex_diff *d)
{
	const uint8_t *end = d->path.n > 0 ? memchr(d->path.p, '!', d->path.n) : NULL;
	size_t n = end != NULL ? (size_t)(end - d->path.p) : d->path.n;

	while (n > 0 && d->path.p[n - 1] != '/')
		n--;
	return (struct ss_span){ d->path.p, n };
}

static bool is_same_folder(const struct ex_diff *a, const struct ex_diff *b)
{
	const struct ss_span x = folder_of(a);
	const struct ss_span y = folder_of(b);

	return strcmp(a->part, b->part) == 0 && x.n == y.n &&
	       (x.n == 0 || memcmp(x.p, y.p, x.n) == 0);
}

static void by_folder(struct page *p, const struct ex_report *r)
{
	raw(p, "<h2>By folder</h2>\n");
	for (size_t i = 0; i < r->n; i++) {
		const struct ex_diff *d = &r->diffs[i];

		if (i == 0 || !is_same_folder(d, d - 1)) {
			raw(p,
			    i > 0 ? "</details>\n<details><summary><b>" : "<details><summary><b>");
			raw(p, d->part);
			raw(p, "</b> /");
			text(p, folder_of(d));
			raw(p, "</summary>\n");
		}
		raw(p, "<details><summary>");
		name(p, d);
		raw(p, " — ");
		str(p, ex_cause_row(d->cause)->code);
		raw(p, "</summary>\n");
		one(p, d);
		raw(p, "</details>\n");
	}
	raw(p, r->n > 0 ? "</details>\n" : "");
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
	raw(p,
	    r->registers ? "; the registers differ</h1>\n" : "; the registers are the same</h1>\n");
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
		".a{background:#fdd}.b{background:#dfd}.mend{font-style:italic}"
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

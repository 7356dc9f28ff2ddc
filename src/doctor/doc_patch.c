/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doc_patch.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "io/atomic.h"
#include "io/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define AROUND 3u

void doc_patch_done(struct doc_patch *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].put);
	free(p->v);
	*p = (struct doc_patch){ 0 };
}

bool doc_patch_add(struct doc_patch *p, size_t at, size_t cut, const char *put)
{
	size_t i = p->n;

	while (i > 0 && p->v[i - 1].at > at)
		i--;
	if (p->n == DOC_EDITS_MAX || (i < p->n && at + cut > p->v[i].at) ||
	    (i > 0 && p->v[i - 1].at + p->v[i - 1].cut > at))
		return false;
	for (size_t k = i; k > 0 && p->v[k - 1].at == at; k--)
		if (cut > 0 || strcmp(p->v[k - 1].put, put) == 0)
			return false;
	p->v = ss_reallocarray(p->v, p->n + 1, sizeof(*p->v));
	memmove(p->v + i + 1, p->v + i, (p->n - i) * sizeof(*p->v));
	p->v[i] = (struct doc_edit){ at, cut, ss_copy(put) };
	p->n++;
	return true;
}

/* The bytes from `from` to `to`, which no edit crosses; those of the edits from *e on in them. */
static void put_part(const struct doc_patch *p, struct ss_span in, size_t from, size_t to,
		     size_t *e, struct ss_buf *ret)
{
	size_t at = from;

	for (; *e < p->n && (p->v[*e].at < to || to == in.n); ++*e) {
		ss_buf_put(ret, (struct ss_span){ in.p + at, p->v[*e].at - at });
		ss_buf_put(ret, ss_text(p->v[*e].put));
		at = p->v[*e].at + p->v[*e].cut;
	}
	if (at < to)
		ss_buf_put(ret, (struct ss_span){ in.p + at, to - at });
}

void doc_patch_text(const struct doc_patch *p, struct ss_span in, struct ss_buf *ret)
{
	size_t e = 0;

	put_part(p, in, 0, in.n, &e, ret);
}

/* --- the diff -----------------------------------------------------------------------------------
 */

struct lines {
	size_t *v; /* where each begins, and the end */
	size_t n;
};

static void find_lines(struct ss_span in, struct lines *ret)
{
	size_t cap = 0;

	for (size_t at = 0; at <= in.n;) {
		const uint8_t *nl = at < in.n ? memchr(in.p + at, '\n', in.n - at) : NULL;

		if (ret->n + 1 >= cap) {
			cap = cap == 0 ? 64 : 2 * cap;
			ret->v = ss_reallocarray(ret->v, cap, sizeof(*ret->v));
		}
		ret->v[ret->n] = at;
		if (at == in.n)
			return;
		ret->n++;
		at = nl != NULL ? (size_t)(nl - in.p) + 1 : in.n;
	}
}

/* Each line of `s` behind a sign. */
static size_t put_lines(char sign, struct ss_span s, struct ss_buf *ret)
{
	size_t n = 0;

	while (s.n > 0) {
		const uint8_t *nl = memchr(s.p, '\n', s.n);
		const size_t size = nl != NULL ? (size_t)(nl - s.p) + 1 : s.n;

		ss_buf_put(ret, (struct ss_span){ (const uint8_t *)&sign, 1 });
		ss_buf_put(ret, (struct ss_span){ s.p, size });
		if (nl == NULL)
			ss_buf_put(ret, ss_text("\n\\ No newline at end of file\n"));
		s = (struct ss_span){ s.p + size, s.n - size };
		n++;
	}
	return n;
}

static struct ss_span line_of(const struct lines *l, struct ss_span in, size_t i)
{
	return (struct ss_span){ in.p + l->v[i], l->v[i + 1] - l->v[i] };
}

struct hunk {
	size_t gone, come; /* lines of the old text, of the new one */
	struct ss_buf body;
};

static void hunk_done(struct hunk *h)
{
	ss_buf_done(&h->body);
}

/* What becomes of one line. One that only gets others before or behind it stays. */
static void put_line(const struct doc_patch *p, struct ss_span in, const struct lines *l, size_t i,
		     size_t *e, struct hunk *h)
{
	const struct ss_span was = line_of(l, in, i);
	AUTO_BUF struct ss_buf now = SS_BUF_INIT(SIZE_MAX);
	const size_t n = was.n;
	struct ss_span new;
	size_t more;

	put_part(p, in, l->v[i], l->v[i + 1], e, &now);
	new = ss_buf_span(&now);
	more = new.n > n ? new.n - n : 0;
	h->gone++;
	if (ss_same(new, was)) {
		h->come += put_lines(' ', was, &h->body);
	} else if (more > 0 && new.p[more - 1] == '\n' && memcmp(new.p + more, was.p, n) == 0) {
		h->come += put_lines('+', (struct ss_span){ new.p, more }, &h->body);
		h->come += put_lines(' ', was, &h->body);
	} else if (more > 0 && was.p[n - 1] == '\n' && memcmp(new.p, was.p, n) == 0) {
		h->come += put_lines(' ', was, &h->body);
		h->come += put_lines('+', (struct ss_span){ new.p + n, more }, &h->body);
	} else {
		(void)put_lines('-', was, &h->body);
		h->come += put_lines('+', new, &h->body);
	}
}

/* The line an edit changes. */
static size_t line_at(const struct lines *l, size_t at)
{
	size_t low = 0, high = l->n;

	while (high - low > 1) {
		const size_t mid = low + (high - low) / 2;

		if (l->v[mid] <= at)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* The hunk that begins with edit *e. */
static void put_hunk(const struct doc_patch *p, const struct lines *l, struct ss_span in, size_t *e,
		     size_t *shift, struct ss_buf *ret)
{
	SS_CLEANUP(hunk_done) struct hunk h = { .body = SS_BUF_INIT(SIZE_MAX) };
	const size_t first = line_at(l, p->v[*e].at);
	const size_t from = first > AROUND ? first - AROUND : 0;
	size_t to = first;
	char head[128];

	for (size_t k = *e; k < p->n; k++) {
		const size_t at = line_at(l, p->v[k].at);

		if (at > to + 2 * (size_t)AROUND)
			break;
		to = at;
	}
	to = to + AROUND < l->n ? to + AROUND + 1 : l->n;
	for (size_t i = from; i < to; i++)
		put_line(p, in, l, i, e, &h);
	(void)snprintf(head, sizeof(head), "@@ -%zu,%zu +%zu,%zu @@\n", from + 1, h.gone,
		       from + 1 + *shift, h.come);
	*shift += h.come - h.gone;
	ss_buf_put(ret, ss_text(head));
	ss_buf_put(ret, ss_buf_span(&h.body));
}

void doc_patch_show(const struct doc_patch *p, struct ss_span in, const char *name,
		    struct ss_buf *ret)
{
	struct lines l = { 0 };
	struct ss_shown shown;
	char head[2 * SS_SHOWN_MAX + 32];
	size_t e = 0, shift = 0;

	if (p->n == 0 || in.n == 0)
		return;
	find_lines(in, &l);
	(void)ss_show(ss_text(name), &shown);
	(void)snprintf(head, sizeof(head), "--- %s\n+++ %s\n", shown.text, shown.text);
	ss_buf_put(ret, ss_text(head));
	while (e < p->n)
		put_hunk(p, &l, in, &e, &shift, ret);
	free(l.v);
}

/* --- the file -----------------------------------------------------------------------------------
 */

int doc_patch_apply(const struct doc_patch *p, struct ss_span was, const char *path,
		    struct ss_err *err)
{
	AUTO_BUF struct ss_buf now = SS_BUF_INIT(was.n + 1);
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(SIZE_MAX);
	AUTO_ATOMIC struct io_atomic f = IO_ATOMIC_NONE;
	struct stat st = { 0 };

	if (stat(path, &st) < 0)
		return ss_fail_sys(err, "cannot look at '%s'", path);
	if (io_load_file(path, &now, err) < 0 || !ss_same(ss_buf_span(&now), was)) {
		(void)ss_fail(err, SS_ESYS, "'%s' was changed meanwhile; it is left as it is",
			      path);
		err->hint = "run doctor again";
		return -1;
	}
	doc_patch_text(p, was, &text);
	if (io_atomic_open(path, st.st_mode & 07777u, &f, err) < 0 ||
	    io_write_all(f.fd, ss_buf_span(&text), err) < 0)
		return -1;
	return io_atomic_commit(&f, err);
}

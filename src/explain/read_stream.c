/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

/*
 * gzip, zstd, xz and bzip2: the fields of gzip's header, then what is packed. The same content in
 * other bytes is told as such.
 */
#define GZIP_HEAD 10u

struct gzip {
	uint32_t mtime;
	uint8_t flags, level, system;
	uint8_t name[256];
	size_t name_n;
};

static int read_gzip(const struct ex_bytes *b, struct gzip *g, struct ss_err *err)
{
	uint8_t h[512];
	size_t n, at = GZIP_HEAD;

	*g = (struct gzip){ 0 };
	if (ex_read_some(b, 0, h, sizeof(h), &n, err) < 0)
		return -1;
	if (n < GZIP_HEAD)
		return 0;
	g->mtime = h[4] | (uint32_t)h[5] << 8 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 24;
	g->flags = h[3];
	g->level = h[8];
	g->system = h[9];
	if ((h[3] & 4) != 0 || (h[3] & 8) == 0) /* extra fields are not looked at */
		return 0;
	for (; at < n && h[at] != 0 && g->name_n < sizeof(g->name); at++)
		g->name[g->name_n++] = h[at];
	return 0;
}

static void compare_gzip(struct ex_run *r, const struct ex_pair *p, const struct gzip *a,
			 const struct gzip *b)
{
	const struct ss_span x = { a->name, a->name_n };
	const struct ss_span y = { b->name, b->name_n };
	char s[32];
	char t[32];

	if (a->mtime != b->mtime)
		ex_say_time(r, p, EX_TIME_GZIP, "gzip header, bytes 4 to 7: time", a->mtime,
			    b->mtime);
	if (!ss_same(x, y))
		ex_say_content(r, p, ex_cause_of_values(x, y), "gzip header: name", x, y);
	if (a->level == b->level && a->system == b->system && a->flags == b->flags)
		return;
	(void)snprintf(s, sizeof(s), "flags %u level %u system %u", a->flags, a->level, a->system);
	(void)snprintf(t, sizeof(t), "flags %u level %u system %u", b->flags, b->level, b->system);
	ex_say_text(r, p, EX_TOOL_COMPRESSOR, "gzip header", s, t);
}

static int unpack(struct ex_run *r, const struct ex_pair *p, enum inflate_kind kind,
		  struct ex_pair *in, struct ss_err *err)
{
	const struct ss_span none = { (const uint8_t *)"", 0 };

	if (ex_unpack(&p->a, kind, none, none, &r->left, &in->a, err) < 0)
		return -1;
	return ex_unpack(&p->b, kind, none, none, &r->left, &in->b, err);
}

static int compare_unpacked(struct ex_run *r, const struct ex_pair *p, struct ex_pair *in,
			    enum inflate_kind kind, uint64_t said, struct ss_err *err)
{
	uint64_t at;
	bool same;

	if (ex_first_difference(&in->a, &in->b, 0, &at, &same, err) < 0)
		return -1;
	if (!same) {
		in->first = at;
		in->depth = p->depth + 1;
		ss_buf_put(&in->path, ss_buf_span(&p->path));
		ss_buf_put(&in->path, ex_text("!"));
		ex_push(r, in);
	} else if (r->said == said) {
		ex_say_content(r, p, EX_TOOL_COMPRESSOR, inflate_kind_name(kind), ex_text(""),
			       ex_text(""));
	}
	return 0;
}

int ex_stream(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	SS_CLEANUP(ex_pair_done) struct ex_pair in = { .path = SS_BUF_INIT(SIZE_MAX) };
	uint8_t x[INFLATE_SNIFF];
	uint8_t y[INFLATE_SNIFF];
	const uint64_t said = r->said;
	enum inflate_kind kind;
	struct gzip a, b;
	size_t n, m;

	if (ex_read_some(&p->a, 0, x, sizeof(x), &n, err) < 0 ||
	    ex_read_some(&p->b, 0, y, sizeof(y), &m, err) < 0)
		return -1;
	kind = inflate_sniff((struct ss_span){ x, n });
	if (kind == INFLATE_PLAIN || kind != inflate_sniff((struct ss_span){ y, m }))
		return 0;
	if (unpack(r, p, kind, &in, err) < 0) {
		if (err->code != SS_EINPUT && err->code != SS_ELIMIT)
			return -1;
		*err = (struct ss_err){ 0 };
		return 0;
	}
	*ret_done = true;
	if (kind == INFLATE_GZIP) {
		if (read_gzip(&p->a, &a, err) < 0 || read_gzip(&p->b, &b, err) < 0)
			return -1;
		compare_gzip(r, p, &a, &b);
	}
	return compare_unpacked(r, p, &in, kind, said, err);
}

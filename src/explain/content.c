/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "explain/ex_run.h"

#include <string.h>

/* Tried in this order; the last takes everything. */
static const ex_reader readers[] = { ex_config,  ex_pyc,    ex_elf,         ex_kernel, ex_stream,
				     ex_archive, ex_fields, ex_document,    ex_json,   ex_keyed,
				     ex_ini,     ex_lines,  ex_bytes_differ };

void ex_pair_done(struct ex_pair *p)
{
	ex_source_drop(p->a.src);
	ex_source_drop(p->b.src);
	ss_buf_done(&p->path);
	*p = (struct ex_pair){ 0 };
}

void ex_push(struct ex_run *r, const struct ex_pair *p)
{
	struct ex_pair *to;

	if (p->depth > EX_MAX_DEPTH || r->pairs >= EX_MAX_PAIRS || p->path.n > EX_PATH) {
		ex_say_content(r, p, EX_UNKNOWN, "not looked into: nested too deep, or too many",
			       ex_text(""), ex_text(""));
		return;
	}
	if (r->n == r->cap) {
		r->cap = r->cap > 0 ? r->cap * 2 : 16;
		r->stack = ss_reallocarray(r->stack, r->cap, sizeof(*r->stack));
	}
	r->pairs++;
	to = &r->stack[r->n++];
	*to = *p;
	to->path = (struct ss_buf)SS_BUF_INIT(SIZE_MAX);
	ss_buf_put(&to->path, ss_buf_span(&p->path));
	(void)ex_source_hold(to->a.src);
	(void)ex_source_hold(to->b.src);
}

/* What a reader pushed comes out in its order. */
static void reverse(struct ex_pair *v, size_t n)
{
	for (size_t i = 0; i + 1 < n - i; i++) {
		const struct ex_pair t = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = t;
	}
}

static void le32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* A member of a zip is a gzip stream without its frame. One that is not packed is held as it is. */
static int unpack_member(struct ex_run *r, const struct ex_bytes *b, bool packed, uint32_t crc,
			 uint64_t size, struct ex_bytes *ret, struct ss_err *err)
{
	static const uint8_t head[10] = { 0x1f, 0x8b, 8 };
	uint8_t tail[8];

	if (!packed) {
		*ret = *b;
		(void)ex_source_hold(ret->src);
		return 0;
	}
	le32(tail, crc);
	le32(tail + 4, (uint32_t)size);
	return ex_unpack(b, INFLATE_GZIP, (struct ss_span){ head, sizeof(head) },
			 (struct ss_span){ tail, sizeof(tail) }, &r->left, ret, err);
}

static bool is_fatal(const struct ss_err *err)
{
	return err->code != SS_EINPUT && err->code != SS_ELIMIT;
}

/* Both or neither: what is unpacked says nothing of what is not. *ret_same: what was packed is
 * equal. */
static int unpack_both(struct ex_run *r, struct ex_pair *p, bool *ret_same, struct ss_err *err)
{
	struct ex_bytes a = { 0 };
	struct ex_bytes b = { 0 };

	*ret_same = false;
	if (!p->a_packed && !p->b_packed)
		return 0;
	if (unpack_member(r, &p->a, p->a_packed, p->a_crc, p->a_size, &a, err) < 0 ||
	    unpack_member(r, &p->b, p->b_packed, p->b_crc, p->b_size, &b, err) < 0) {
		ex_source_drop(a.src);
		if (is_fatal(err))
			return -1;
		*err = (struct ss_err){ 0 }; /* broken, or too large: compared as it is */
		return 0;
	}
	ex_source_drop(p->a.src);
	ex_source_drop(p->b.src);
	p->a = a;
	p->b = b;
	return ex_first_difference(&p->a, &p->b, 0, &p->first, ret_same, err);
}

static int look(struct ex_run *r, struct ex_pair *p, struct ss_err *err)
{
	const uint64_t said = r->said;
	const size_t n = r->n;
	bool done = false;
	bool same;

	if (unpack_both(r, p, &same, err) < 0)
		return -1;
	if (same) {
		ex_say_content(r, p, EX_TOOL_COMPRESSOR, "deflate", ex_text(""), ex_text(""));
		return 0;
	}
	r->follows = false;
	for (size_t i = 0; !done && i < SS_NELEMS(readers); i++)
		if (readers[i](r, p, &done, err) < 0)
			return -1;
	if (r->said == said && r->n == n &&
	    !r->follows) /* a form that its reader does not look at */
		return ex_bytes_differ(r, p, &done, err);
	reverse(r->stack + n, r->n - n);
	return 0;
}

/* They differ: whatever the readers thought of it, it is told. */
int ex_content(struct ex_run *r, const struct ex_pair *p, struct ss_err *err)
{
	const uint64_t said = r->said;
	bool follows = false;
	bool outermost = true;

	ex_push(r, p);
	while (r->n > 0) {
		struct ex_pair next = r->stack[--r->n];
		const int rc = look(r, &next, err);

		ex_pair_done(&next);
		if (rc < 0)
			return -1;
		follows = follows || (outermost && r->follows);
		outermost = false;
	}
	if (r->said == said && !follows)
		ex_say_content(r, p, EX_UNKNOWN, "the bytes differ", ex_text(""), ex_text(""));
	return 0;
}

static int load(const struct ex_bytes *b, struct ss_buf *to, struct ss_err *err)
{
	AUTO_FREE uint8_t *p = ss_calloc((size_t)b->n + 1, 1);

	if (ex_read(b, 0, p, (size_t)b->n, err) < 0)
		return -1;
	to->p = TAKE_PTR(p);
	to->n = (size_t)b->n;
	to->cap = (size_t)b->n + 1;
	return 0;
}

int ex_load(const struct ex_pair *p, struct ss_buf *a, struct ss_buf *b, bool *ret_done,
	    struct ss_err *err)
{
	*ret_done = p->a.n <= EX_LOAD && p->b.n <= EX_LOAD;
	if (!*ret_done)
		return 0;
	return load(&p->a, a, err) < 0 ? -1 : load(&p->b, b, err);
}

int ex_load_text(const struct ex_pair *p, struct ss_buf *a, struct ss_buf *b, bool *ret_done,
		 struct ss_err *err)
{
	if (ex_load(p, a, b, ret_done, err) < 0)
		return -1;
	*ret_done = *ret_done && ss_is_text(ss_buf_span(a)) && ss_is_text(ss_buf_span(b));
	return 0;
}

bool ex_ends_with(const struct ex_pair *p, const char *end)
{
	const size_t n = strlen(end);

	return p->path.n >= n && memcmp(p->path.p + p->path.n - n, end, n) == 0;
}

bool ex_is_named(const struct ex_pair *p, const char *name)
{
	const size_t n = strlen(name);

	if (!ex_ends_with(p, name))
		return false;
	return p->path.n == n || p->path.p[p->path.n - n - 1] == '/' ||
	       p->path.p[p->path.n - n - 1] == '!';
}

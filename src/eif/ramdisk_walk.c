/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/ramdisk_walk.h"

#include "base/mem.h"
#include "base/show.h"
#include "fmt/inflate.h"

#include <string.h>

#define ULL(x) ((unsigned long long)(x))
#define HEAD_MAX (CPIO_HEADER_SIZE + CPIO_MAX_NAME + 4)
#define BLOCK ((size_t)64 * 1024)

/* What the next bytes are. */
enum state { BETWEEN, HEADER, NAME, BODY, PAD };

struct eif_walk {
	struct eif_entries to;
	enum state state;
	uint8_t head[HEAD_MAX]; /* header, name, NUL and padding of the entry under way */
	size_t have;
	size_t name_n;
	struct cpio_entry e;
	uint64_t left;     /* of the body, or of the padding behind it */
	uint64_t at;       /* bytes of the archive so far */
	uint64_t entry_at; /* where the entry under way began */
	uint64_t entries;
};

struct eif_walk *eif_walk_new(const struct eif_entries *to)
{
	struct eif_walk *w = ss_calloc(1, sizeof(*w));

	w->to = *to;
	return w;
}

void eif_walk_free(struct eif_walk *w)
{
	free(w);
}

static void consume(struct eif_walk *w, struct ss_span *in, size_t n)
{
	in->p += n;
	in->n -= n;
	w->at += n;
}

/* Brings w->head to `want` bytes; true when they are there. */
static bool collect(struct eif_walk *w, struct ss_span *in, size_t want)
{
	size_t n = want - w->have;

	n = n < in->n ? n : in->n;
	memcpy(w->head + w->have, in->p, n);
	w->have += n;
	consume(w, in, n);
	return w->have == want;
}

static int where(const struct eif_walk *w, struct ss_err *err)
{
	return ss_ctx(err, "entry %llu at byte %llu", ULL(w->entries), ULL(w->entry_at));
}

static int end_body(struct eif_walk *w, struct ss_err *err)
{
	w->entries++;
	w->left = cpio_pad(w->e.size);
	w->state = PAD;
	return w->to.end(w->to.ctx, err);
}

static int end_name(struct eif_walk *w, struct ss_err *err)
{
	const struct ss_span raw = { w->head + CPIO_HEADER_SIZE, w->name_n };

	if (cpio_name_read(raw, &w->e, err) < 0)
		return where(w, err);
	if (cpio_is_trailer(&w->e)) {
		w->state = BETWEEN;
		if (w->e.size != 0) {
			(void)ss_fail(err, SS_EINPUT, "a trailer with a body");
			return where(w, err);
		}
		return w->to.trailer != NULL ? w->to.trailer(w->to.ctx, &w->e, err) : 0;
	}
	if (cpio_entry_check(&w->e, err) < 0) {
		(void)ss_ctx(err, "'%s'", SS_SHOW(w->e.name));
		return where(w, err);
	}
	w->left = w->e.size;
	w->state = BODY;
	if (w->to.entry(w->to.ctx, &w->e, err) < 0)
		return -1;
	return w->left == 0 ? end_body(w, err) : 0;
}

static int step_between(struct eif_walk *w, struct ss_span *in, struct ss_err *err)
{
	size_t n = 0;

	while (n < in->n && in->p[n] == 0)
		n++;
	consume(w, in, n);
	if (in->n == 0)
		return 0;
	if (in->p[0] != '0')
		return ss_fail(err, SS_EINPUT,
			       "byte %llu: what follows is neither zeros nor a newc archive",
			       ULL(w->at));
	w->entry_at = w->at;
	w->have = 0;
	w->state = HEADER;
	return 0;
}

static int step(struct eif_walk *w, struct ss_span *in, struct ss_err *err)
{
	size_t n;

	switch (w->state) {
	case BETWEEN:
		return step_between(w, in, err);
	case HEADER:
		if (!collect(w, in, CPIO_HEADER_SIZE))
			return 0;
		if (cpio_header_read((struct ss_span){ w->head, CPIO_HEADER_SIZE }, &w->e,
				     &w->name_n, err) < 0)
			return where(w, err);
		w->state = NAME;
		return 0;
	case NAME:
		if (!collect(w, in, cpio_entry_size(w->name_n - 1)))
			return 0;
		return end_name(w, err);
	case BODY:
		n = in->n < w->left ? in->n : (size_t)w->left;
		if (w->to.body(w->to.ctx, (struct ss_span){ in->p, n }, err) < 0)
			return -1;
		consume(w, in, n);
		w->left -= n;
		return w->left == 0 ? end_body(w, err) : 0;
	case PAD:
		n = in->n < w->left ? in->n : (size_t)w->left;
		consume(w, in, n);
		w->left -= n;
		if (w->left == 0) {
			w->entry_at = w->at;
			w->have = 0;
			w->state = HEADER;
		}
		return 0;
	}
	return 0;
}

int eif_walk_put(void *walk, struct ss_span s, struct ss_err *err)
{
	struct eif_walk *w = walk;

	while (s.n > 0)
		if (step(w, &s, err) < 0)
			return -1;
	return 0;
}

int eif_walk_end(struct eif_walk *w, struct ss_err *err)
{
	if (w->state == BETWEEN)
		return 0;
	if ((w->state == PAD && w->left == 0) || (w->state == HEADER && w->have == 0))
		return ss_fail(err, SS_EINPUT, "the archive ends without a trailer, at byte %llu",
			       ULL(w->at));
	(void)ss_fail(err, SS_EINPUT, "the archive ends early, at byte %llu", ULL(w->at));
	return where(w, err);
}

/* --- a ramdisk of a file --------------------------------------------------------------------- */

struct inflated {
	struct eif_walk *walk;
	uint8_t block[BLOCK];
};

static int room(void *ctx, uint8_t **ret, size_t *ret_n, struct ss_err *err)
{
	struct inflated *i = ctx;

	(void)err;
	*ret = i->block;
	*ret_n = sizeof(i->block);
	return 0;
}

static int push(void *ctx, size_t n, struct ss_err *err)
{
	struct inflated *i = ctx;

	return eif_walk_put(i->walk, (struct ss_span){ i->block, n }, err);
}

static int feed_inflate(void *ctx, struct ss_span s, struct ss_err *err)
{
	return inflate_put(ctx, s, err);
}

static int walk_compressed(const struct eif_file *f, const struct eif_section *s,
			   enum inflate_kind kind, struct eif_walk *w, struct ss_err *err)
{
	AUTO_FREE struct inflated *i = ss_calloc(1, sizeof(*i));
	AUTO_INFLATE struct inflate *in = NULL;
	const struct inflate_sink sink = { room, push, i };
	const struct inflate_limits limits = { .ratio = EIF_RAMDISK_RATIO };

	i->walk = w;
	if (inflate_new(kind, &sink, &limits, &in, err) < 0 ||
	    eif_file_each(f, s, feed_inflate, in, err) < 0)
		return -1;
	return inflate_end(in, err);
}

static int walk_section(const struct eif_file *f, const struct eif_section *s, struct eif_walk *w,
			struct ss_err *err)
{
	uint8_t head[INFLATE_SNIFF];
	const size_t n = s->size < sizeof(head) ? (size_t)s->size : sizeof(head);
	enum inflate_kind kind;
	int rc;

	if (eif_file_read(f, eif_section_data(s), head, n, err) < 0)
		return -1;
	kind = inflate_sniff((struct ss_span){ head, n });
	rc = kind == INFLATE_PLAIN ? eif_file_each(f, s, eif_walk_put, w, err)
				   : walk_compressed(f, s, kind, w, err);
	return rc < 0 ? -1 : eif_walk_end(w, err);
}

int eif_ramdisk_walk(const struct eif_file *f, const struct eif_section *s,
		     const struct eif_entries *to, struct ss_err *err)
{
	AUTO_EIF_WALK struct eif_walk *w = eif_walk_new(to);
	size_t i = 0;

	if (walk_section(f, s, w, err) == 0)
		return 0;
	for (const struct eif_section *other = f->sections; other < s; other++)
		i += other->type == EIF_RAMDISK;
	return ss_ctx(err, "ramdisk %zu", i);
}

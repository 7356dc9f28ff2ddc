/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layers.h"

#include "base/mem.h"
#include "oci/unpack.h"

#include <assert.h>

/* A layer under way. */
struct slot {
	struct oci_unpack_in in;
	struct oci_unpack *unpack;
	enum inflate_kind kind;
	bool started;
	int rc; /* of starting it, told when its turn comes */
	struct ss_err err;
};

struct merge {
	struct oci_apply *a;
	struct oci_layers *l;
	struct ss_progress *progress;
	struct oci_guards *guards;
	struct slot slots[2]; /* of layer i: slots[i % 2] */
};

void oci_layers_done(struct oci_layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		oci_part_done(&l->v[i].part);
	free(l->v);
	*l = (struct oci_layers){ 0 };
}

static int layer_ctx(const struct merge *m, size_t i, struct ss_err *err)
{
	const struct oci_layer *l = &m->l->v[i];
	char digest[OCI_DIGEST_SHORT] = "no digest";

	if (l->has_digest || l->has_diff_id)
		oci_digest_write_short(l->has_digest ? &l->digest : &l->diff_id, digest);
	return ss_ctx(err, "layer %zu (%s)", i + 1, digest);
}

static int start(struct merge *m, size_t i, struct ss_err *err)
{
	struct slot *s = &m->slots[i % 2];
	const struct oci_layer *l = &m->l->v[i];

	if (oci_unpack_kind(&l->part, &s->kind, err) < 0)
		return -1;
	if (s->kind == INFLATE_PLAIN && oci_guard_add(m->guards, l->part.fd, err) < 0)
		return -1;
	s->in = (struct oci_unpack_in){
		.part = l->part,
		.digest = l->has_digest ? &l->digest : NULL,
		.diff_id = l->has_diff_id ? &l->diff_id : NULL,
		.limits = { .out = m->a->limits.total,
			    .ratio = m->a->limits.ratio,
			    .out_hint = OCI_HINT_TOTAL,
			    .ratio_hint = OCI_HINT_RATIO },
		.progress = m->progress,
	};
	return oci_unpack_start(&s->in, &s->unpack, err);
}

static void start_once(struct merge *m, size_t i)
{
	struct slot *s = &m->slots[i % 2];

	if (i >= m->l->n || s->started)
		return;
	s->started = true;
	s->rc = start(m, i, &s->err);
}

static void drop(struct slot *s)
{
	oci_unpack_free(s->unpack);
	*s = (struct slot){ 0 };
}

/* Two zstd windows at a time would be twice the memory. */
static bool may_overlap(const struct merge *m, size_t i)
{
	enum inflate_kind next;
	struct ss_err ignored;

	return i + 1 < m->l->n && m->slots[i % 2].kind != INFLATE_ZSTD &&
	       oci_unpack_kind(&m->l->v[i + 1].part, &next, &ignored) == 0 && next != INFLATE_ZSTD;
}

static int play(struct merge *m, struct slot *s, struct ss_err *err)
{
	struct oci_part at;
	struct oci_apply_from from;
	struct ss_err e;
	int rc;

	assert(s->unpack != NULL);
	at = oci_unpack_result(s->unpack);
	from = (struct oci_apply_from){ .read = oci_unpack_read,
					.ctx = s->unpack,
					.fd = at.fd,
					.at = at.at,
					.compressed = s->in.part.n };
	rc = oci_apply_tar(m->a, &from, &e);
	/* If the bytes are not the right ones, that is what is wrong with them. */
	if (oci_unpack_wait(s->unpack, err) < 0)
		return -1;
	if (rc < 0)
		*err = e;
	return rc < 0 ? -1 : oci_apply_count(m->a, oci_unpack_result(s->unpack).n, err);
}

static int merge_one(struct merge *m, size_t i, struct ss_err *err)
{
	struct slot *s = &m->slots[i % 2];
	int rc;

	start_once(m, i);
	if (s->rc == 0 && may_overlap(m, i))
		start_once(m, i + 1);
	if (s->rc < 0)
		*err = s->err;
	rc = s->rc == 0 ? play(m, s, err) : -1;
	drop(s);
	oci_part_done(&m->l->v[i].part);
	return rc < 0 ? layer_ctx(m, i, err) : 0;
}

int oci_layers_merge(struct oci_apply *a, struct oci_layers *l, struct ss_progress *p,
		     struct oci_guards *guards, struct ss_err *err)
{
	struct merge m = { .a = a, .l = l, .progress = p, .guards = guards };
	uint64_t total = 0;
	int rc = 0;

	for (size_t i = 0; i < l->n; i++)
		total += l->v[i].part.n;
	ss_progress_phase(p, "merging layers", total);
	for (size_t i = 0; i < l->n && rc == 0; i++)
		rc = merge_one(&m, i, err);
	drop(&m.slots[0]);
	drop(&m.slots[1]);
	return rc;
}

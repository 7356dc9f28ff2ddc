/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/measure.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

/* Where one consumer stands in the file; each thread has its own. */
struct walk {
	const struct eif_section *sections;
	size_t i;
	uint64_t pos; /* within section i, its header included */
	size_t ramdisks;
};

/* A run of data of one section; empty while its header goes by. */
struct piece {
	const struct eif_section *section;
	size_t ramdisk; /* how many ramdisks came before this section */
	struct ss_span data;
	bool ends; /* the section ends with this piece */
};

struct eif_meter {
	struct walk image_walk;
	struct crypto_hash *image; /* kernel, cmdline, all ramdisks */
	struct crypto_hash *boot;  /* its fork after ramdisk 0; a cmdline may still follow */

	struct walk part_walk;
	struct crypto_hash *part; /* of the section under way, or NULL */
	struct crypto_hash *rest; /* ramdisk 1 and on: the part's fork after ramdisk 1 */
	struct eif_part parts[EIF_MAX_PARTS];
	size_t n_parts;
};

static bool next_piece(struct walk *w, struct ss_span *in, struct piece *ret)
{
	const struct eif_section *s = &w->sections[w->i];
	size_t n = in->n;

	if (in->n == 0)
		return false;
	assert(w->i < EIF_MAX_SECTIONS);
	*ret = (struct piece){ .section = s, .ramdisk = w->ramdisks };
	if (w->pos < EIF_SECTION_HEADER_SIZE) {
		const size_t left = (size_t)(EIF_SECTION_HEADER_SIZE - w->pos);

		n = n < left ? n : left;
	} else {
		const uint64_t left = s->size - (w->pos - EIF_SECTION_HEADER_SIZE);

		n = n < left ? n : (size_t)left;
		ret->data = (struct ss_span){ in->p, n };
	}
	in->p += n;
	in->n -= n;
	w->pos += n;
	ret->ends =
		w->pos >= EIF_SECTION_HEADER_SIZE && w->pos - EIF_SECTION_HEADER_SIZE == s->size;
	if (ret->ends) {
		w->i++;
		w->pos = 0;
		w->ramdisks += s->type == EIF_RAMDISK;
	}
	return true;
}

void eif_pcr_extend(const uint8_t inner[CRYPTO_SHA384_SIZE], uint8_t ret[CRYPTO_SHA384_SIZE])
{
	uint8_t both[2 * CRYPTO_SHA384_SIZE] = { 0 };

	memcpy(both + CRYPTO_SHA384_SIZE, inner, CRYPTO_SHA384_SIZE);
	crypto_hash_once(CRYPTO_SHA384, (struct ss_span){ both, sizeof(both) }, ret);
}

struct eif_meter *eif_meter_new(const struct eif_section *sections)
{
	struct eif_meter *m = ss_calloc(1, sizeof(*m));

	m->image_walk.sections = sections;
	m->part_walk.sections = sections;
	m->image = crypto_hash_new(CRYPTO_SHA384);
	return m;
}

void eif_meter_free(struct eif_meter *m)
{
	if (m == NULL)
		return;
	crypto_hash_free(m->image);
	crypto_hash_free(m->boot);
	crypto_hash_free(m->part);
	crypto_hash_free(m->rest);
	free(m);
}

int eif_meter_put_image(void *meter, struct ss_span s, struct ss_err *err)
{
	struct eif_meter *m = meter;
	struct piece p;

	(void)err;
	while (next_piece(&m->image_walk, &s, &p)) {
		if (!eif_section_is_measured(p.section->type))
			continue;
		crypto_hash_put(m->image, p.data);
		if (m->boot != NULL && p.section->type != EIF_RAMDISK)
			crypto_hash_put(m->boot, p.data);
		if (p.ends && p.section->type == EIF_RAMDISK && p.ramdisk == 0)
			m->boot = crypto_hash_fork(m->image);
	}
	return 0;
}

static void end_part(struct eif_meter *m, const struct piece *p)
{
	struct eif_part *part = &m->parts[m->n_parts++];

	if (p->section->type == EIF_RAMDISK && p->ramdisk == 1)
		m->rest = crypto_hash_fork(m->part);
	part->type = p->section->type;
	part->size = p->section->size;
	crypto_hash_end(m->part, part->sha384);
	crypto_hash_free(TAKE_PTR(m->part));
}

int eif_meter_put_parts(void *meter, struct ss_span s, struct ss_err *err)
{
	struct eif_meter *m = meter;
	struct piece p;

	(void)err;
	while (next_piece(&m->part_walk, &s, &p)) {
		if (!eif_section_is_measured(p.section->type))
			continue;
		if (m->part == NULL)
			m->part = crypto_hash_new(CRYPTO_SHA384);
		crypto_hash_put(m->part, p.data);
		if (p.section->type == EIF_RAMDISK && p.ramdisk > 1)
			crypto_hash_put(m->rest, p.data);
		if (p.ends)
			end_part(m, &p);
	}
	return 0;
}

static void end_register(struct crypto_hash *h, uint8_t ret[CRYPTO_SHA384_SIZE])
{
	uint8_t inner[CRYPTO_SHA384_SIZE];

	crypto_hash_end(h, inner);
	eif_pcr_extend(inner, ret);
}

void eif_meter_end(struct eif_meter *m, struct eif_measurements *ret)
{
	assert(m->image_walk.i == m->part_walk.i && m->part == NULL);
	if (m->boot == NULL)
		m->boot = crypto_hash_fork(m->image); /* no ramdisk at all */
	if (m->rest == NULL)
		m->rest = crypto_hash_new(CRYPTO_SHA384); /* PCR2 of nothing */
	end_register(m->image, ret->pcr0);
	end_register(m->boot, ret->pcr1);
	end_register(m->rest, ret->pcr2);
	memcpy(ret->parts, m->parts, sizeof(ret->parts));
	ret->n_parts = m->n_parts;
}

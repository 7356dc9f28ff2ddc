/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <elf.h>
#include <string.h>

/*
 * A program has just been loaded: the vector behind its environment says where the vDSO is, which
 * reads clocks without any system call, and where 16 random bytes are. Without the one, a program
 * of any language asks the kernel.
 */
#define WORDS_MAX 65536u /* arguments and variables; the kernel has no such limit */

/* Words of the new stack, in pieces. */
struct walk {
	pid_t tid;
	uint64_t at;
	size_t size; /* 4 or 8 */
	uint8_t piece[4096];
	uint64_t begin;
	size_t n;
};

static bool word(struct walk *w, uint64_t *ret)
{
	uint32_t narrow;

	if (w->at < w->begin || w->at + w->size > w->begin + w->n) {
		size_t n = sizeof(w->piece);

		/* Up to the end of a page: behind it may be nothing. */
		n -= (size_t)(w->at % sizeof(w->piece));
		if (!sup_read(w->tid, w->at, w->piece, n))
			return false;
		w->begin = w->at;
		w->n = n;
	}
	if (w->size == 8) {
		memcpy(ret, w->piece + (w->at - w->begin), 8);
	} else {
		memcpy(&narrow, w->piece + (w->at - w->begin), 4);
		*ret = narrow;
	}
	w->at += w->size;
	return true;
}

/* Of a list, the words before the NULL that ends it; those that have no place are counted. */
struct list {
	uint64_t v[256];
	size_t n;
};

static bool read_list(struct walk *w, struct list *ret)
{
	uint64_t v;

	for (ret->n = 0; ret->n < WORDS_MAX; ret->n++) {
		if (!word(w, &v))
			return false;
		if (v == 0)
			return true;
		if (ret->n < SS_NELEMS(ret->v))
			ret->v[ret->n] = v;
	}
	return false;
}

static void patch_vector(struct sup *s, struct sup_task *t, struct walk *w)
{
	static const uint64_t ignore = AT_IGNORE;
	const bool clock = s->clock.frozen || s->clock.offset != 0;
	uint8_t bytes[16];
	uint64_t type, value;

	for (unsigned i = 0; i < 64; i++) {
		const uint64_t at = w->at;

		if (!word(w, &type) || !word(w, &value) || type == AT_NULL)
			return;
		if (type == AT_BASE && w->size == 8)
			t->loader = value;
		if (type == AT_EUID && value != 0)
			t->odd = true;
		if (type == AT_SYSINFO_EHDR && clock)
			(void)sup_write(t->tid, at, &ignore, w->size);
		if (type == AT_RANDOM && s->view->has_seed) {
			sup_task_random(t, bytes, sizeof(bytes));
			(void)sup_write(t->tid, value, bytes, sizeof(bytes));
		}
	}
}

void sup_exec(struct sup *s, struct sup_task *t)
{
	struct walk w = { .tid = t->tid, .size = 8 };
	struct list list;
	uint64_t argc;
	bool narrow;

	t->tsc = t->loader = t->loader_tsc = 0;
	t->process = t->tid;
	t->mono = 0;
	if (!sup_regs_sp(t->tid, &w.at, &narrow))
		return;
	w.size = narrow ? 4 : 8;
	if (!word(&w, &argc) || !read_list(&w, &list) || !read_list(&w, &list))
		return;
	patch_vector(s, t, &w);
	if (s->view->tsc.set && t->loader != 0 && list.n <= SS_NELEMS(list.v))
		sup_tsc_spare(&s->tsc_sites, t, list.v, list.n);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties: a refusal says why; an accepted entry keeps every promise of the header; reads never
 * go back; reading twice gives the same. Checksums are set right first, so that the fuzzer reaches
 * what is behind them.
 */
#include "base/mem.h"
#include "fmt/tar.h"

#include <stdlib.h>
#include <string.h>

struct mem {
	const uint8_t *p;
	size_t n;
	uint64_t last;
};

static int read_mem(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	struct mem *m = ctx;
	const size_t left = at < m->n ? m->n - (size_t)at : 0;

	(void)err;
	if (at < m->last)
		abort();
	m->last = at;
	*ret_n = n < left ? n : left;
	if (*ret_n > 0)
		memcpy(p, m->p + at, *ret_n);
	return 0;
}

static void mend_sums(uint8_t *p, size_t n)
{
	for (size_t at = 0; n - at >= TAR_BLOCK; at += TAR_BLOCK) {
		uint8_t *h = p + at;
		unsigned sum = 8 * ' ';

		if (memcmp(h + 257, "ustar", 5) != 0)
			continue;
		for (size_t i = 0; i < TAR_BLOCK; i++)
			sum += i < 148 || i >= 156 ? h[i] : 0;
		for (size_t i = 0; i < 6; i++)
			h[153 - i] = (uint8_t)('0' + (sum >> 3 * i & 7));
		h[154] = h[155] = ' ';
	}
}

static void check(const struct tar_entry *e)
{
	uint64_t end = 0, sum = 0;

	if (e->path.n == 0 || memchr(e->path.p, 0, e->path.n) != NULL || e->mode > 07777)
		abort();
	if ((e->type == TAR_LINK || e->type == TAR_SYMLINK) && e->link.n == 0)
		abort();
	if (e->link.n > 0 && memchr(e->link.p, 0, e->link.n) != NULL)
		abort();
	if (e->type != TAR_REG && (e->size != 0 || e->stored != 0 || e->sparse))
		abort();
	if (e->body > INT64_MAX || e->stored > INT64_MAX || e->size > INT64_MAX)
		abort();
	for (size_t i = 0; e->sparse && i < e->n_segments; i++) {
		if (e->segments[i].at < end || e->segments[i].n > e->size - e->segments[i].at)
			abort();
		end = e->segments[i].at + e->segments[i].n;
		sum += e->segments[i].n;
	}
	if (sum != (e->sparse ? e->stored : 0) || (!e->sparse && e->size != e->stored))
		abort();
	for (size_t i = 0; i < e->n_xattrs; i++)
		if (e->xattrs[i].name.n == 0)
			abort();
}

static uint64_t run(const uint8_t *p, size_t n)
{
	struct mem m = { p, n, 0 };
	const struct tar_source src = { read_mem, &m };
	AUTO_TAR struct tar_reader *t = tar_new(&src);
	struct tar_entry e;
	struct ss_err err = { 0 };
	bool end = false;
	uint64_t mix = 0;

	while (!end) {
		if (tar_next(t, &e, &end, &err) < 0) {
			if (err.code == SS_OK || err.msg[0] == '\0')
				abort();
			return mix ^ strlen(err.msg);
		}
		if (!end) {
			check(&e);
			mix = mix * 31 + e.size + e.body + e.path.n * 7 + e.uid;
		}
	}
	return ~mix;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE uint8_t *copy = ss_calloc(size, 1);

	if (size > 0)
		memcpy(copy, data, size);
	mend_sums(copy, size);
	if (run(copy, size) != run(copy, size))
		abort();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

/*
 * Compiled Python (PEP 552): magic number, flags, then time and size of the source, or its hash;
 * each four bytes, little-endian. The code behind the header is only compared as bytes.
 */
#define HEADER 16u

struct pyc {
	uint8_t raw[HEADER];
	uint32_t magic, flags, mtime, size;
};

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int read_header(const struct ex_bytes *b, struct pyc *h, bool *ret_is, struct ss_err *err)
{
	size_t n;

	if (ex_read_some(b, 0, h->raw, HEADER, &n, err) < 0)
		return -1;
	h->magic = le32(h->raw);
	h->flags = le32(h->raw + 4);
	h->mtime = le32(h->raw + 8);
	h->size = le32(h->raw + 12);
	*ret_is = n == HEADER && h->raw[2] == '\r' && h->raw[3] == '\n' && h->flags <= 3;
	return 0;
}

static void compare_headers(struct ex_run *r, const struct ex_pair *p, const struct pyc *a,
			    const struct pyc *b)
{
	char x[32];
	char y[32];

	if (a->magic != b->magic) {
		(void)snprintf(x, sizeof(x), "%u", a->magic & 0xffff);
		(void)snprintf(y, sizeof(y), "%u", b->magic & 0xffff);
		ex_say_text(r, p, EX_TOOL_COMPILER, "bytes 0 to 3: Python's magic number", x, y);
	}
	if (a->flags != b->flags) {
		(void)snprintf(x, sizeof(x), "flags %u", a->flags);
		(void)snprintf(y, sizeof(y), "flags %u", b->flags);
		ex_say_text(r, p, EX_TIME_PYC, "bytes 4 to 7: checked by time or by hash", x, y);
		return;
	}
	if (a->flags == 0 && a->mtime != b->mtime)
		ex_say_time(r, p, EX_TIME_PYC, "bytes 8 to 11: time of the source", a->mtime,
			    b->mtime);
	if (a->flags == 0 && a->size != b->size) {
		(void)snprintf(x, sizeof(x), "%u bytes", a->size);
		(void)snprintf(y, sizeof(y), "%u bytes", b->size);
		ex_say_text(r, p, EX_UNKNOWN, "bytes 12 to 15: size of the source", x, y);
	}
}

/* Sets and interned names come in the order of their hashes: the same bytes, elsewhere. */
static int is_shuffled(const struct ex_pair *p, bool *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(EX_LOAD);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EX_LOAD);
	uint32_t count[256] = { 0 };
	bool loaded;

	*ret = false;
	if (ex_load(p, &a, &b, &loaded, err) < 0)
		return -1;
	if (!loaded || a.n != b.n)
		return 0;
	for (size_t i = HEADER; i < a.n; i++) {
		count[a.p[i]]++;
		count[b.p[i]]--;
	}
	for (size_t i = 0; i < SS_NELEMS(count); i++)
		if (count[i] != 0)
			return 0;
	*ret = true;
	return 0;
}

int ex_pyc(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	struct pyc a = { 0 };
	struct pyc b = { 0 };
	char where[64];
	bool is_a, is_b, same, shuffled;
	uint64_t at;

	if (!ex_ends_with(p, ".pyc") && !ex_ends_with(p, ".pyo"))
		return 0;
	if (read_header(&p->a, &a, &is_a, err) < 0 || read_header(&p->b, &b, &is_b, err) < 0)
		return -1;
	if (!is_a || !is_b)
		return 0;
	*ret_done = true;
	compare_headers(r, p, &a, &b);
	if (ex_first_difference(&p->a, &p->b, HEADER, &at, &same, err) < 0)
		return -1;
	if (same || a.magic != b.magic)
		return 0;
	if (is_shuffled(p, &shuffled, err) < 0)
		return -1;
	if (!shuffled)
		return ex_bytes_differ(r, p, ret_done, err);
	(void)snprintf(where, sizeof(where), "code, byte %llu on: the same bytes elsewhere",
		       (unsigned long long)at);
	ex_say_text(r, p, EX_RAND_HASH_SEED, where, "", "");
	return 0;
}

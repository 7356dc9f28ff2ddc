/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

/* A format of which a few fields at fixed places say enough: SQLite's header. */
#define SQLITE_HEAD 100u

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* --- SQLite (sqlite.org/fileformat2.html, 1.3) ------------------------------------------------ */

static int compare_sqlite(struct ex_run *r, const struct ex_pair *p, const uint8_t *a,
			  const uint8_t *b, struct ss_err *err)
{
	static const struct {
		size_t at;
		const char *where;
	} fields[] = {
		{ 24, "bytes 24 to 27: how often it was changed" },
		{ 92, "bytes 92 to 95: the change that the version belongs to" },
		{ 96, "bytes 96 to 99: version of SQLite" },
	};
	uint64_t at;
	bool same;

	for (size_t i = 0; i < SS_NELEMS(fields); i++) {
		char x[16];
		char y[16];

		if (be32(a + fields[i].at) == be32(b + fields[i].at))
			continue;
		(void)snprintf(x, sizeof(x), "%u", be32(a + fields[i].at));
		(void)snprintf(y, sizeof(y), "%u", be32(b + fields[i].at));
		ex_say_text(r, p, EX_TOOL_SQLITE, fields[i].where, x, y);
	}
	if (ex_first_difference(&p->a, &p->b, SQLITE_HEAD, &at, &same, err) < 0)
		return -1;
	if (!same) {
		char where[64];

		(void)snprintf(where, sizeof(where), "a page, byte %llu", (unsigned long long)at);
		ex_say_text(r, p, EX_FORM_DATABASE, where, "", "");
	}
	return 0;
}

int ex_fields(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	uint8_t a[SQLITE_HEAD], b[SQLITE_HEAD];
	size_t n, m;

	if (ex_read_some(&p->a, 0, a, sizeof(a), &n, err) < 0 ||
	    ex_read_some(&p->b, 0, b, sizeof(b), &m, err) < 0)
		return -1;
	if (n == SQLITE_HEAD && m == SQLITE_HEAD && memcmp(a, "SQLite format 3", 16) == 0 &&
	    memcmp(b, "SQLite format 3", 16) == 0) {
		*ret_done = true;
		return compare_sqlite(r, p, a, b, err);
	}
	return 0;
}

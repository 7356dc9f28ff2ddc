/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint.h"
#include "engine/dockerfile.h"

#include <stdlib.h>
#include <string.h>

/* A file that the engine's reader accepts is linted, and no other; findings stand in order at
 * places of the file, on the line that is there, with words; twice the same. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cfg_pairs none = { 0 };

static bool has(void *ctx, const char *path, const char *text)
{
	(void)ctx;
	return strlen(path) % 2 == 0 && text != NULL;
}

static void check(const struct lint_report *r, const uint8_t *data, size_t size)
{
	size_t at = 0;
	uint32_t line = 1;

	for (size_t i = 0; i < r->n; i++) {
		const struct lint_finding *f = &r->v[i];

		if (f->at > size || f->at < at || f->code >= LINT_CODES || f->words == NULL)
			abort();
		for (; at < f->at; at++)
			line += data[at] == '\n' ? 1 : 0;
		if (f->line != line)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct lint_options o = { .args = &none, .platform = "linux/amd64", .has = has };
	const struct df_globals g = { &none, "linux/amd64", "linux/amd64" };
	const struct ss_span in = { data, size };
	struct df_file f;
	struct lint_report a, b;
	struct ss_err err = { 0 };

	if (lint_read(in, &o, &a, &err) < 0) {
		if ((err.code != SS_EINPUT && err.code != SS_ELIMIT) || err.msg[0] == '\0' ||
		    df_read(in, &g, &f, &err) == 0)
			abort();
		return 0;
	}
	check(&a, data, size);
	if (df_read(in, &g, &f, &err) < 0 || lint_read(in, &o, &b, &err) < 0 || a.n != b.n)
		abort();
	for (size_t i = 0; i < a.n; i++)
		if (a.v[i].code != b.v[i].code || strcmp(a.v[i].words, b.v[i].words) != 0)
			abort();
	df_done(&f);
	lint_report_done(&a);
	lint_report_done(&b);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two contents of any type: the first byte picks a name, the next two where the input is cut into
 * two. Whatever they are: looking never fails, different bytes are told, and told the same way
 * twice.
 */
#include "explain/ex_run.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void compare(const char *name, struct ss_span a, struct ss_span b, struct ex_report *ret)
{
	const struct ex_options o = { .arch = "x86_64" };
	struct ex_pair p = { .path = SS_BUF_INIT(64) };
	struct ss_err err = { 0 };
	struct ex_run r;

	p.a = (struct ex_bytes){ .src = ex_source_mem(a), .n = a.n };
	p.b = (struct ex_bytes){ .src = ex_source_mem(b), .n = b.n };
	ss_buf_put(&p.path, ex_text(name));
	ex_run_init(&r, &o, ret);
	r.part = "file";
	ex_next_file(&r, ss_buf_span(&p.path));
	must(ex_content(&r, &p, &err) == 0);
	ex_run_done(&r);
	ex_pair_done(&p);
}

static bool is_same(struct ss_span a, struct ss_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"x", "x.pyc", "etc/passwd", "etc/shadow", "var/lib/dpkg/status", "x.json", "config"
	};
	AUTO_EX_REPORT struct ex_report one = { 0 };
	AUTO_EX_REPORT struct ex_report two = { 0 };
	struct ss_span a, b;
	size_t cut;

	if (size < 3)
		return 0;
	cut = (size_t)(data[1] | data[2] << 8);
	cut = cut < size - 3 ? cut : size - 3;
	a = (struct ss_span){ data + 3, cut };
	b = (struct ss_span){ data + 3 + cut, size - 3 - cut };
	if (is_same(a, b))
		return 0;
	compare(names[data[0] % SS_NELEMS(names)], a, b, &one);
	compare(names[data[0] % SS_NELEMS(names)], a, b, &two);
	must(one.n == two.n && one.n_groups == two.n_groups);
	must(one.files == 1 || strcmp(names[data[0] % SS_NELEMS(names)], "config") == 0);
	for (size_t i = 0; i < one.n; i++)
		must(one.diffs[i].cause == two.diffs[i].cause &&
		     is_same(one.diffs[i].where, two.diffs[i].where) &&
		     is_same(one.diffs[i].a, two.diffs[i].a));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two contents of any type: the first byte picks a name, the next two where the input is cut into
 * two. Whatever they are: looking never fails, different bytes are told, and told the same way
 * twice.
 *
 * Compiled with EXPLAIN_GROUP, both contents begin as those of that group do, so that one group of
 * readers sees nearly all of the inputs.
 */
#include "explain/ex_run.h"

#include <stdlib.h>
#include <string.h>

#ifndef EXPLAIN_GROUP
#define EXPLAIN_GROUP "any"
#endif

/* What a content is called, and the bytes it has at a place. */
static const struct form {
	const char *group;
	const char *name;
	size_t at;
	const char *magic;
	size_t n;
} forms[] = {
#define FORM(group, name, at, magic)                                                               \
	{                                                                                          \
		group, name, at, magic, sizeof(magic) - 1                                          \
	}
	FORM("any", "x", 0, ""),
	FORM("any", "x.pyc", 0, ""),
	FORM("any", "etc/passwd", 0, ""),
	FORM("any", "etc/shadow", 0, ""),
	FORM("any", "var/lib/dpkg/status", 0, ""),
	FORM("any", "x.json", 0, ""),
	FORM("any", "config", 0, ""),
	FORM("elf", "x", 0, "\177ELF\2\1\1"),
	FORM("elf", "x", 0, "\177ELF\1\1\1"),
	FORM("elf", "x", 0, "\177ELF\2\2\1"),
	FORM("elf", "x", 0, "\177ELF\1\2\1"),
	FORM("archive", "x", 0, "!<arch>\n"),
	FORM("archive", "x", 0, "PK\003\004"),
	FORM("archive", "x", 0, "070701"),
	FORM("archive", "x", 257, "ustar\00000"),
	FORM("stream", "x", 0, "\037\213\010"),
	FORM("stream", "x", 0, "\050\265\057\375"),
	FORM("stream", "x", 0, "\3757zXZ\0"),
	FORM("stream", "x", 0, "BZh"),
	FORM("media", "x", 0, "SQLite format 3"),
	FORM("media", "x", 0, "%PDF-1."),
	FORM("media", "x", 0, "\211PNG\r\n\032\n"),
	FORM("kernel", "x", 0x202, "HdrS"),
	FORM("text", "x", 0, ""),
	FORM("text", "x.pyc", 0, ""),
	FORM("text", "x.json", 0, "{"),
	FORM("text", "x.json", 0, "["),
	FORM("text", "etc/passwd", 0, ""),
	FORM("text", "etc/shadow", 0, ""),
	FORM("text", "var/lib/dpkg/status", 0, ""),
	FORM("text", "lib/apk/db/installed", 0, ""),
	FORM("text", "x.ini", 0, "["),
	FORM("text", "config", 0, ""),
	FORM("config", "config", 0, ""),
	FORM("ini", "x.ini", 0, "["),
	FORM("ini", "x.ini", 0, "[a]\nk="),
	FORM("json", "x.json", 0, "{"),
	FORM("json", "x.json", 0, "["),
	FORM("keyed", "etc/passwd", 0, ""),
	FORM("keyed", "etc/shadow", 0, ""),
	FORM("keyed", "var/lib/dpkg/status", 0, "Package: "),
	FORM("keyed", "lib/apk/db/installed", 0, "P:"),
	FORM("keyed", "etc/group", 0, ""),
	FORM("keyed", "etc/gshadow", 0, ""),
	FORM("keyed", "etc/subuid", 0, ""),
	FORM("pyc", "x.pyc", 0, ""),
};

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
	r.part = strcmp(name, "config") == 0 ? "ramdisk1" : "file"; /* only there it is measured */
	ex_next_file(&r, ss_buf_span(&p.path));
	must(ex_content(&r, &p, &err) == 0);
	ex_run_done(&r);
	ex_pair_done(&p);
}

static bool is_same(struct ss_span a, struct ss_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* A copy that begins as the form says; ss_buf_done() is due. */
static struct ss_buf formed(const struct form *f, struct ss_span in)
{
	struct ss_buf b = SS_BUF_INIT(SIZE_MAX);

	ss_buf_put(&b, in);
	if (b.n >= f->at + f->n && f->n > 0)
		memcpy(b.p + f->at, f->magic, f->n);
	return b;
}

static const struct form *form_of(uint8_t nth)
{
	size_t n = 0;

	for (size_t i = 0; i < SS_NELEMS(forms); i++)
		n += strcmp(forms[i].group, EXPLAIN_GROUP) == 0;
	n = nth % n;
	for (size_t i = 0;; i++)
		if (strcmp(forms[i].group, EXPLAIN_GROUP) == 0 && n-- == 0)
			return &forms[i];
}

static void compare_twice(const struct form *f, struct ss_span a, struct ss_span b)
{
	AUTO_EX_REPORT struct ex_report one = { 0 };
	AUTO_EX_REPORT struct ex_report two = { 0 };

	if (is_same(a, b))
		return;
	compare(f->name, a, b, &one);
	compare(f->name, a, b, &two);
	must(one.n == two.n && one.n_groups == two.n_groups);
	must(one.files == 1 || strcmp(f->name, "config") == 0);
	for (size_t i = 0; i < one.n; i++)
		must(one.diffs[i].cause == two.diffs[i].cause &&
		     is_same(one.diffs[i].where, two.diffs[i].where) &&
		     is_same(one.diffs[i].a, two.diffs[i].a));
}

static void compare_formed(const struct form *f, struct ss_span a, struct ss_span b)
{
	AUTO_BUF struct ss_buf x = formed(f, a);
	AUTO_BUF struct ss_buf y = formed(f, b);

	compare_twice(f, ss_buf_span(&x), ss_buf_span(&y));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct form *f;
	size_t cut;

	if (size < 3)
		return 0;
	f = form_of(data[0]);
	cut = (size_t)(data[1] | data[2] << 8);
	cut = cut < size - 3 ? cut : size - 3;
	compare_formed(f, (struct ss_span){ data + 3, cut },
		       (struct ss_span){ data + 3 + cut, size - 3 - cut });
	return 0;
}

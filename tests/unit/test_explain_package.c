/* SPDX-License-Identifier: Apache-2.0 */
/* What dpkg's databases tell of the files of packages that changed. */
#include "base/mem.h"
#include "base/text.h"
#include "expect.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

#define SUM_1 "11111111111111111111111111111111  "
#define SUM_2 "22222222222222222222222222222222  "
#define STATUS "var/lib/dpkg/status"
#define INFO "var/lib/dpkg/info/"

struct file {
	const char *name;
	const char *text;
};

/* `cut` bytes of the last file are left away. */
static void make(const struct file *files, size_t n, size_t cut, struct ex_list *ret)
{
	AUTO_BUF struct ss_buf all = SS_BUF_INIT((size_t)1 << 26);
	AUTO_EX_SOURCE struct ex_source *src = NULL;
	struct ss_err err = { 0 };
	uint64_t at = 0;

	for (size_t i = 0; i < n; i++)
		ss_buf_put(&all, ss_text(files[i].text));
	src = ex_source_mem(ss_buf_span(&all));
	ex_list_init(ret, EX_TAR, src, EX_LIST_MEMBERS);
	for (size_t i = 0; i < n; i++) {
		const size_t whole = strlen(files[i].text);
		const size_t size = i + 1 == n ? whole - cut : whole;
		const struct ex_entry e = {
			.mode = CPIO_REG | 0644, .at = at, .n = size, .size = size, .nlink = 1
		};

		expect_ok(ex_list_add(ret, ss_text(files[i].name), &e, &err), &err);
		at += whole;
	}
	ex_list_end(ret);
}

static void compare(const struct ex_list *a, const struct ex_list *b, struct ex_report *ret)
{
	const struct ex_options o = { .arch = "x86_64" };
	const struct ex_matching m = { .a = a, .b = b, .prefix = ss_text("") };
	struct ss_err err = { 0 };
	struct ex_run r;

	ex_run_init(&r, &o, ret);
	r.part = "tree";
	expect_ok(ex_match(&r, &m, &err), &err);
	ex_run_done(&r);
}

/* One line a difference: "path kind cause|where|a|b". */
static char *told(const struct ex_report *r)
{
	AUTO_BUF struct ss_buf seen = SS_BUF_INIT(65536);

	for (size_t i = 0; i < r->n; i++) {
		const struct ex_diff *d = &r->diffs[i];
		const struct ss_span words[] = { d->path,
						 ss_text(" "),
						 ss_text(ex_kind_name(d->kind)),
						 ss_text(" "),
						 ss_text(ex_cause_row(d->cause)->code),
						 ss_text("|"),
						 d->where,
						 ss_text("|"),
						 d->a,
						 ss_text("|"),
						 d->b,
						 ss_text("\n") };

		for (size_t k = 0; k < SS_NELEMS(words); k++)
			ss_buf_put(&seen, words[k]);
	}
	ss_buf_put(&seen, (struct ss_span){ (const uint8_t *)"", 1 });
	return (char *)TAKE_PTR(seen.p);
}

static void expect_told(const struct file *a, size_t n, const struct file *b, size_t m,
			const char *want)
{
	AUTO_EX_REPORT struct ex_report report = { 0 };
	AUTO_EX_LIST struct ex_list x = { 0 };
	AUTO_EX_LIST struct ex_list y = { 0 };
	AUTO_FREE char *seen = NULL;

	make(a, n, 0, &x);
	make(b, m, 0, &y);
	compare(&x, &y, &report);
	seen = told(&report);
	assert_string_equal(seen, want);
}

#define STANZA(name, version)                                                                      \
	"Package: " name "\nStatus: install ok installed\nArchitecture: amd64\nVersion: " version  \
	"\n\n"
#define TOLD(a, b, want) expect_told(a, SS_NELEMS(a), b, SS_NELEMS(b), want)

static void a_file_of_a_package_in_two_versions_is_told_by_them(void **state)
{
	static const struct file a[] = {
		{ STATUS, STANZA("one", "1.0") STANZA("two", "5") },
		{ INFO "one.list", "/.\n/usr\n/usr/bin\n/usr/bin/x\n/etc/x.conf\n" },
		{ INFO "one.md5sums", SUM_1 "usr/bin/x\n" },
		{ INFO "two.list", "/usr/bin/y\n" },
		{ INFO "two.md5sums", SUM_1 "usr/bin/y\n" },
		{ "usr/bin/x", "body 1" },
		{ "usr/bin/y", "body 1" },
		{ "etc/x.conf", "line 1\n" },
	};
	static const struct file b[] = {
		{ STATUS, STANZA("one", "1.1") STANZA("two", "5") },
		{ INFO "one.list", "/.\n/usr\n/usr/bin\n/usr/bin/x\n/etc/x.conf\n" },
		{ INFO "one.md5sums", SUM_2 "usr/bin/x\n" },
		{ INFO "two.list", "/usr/bin/y\n" },
		{ INFO "two.md5sums", SUM_2 "usr/bin/y\n" },
		{ "usr/bin/x", "body 2" },
		{ "usr/bin/y", "body 2" },
		{ "etc/x.conf", "line 2\n" },
	};

	(void)state;
	/* two is the same version: its file, and the sum of it, are looked into. So is a
	 * configuration, of which dpkg notes no sum: it is the image's own. */
	TOLD(a, b,
	     "etc/x.conf content unknown|line 1|line 1|line 2\n"
	     "usr/bin/x content net.package-version|package one|1.0|1.1\n"
	     "usr/bin/y content unknown|line 1|body 1|body 2\n"
	     "var/lib/dpkg/info/one.md5sums content net.package-version|package one|1.0|1.1\n"
	     "var/lib/dpkg/info/two.md5sums content rand.token|line 1|"
	     "11111111111111111111111111111111  usr/bin/y|"
	     "22222222222222222222222222222222  usr/bin/y\n"
	     "var/lib/dpkg/status content net.package-version|one: version|1.0|1.1\n");
}

static void a_file_that_the_package_did_not_change_is_looked_into(void **state)
{
	static const struct file a[] = {
		{ STATUS, STANZA("one", "1.0") },
		{ INFO "one.md5sums", SUM_1 "usr/bin/x\n" },
		{ "usr/bin/x", "written 2024-01-02" },
	};
	static const struct file b[] = {
		{ STATUS, STANZA("one", "1.1") },
		{ INFO "one.md5sums", SUM_1 "usr/bin/x\n" },
		{ "usr/bin/x", "written 2025-01-02" },
	};

	(void)state;
	TOLD(a, b,
	     "usr/bin/x content time.text|line 1|written 2024-01-02|written 2025-01-02\n"
	     "var/lib/dpkg/status content net.package-version|one: version|1.0|1.1\n");
}

static void what_a_version_has_more_or_less_is_told_by_the_package(void **state)
{
	static const struct file a[] = {
		{ STATUS, STANZA("one", "1.0") STANZA("old", "3") },
		{ INFO "one.list", "/usr/a\n/usr/both\n" },
		{ INFO "old.list", "/usr/old\n" },
		{ "usr/a", "aaaa" },
		{ "usr/both", "bb" },
		{ "usr/old", "ccc" },
	};
	static const struct file b[] = {
		{ STATUS, STANZA("new", "7") STANZA("one", "1.1") },
		{ INFO "one.list", "/usr/b\n/usr/both\n" },
		{ INFO "new.list", "/usr/new\n" },
		{ "usr/b", "d" },
		{ "usr/mine", "eeeee" },
		{ "usr/new", "ffffff" },
	};

	(void)state;
	/* Both versions of one have usr/both: somebody removed it. Nobody but the image has
	 * usr/mine. */
	TOLD(a, b,
	     "usr/a removed net.package-version|package one|4 bytes|\n"
	     "usr/b added net.package-version|package one||1 bytes\n"
	     "usr/both removed unknown||2 bytes|\n"
	     "usr/mine added unknown|||5 bytes\n"
	     "usr/new added net.package-version|package new||6 bytes\n"
	     "usr/old removed net.package-version|package old|3 bytes|\n"
	     "var/lib/dpkg/info/new.list added net.package-version|package new||9 bytes\n"
	     "var/lib/dpkg/info/old.list removed net.package-version|package old|9 bytes|\n"
	     "var/lib/dpkg/info/one.list content net.package-version|package one|1.0|1.1\n"
	     "var/lib/dpkg/status content net.package-version|new: only the second has it||\n"
	     "var/lib/dpkg/status content net.package-version|old: only the first has it||\n"
	     "var/lib/dpkg/status content net.package-version|one: version|1.0|1.1\n");
}

static void a_ramdisk_and_a_merged_usr_are_known(void **state)
{
	static const struct file a[] = {
		{ "rootfs/" STATUS, STANZA("libc6", "2.36-9") },
		{ "rootfs/" INFO "libc6:amd64.md5sums", SUM_1 "lib/x/libc.so.6\n" },
		{ "rootfs/usr/lib/x/libc.so.6", "body 1" },
	};
	static const struct file b[] = {
		{ "rootfs/" STATUS, STANZA("libc6", "2.36-10") },
		{ "rootfs/" INFO "libc6:amd64.md5sums", SUM_2 "lib/x/libc.so.6\n" },
		{ "rootfs/usr/lib/x/libc.so.6", "body 2" },
	};

	(void)state;
	TOLD(a, b,
	     "rootfs/usr/lib/x/libc.so.6 content net.package-version|package libc6|2.36-9|2.36-10\n"
	     "rootfs/var/lib/dpkg/info/libc6:amd64.md5sums content net.package-version|package "
	     "libc6|2.36-9|2.36-10\n"
	     "rootfs/var/lib/dpkg/status content net.package-version|libc6: version|2.36-9|"
	     "2.36-10\n");
}

static void what_a_path_tells_goes_before_the_package(void **state)
{
	static const struct file a[] = {
		{ STATUS, STANZA("one", "1") },
		{ INFO "one.md5sums", SUM_1 "etc/machine-id\n" },
		{ "etc/machine-id", "aa\n" },
	};
	static const struct file b[] = {
		{ STATUS, STANZA("one", "2") },
		{ INFO "one.md5sums", SUM_2 "etc/machine-id\n" },
		{ "etc/machine-id", "bb\n" },
	};
	AUTO_EX_REPORT struct ex_report report = { 0 };
	AUTO_EX_LIST struct ex_list x = { 0 };
	AUTO_EX_LIST struct ex_list y = { 0 };

	(void)state;
	make(a, SS_NELEMS(a), 0, &x);
	make(b, SS_NELEMS(b), 0, &y);
	compare(&x, &y, &report);
	assert_true(report.n > 0);
	assert_int_equal(report.diffs[0].cause, EX_ID_MACHINE);
}

/* Whatever is left away, it is read to its end and no further, and the file itself is told. */
static void databases_that_end_anywhere_are_read_as_far_as_they_go(void **state)
{
	static const struct file a[] = {
		{ "x", "body 1" },
		{ INFO "one:amd64.md5sums", SUM_1 "x\n" },
		{ INFO "one.list", "/x\n" },
		{ STATUS, STANZA("one", "1.0") STANZA("one", "1.0") },
	};
	static const struct file b[] = {
		{ "x", "body 2" },
		{ STATUS, STANZA("one", "1.1") STANZA("two", "") },
		{ INFO "one.list", "x\n/\n\n/x" },
		{ INFO "one:amd64.md5sums", SUM_2 "x\n" SUM_2 "\n\n1\n" },
	};
	const size_t most[] = { strlen(a[3].text), strlen(b[3].text) };

	(void)state;
	for (size_t side = 0; side < 2; side++)
		for (size_t cut = 0; cut < most[side]; cut++) {
			AUTO_EX_REPORT struct ex_report report = { 0 };
			AUTO_EX_LIST struct ex_list l = { 0 };
			AUTO_EX_LIST struct ex_list m = { 0 };

			make(a, SS_NELEMS(a), side == 0 ? cut : 0, &l);
			make(b, SS_NELEMS(b), side == 1 ? cut : 0, &m);
			compare(&l, &m, &report);
			assert_true(report.n > 0);
			assert_true(ss_is(report.diffs[report.n - 1].path, "x"));
			if (cut == 0)
				assert_int_equal(report.diffs[report.n - 1].cause, EX_NET_PACKAGE);
		}
}

/* 1100 packages have the same line: nothing is told of it, and each of the others still is. */
static void a_name_that_very_many_packages_have_is_nobodys(void **state)
{
	enum { N = 1100 };
	AUTO_BUF struct ss_buf old = SS_BUF_INIT((size_t)1 << 20);
	AUTO_BUF struct ss_buf new = SS_BUF_INIT((size_t)1 << 20);
	AUTO_FREE struct file *a = ss_calloc(N + 3, sizeof(*a));
	AUTO_FREE struct file *b = ss_calloc(3, sizeof(*b));
	AUTO_FREE char *names = ss_calloc(N, 64);
	AUTO_EX_REPORT struct ex_report report = { 0 };
	AUTO_EX_LIST struct ex_list x = { 0 };
	AUTO_EX_LIST struct ex_list y = { 0 };
	size_t shared = 0, alone = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		char stanza[128];

		(void)snprintf(stanza, sizeof(stanza),
			       "Package: p%zu\nArchitecture: all\nVersion: 1\n\n", i);
		ss_buf_put(&old, ss_text(stanza));
		(void)snprintf(&names[i * 64], 64, INFO "p%zu.list", i);
		a[i] = (struct file){ &names[i * 64], i == 7 ? "/shared\n/alone\n" : "/shared\n" };
	}
	ss_buf_put(&old, (struct ss_span){ (const uint8_t *)"", 1 });
	ss_buf_put(&new, ss_text(STANZA("q", "1")));
	ss_buf_put(&new, (struct ss_span){ (const uint8_t *)"", 1 });
	a[N] = (struct file){ "alone", "1" };
	a[N + 1] = (struct file){ "shared", "22" };
	a[N + 2] = (struct file){ STATUS, (const char *)old.p };
	b[0] = (struct file){ STATUS, (const char *)new.p };
	make(a, N + 3, 0, &x);
	make(b, 1, 0, &y);
	compare(&x, &y, &report);
	for (size_t i = 0; i < report.n; i++) {
		const struct ex_diff *d = &report.diffs[i];

		shared += ss_is(d->path, "shared") && d->cause == EX_UNKNOWN;
		alone += ss_is(d->path, "alone") && d->cause == EX_NET_PACKAGE &&
			 ss_is(d->where, "package p7");
	}
	assert_int_equal(shared, 1);
	assert_int_equal(alone, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_a_package_in_two_versions_is_told_by_them),
		cmocka_unit_test(a_file_that_the_package_did_not_change_is_looked_into),
		cmocka_unit_test(what_a_version_has_more_or_less_is_told_by_the_package),
		cmocka_unit_test(a_ramdisk_and_a_merged_usr_are_known),
		cmocka_unit_test(what_a_path_tells_goes_before_the_package),
		cmocka_unit_test(databases_that_end_anywhere_are_read_as_far_as_they_go),
		cmocka_unit_test(a_name_that_very_many_packages_have_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

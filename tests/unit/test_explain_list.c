/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of archives, and what a comparison tells of two. Archives are made here, byte by byte. */
#include "expect.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

static void put(struct ss_buf *b, const void *p, size_t n)
{
	ss_buf_put(b, (struct ss_span){ p, n });
}

static void put_le(struct ss_buf *b, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t byte = (uint8_t)(v >> 8 * i);

		put(b, &byte, 1);
	}
}

static void put_ar(struct ss_buf *b, const char *name, unsigned date, const char *body)
{
	char h[64];
	const int n = snprintf(h, sizeof(h), "%-16s%-12u%-6d%-6d%-8o%-10zu`\n", name, date, 0, 0,
			       0100644u, strlen(body));

	assert_int_equal(n, 60);
	put(b, h, 60);
	put(b, body, strlen(body));
	if (strlen(body) % 2 != 0)
		put(b, "\n", 1);
}

static void make_ar(struct ss_buf *b)
{
	put(b, "!<arch>\n", 8);
	put_ar(b, "//", 0, "a-name-of-more-than-16.o/\n");
	put_ar(b, "x.o/", 5, "one");
	put_ar(b, "/0", 6, "four");
	put_ar(b, "#1/4", 7, "bsd1body");
}

static void put_cpio(struct ss_buf *b, const char *name, uint32_t ino, uint32_t nlink,
		     const char *body)
{
	static const uint8_t zeros[3];
	const struct cpio_entry e = { .ino = ino,
				      .mode = CPIO_REG | 0644,
				      .nlink = nlink,
				      .size = (uint32_t)strlen(body),
				      .name = ex_text(name) };

	cpio_entry_write(&e, b);
	put(b, body, strlen(body));
	put(b, zeros, cpio_pad(strlen(body)));
}

static void make_cpio(struct ss_buf *b)
{
	put_cpio(b, "b", 1, 2, "");
	put_cpio(b, "a", 1, 2, "body");
	put_cpio(b, "c", 2, 1, "x");
	cpio_trailer_write(0, 0, 0, b);
}

/* One stored member. */
static void make_zip(struct ss_buf *b)
{
	put(b, "PK\003\004", 4);
	put_le(b, 10, 2);
	put_le(b, 0, 4);
	put_le(b, 0x54210000, 4); /* 2022-01-01 */
	put_le(b, 0, 4);
	put_le(b, 3, 4);
	put_le(b, 3, 4);
	put_le(b, 1, 2);
	put_le(b, 0, 2);
	put(b, "nabc", 4);
	put(b, "PK\001\002", 4);
	put_le(b, 0x0314, 2);
	put_le(b, 10, 2);
	put_le(b, 0, 4);
	put_le(b, 0x54210000, 4);
	put_le(b, 0, 4);
	put_le(b, 3, 4);
	put_le(b, 3, 4);
	put_le(b, 1, 2);
	put_le(b, 0, 4);
	put_le(b, 0, 4);
	put_le(b, 0640u << 16, 4);
	put_le(b, 0, 4);
	put(b, "n", 1);
	put(b, "PK\005\006", 4);
	put_le(b, 0, 4);
	put_le(b, 1, 2);
	put_le(b, 1, 2);
	put_le(b, 47, 4);
	put_le(b, 34, 4);
	put_le(b, 0, 2);
}

typedef int (*lister)(const struct ex_bytes *b, struct ex_list *ret, struct ss_err *err);

static int list_cpio(const struct ex_bytes *b, struct ex_list *ret, struct ss_err *err)
{
	return ex_list_cpio(b, 100, ret, err);
}

static int list_of(lister list, struct ss_span s, struct ex_list *ret, struct ss_err *err)
{
	AUTO_EX_SOURCE struct ex_source *src = ex_source_mem(s);
	const struct ex_bytes b = { .src = src, .n = s.n };

	return list(&b, ret, err);
}

static const struct ex_entry *find(const struct ex_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (ex_name(l, &l->v[i]).n == strlen(name) &&
		    memcmp(ex_name(l, &l->v[i]).p, name, strlen(name)) == 0)
			return &l->v[i];
	fail_msg("no '%s'", name);
	return NULL;
}

static void expect_body(const struct ex_list *l, const char *name, const char *body)
{
	const struct ex_entry *e = find(l, name);
	const struct ex_bytes b = ex_body(l, e);
	uint8_t p[64];
	struct ss_err err = { 0 };

	assert_int_equal(e->n, strlen(body));
	expect_ok(ex_read(&b, 0, p, (size_t)e->n, &err), &err);
	assert_memory_equal(p, body, (size_t)e->n);
}

static void ar_names_are_found_in_all_three_forms(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	AUTO_EX_LIST struct ex_list l = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	make_ar(&b);
	expect_ok(list_of(ex_list_ar, ss_buf_span(&b), &l, &err), &err);
	assert_int_equal(l.n, 3);
	expect_body(&l, "x.o", "one");
	expect_body(&l, "a-name-of-more-than-16.o", "four");
	expect_body(&l, "bsd1", "body");
	assert_int_equal(find(&l, "bsd1")->mtime, 7);
}

static void names_of_one_file_share_the_body(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	AUTO_EX_LIST struct ex_list l = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	make_cpio(&b);
	expect_ok(list_of(list_cpio, ss_buf_span(&b), &l, &err), &err);
	assert_int_equal(l.n, 3);
	expect_body(&l, "a", "body");
	expect_body(&l, "b", "body");
	expect_body(&l, "c", "x");
	assert_int_equal(find(&l, "a")->link, find(&l, "b")->link);
	assert_int_equal(find(&l, "b")->order, 0);
}

static void a_zip_is_read_by_its_directory(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	AUTO_EX_LIST struct ex_list l = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	make_zip(&b);
	expect_ok(list_of(ex_list_zip, ss_buf_span(&b), &l, &err), &err);
	assert_int_equal(l.n, 1);
	expect_body(&l, "n", "abc");
	assert_int_equal(find(&l, "n")->mode, CPIO_REG | 0640);
	assert_int_equal(find(&l, "n")->mtime, 1640995200);
}

/* A shorter archive is refused, or is one of fewer entries that ends where an entry does. */
static void archives_cut_at_every_byte_are_refused_or_shorter(void **state)
{
	static const struct {
		void (*make)(struct ss_buf *b);
		lister list;
		bool may_end; /* between two entries */
	} cases[] = { { make_ar, ex_list_ar, true },
		      { make_cpio, list_cpio, false },
		      { make_zip, ex_list_zip, false } };

	(void)state;
	for (size_t c = 0; c < SS_NELEMS(cases); c++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
		size_t whole = 0;

		cases[c].make(&b);
		for (size_t n = 1; n <= b.n; n++) {
			AUTO_EX_LIST struct ex_list l = { 0 };
			struct ss_err err = { 0 };

			if (list_of(cases[c].list, (struct ss_span){ b.p, n }, &l, &err) < 0) {
				assert_int_equal(err.code, SS_EINPUT);
				assert_true(err.msg[0] != '\0');
				continue;
			}
			whole++;
			assert_true(n == b.n || cases[c].may_end);
		}
		/* ar: behind the magic, each of four members, and before the one padding. */
		assert_int_equal(whole, cases[c].may_end ? 6 : 1);
	}
}

static void more_entries_than_the_limit_are_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	AUTO_EX_SOURCE struct ex_source *src = NULL;
	struct ex_list l = { 0 };
	struct ex_bytes all;
	struct ss_err err = { 0 };

	(void)state;
	make_cpio(&b);
	src = ex_source_mem(ss_buf_span(&b));
	all = (struct ex_bytes){ .src = src, .n = b.n };
	expect_fails(ex_list_cpio(&all, 2, &l, &err), &err, SS_ELIMIT, "more than 2 entries");
}

/* --- what is told --------------------------------------------------------------------------- */

static void tell(const char *name, struct ss_span a, struct ss_span b, struct ex_report *ret)
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
	expect_ok(ex_content(&r, &p, &err), &err);
	ex_run_done(&r);
	ex_pair_done(&p);
}

static void every_changed_byte_of_an_archive_is_told(void **state)
{
	static void (*const makers[])(struct ss_buf * b) = { make_ar, make_cpio, make_zip };

	(void)state;
	for (size_t m = 0; m < SS_NELEMS(makers); m++) {
		AUTO_BUF struct ss_buf a = SS_BUF_INIT(4096);
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);

		makers[m](&a);
		makers[m](&b);
		for (size_t i = 0; i < b.n; i++) {
			AUTO_EX_REPORT struct ex_report r = { 0 };

			b.p[i] ^= 1;
			tell("x", ss_buf_span(&a), ss_buf_span(&b), &r);
			b.p[i] ^= 1;
			assert_true(r.n > 0 && r.files == 1 && r.n_groups > 0);
		}
	}
}

static void a_member_is_named_behind_its_container(void **state)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(4096);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	AUTO_EX_REPORT struct ex_report r = { 0 };

	(void)state;
	put(&a, "!<arch>\n", 8);
	put(&b, "!<arch>\n", 8);
	put_ar(&a, "x/", 5, "at 2024-01-02\n");
	put_ar(&b, "x/", 6, "at 2025-01-02\n");
	tell("lib.a", ss_buf_span(&a), ss_buf_span(&b), &r);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.diffs[0].kind, EX_MTIME);
	assert_int_equal(r.diffs[0].cause, EX_TIME_MEMBER);
	assert_int_equal(r.diffs[1].cause, EX_TIME_TEXT);
	assert_int_equal(r.diffs[1].path.n, 7);
	assert_memory_equal(r.diffs[1].path.p, "lib.a!x", 7);
}

static void containers_are_opened_only_so_deep(void **state)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(65536);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	AUTO_EX_REPORT struct ex_report r = { 0 };

	(void)state;
	put(&a, "one", 4);
	put(&b, "two", 4);
	for (size_t i = 0; i < 2 * EX_MAX_DEPTH; i++) {
		struct ss_buf *const both[] = { &a, &b };

		for (size_t k = 0; k < 2; k++) {
			struct ss_buf out = SS_BUF_INIT(65536);
			char h[64];

			(void)snprintf(h, sizeof(h), "%-16s%-12d%-6d%-6d%-8o%-10zu`\n", "x/", 0, 0,
				       0, 0100644u, both[k]->n);
			put(&out, "!<arch>\n", 8);
			put(&out, h, 60);
			ss_buf_put(&out, ss_buf_span(both[k]));
			ss_buf_done(both[k]);
			*both[k] = out;
		}
	}
	tell("x", ss_buf_span(&a), ss_buf_span(&b), &r);
	assert_int_equal(r.n, 1);
	assert_memory_equal(r.diffs[0].where.p, "not looked into", 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ar_names_are_found_in_all_three_forms),
		cmocka_unit_test(names_of_one_file_share_the_body),
		cmocka_unit_test(a_zip_is_read_by_its_directory),
		cmocka_unit_test(archives_cut_at_every_byte_are_refused_or_shorter),
		cmocka_unit_test(more_entries_than_the_limit_are_refused),
		cmocka_unit_test(every_changed_byte_of_an_archive_is_told),
		cmocka_unit_test(a_member_is_named_behind_its_container),
		cmocka_unit_test(containers_are_opened_only_so_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

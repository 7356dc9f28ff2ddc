/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of archives, and what a comparison tells of two. Archives are made here, byte by byte. */
#include "base/text.h"
#include "crypto/hash.h"
#include "expect.h"
#include "explain/ex_run.h"
#include "explain/ex_side.h"

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

/* One member, "n". */
static void put_zip(struct ss_buf *b, uint32_t method, struct ss_span packed, uint32_t crc,
		    uint32_t size)
{
	put(b, "PK\003\004", 4);
	put_le(b, 10, 2);
	put_le(b, 0, 2);
	put_le(b, method, 2);
	put_le(b, 0x54210000, 4); /* 2022-01-01 */
	put_le(b, crc, 4);
	put_le(b, (uint32_t)packed.n, 4);
	put_le(b, size, 4);
	put_le(b, 1, 2);
	put_le(b, 0, 2);
	put(b, "n", 1);
	ss_buf_put(b, packed);
	put(b, "PK\001\002", 4);
	put_le(b, 0x0314, 2);
	put_le(b, 10, 2);
	put_le(b, 0, 2);
	put_le(b, method, 2);
	put_le(b, 0x54210000, 4);
	put_le(b, crc, 4);
	put_le(b, (uint32_t)packed.n, 4);
	put_le(b, size, 4);
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
	put_le(b, 31 + (uint32_t)packed.n, 4);
	put_le(b, 0, 2);
}

static void make_zip(struct ss_buf *b)
{
	put_zip(b, 0, ex_text("abc"), 0, 3);
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

static void compare_cpio(struct ss_span a, struct ss_span b, struct ex_report *ret)
{
	AUTO_EX_SOURCE struct ex_source *x = ex_source_mem(a);
	AUTO_EX_SOURCE struct ex_source *y = ex_source_mem(b);
	const struct ex_bytes p = { .src = x, .n = a.n };
	const struct ex_bytes q = { .src = y, .n = b.n };
	const struct ex_options o = { .arch = "x86_64" };
	struct ss_err err = { 0 };
	struct ex_run r;

	ex_run_init(&r, &o, ret);
	r.part = "cpio";
	expect_ok(ex_compare_ramdisks(&r, &p, &q, &err), &err);
	ex_run_done(&r);
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

/* A difference that was told as none: the member of A unpacked and compared with that of B packed,
 * from where the packed ones began to differ. */
static void a_member_that_only_one_side_can_unpack_is_told(void **state)
{
	uint8_t body[41] = { 2 }, broken[41] = { 1 }, stored[46] = { 1, 41, 0, 0xd6, 0xff };
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(4096);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	AUTO_EX_REPORT struct ex_report r = { 0 };
	const uint32_t crc = crypto_crc32(0, (struct ss_span){ body, sizeof(body) });

	(void)state;
	memcpy(stored + 5, body, sizeof(body));
	put_zip(&a, 8, (struct ss_span){ stored, sizeof(stored) }, crc, sizeof(body));
	put_zip(&b, 8, (struct ss_span){ broken, sizeof(broken) }, crc, sizeof(body));
	tell("x.zip", ss_buf_span(&a), ss_buf_span(&b), &r);
	assert_int_equal(r.files, 1);
	assert_int_equal(r.n, 2);
	assert_memory_equal(r.diffs[0].where.p, "size", 4);
	assert_memory_equal(r.diffs[1].where.p, "byte 1 on", 9);
}

/* 65536 members of one name of a megabyte held a gigabyte. */
static void names_of_members_are_bounded_each_and_together(void **state)
{
	static char name[4200];
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)1 << 20);
	struct ex_list l = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	put(&b, "!<arch>\n", 8);
	memset(name, 'n', 4096);
	memcpy(name + 4096, "/\n", 3);
	put_ar(&b, "//", 0, name);
	put_ar(&b, "/0", 0, "x");
	expect_fails(list_of(ex_list_ar, ss_buf_span(&b), &l, &err), &err, SS_ELIMIT,
		     "ar: a name of 4096 bytes");
	b.n = 8;
	memcpy(name + 4095, "/\n", 3);
	put_ar(&b, "//", 0, name);
	for (size_t i = 0; i < ((size_t)16 << 20) / 4095; i++)
		put_ar(&b, "/0", 0, "x");
	expect_ok(list_of(ex_list_ar, ss_buf_span(&b), &l, &err), &err);
	ex_list_done(&l);
	put_ar(&b, "/0", 0, "x");
	expect_fails(list_of(ex_list_ar, ss_buf_span(&b), &l, &err), &err, SS_ELIMIT,
		     "names is larger than 16777216 bytes");
}

/* A name as long as its field, many levels deep: told, and not looked behind. */
static void a_long_name_in_a_zip_is_no_name(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	struct ex_list l = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	put(&b, "PK\001\002", 4);
	put_le(&b, 0, 24);
	put_le(&b, 4096, 2);
	put_le(&b, 0, 16);
	for (size_t i = 0; i < 4096; i++)
		put(&b, "n", 1);
	put(&b, "PK\005\006", 4);
	put_le(&b, 0, 4);
	put_le(&b, 1, 2);
	put_le(&b, 1, 2);
	put_le(&b, 46 + 4096, 4);
	put_le(&b, 0, 4);
	put_le(&b, 0, 2);
	expect_fails(list_of(ex_list_zip, ss_buf_span(&b), &l, &err), &err, SS_ELIMIT,
		     "zip: a name of 4096 bytes");
}

static void texts_that_are_kept_are_bounded(void **state)
{
	static char long_name[1 << 20];
	const struct ex_options o = { .arch = "x86_64" };
	AUTO_EX_REPORT struct ex_report r = { 0 };
	struct ex_diff d = { .kind = EX_ADDED, .path = { (const uint8_t *)long_name, 1 << 20 } };
	struct ex_run run;

	(void)state;
	ex_run_init(&run, &o, &r);
	run.part = "file";
	for (size_t i = 0; i < 70; i++) {
		ex_next_file(&run, ex_text("x"));
		ex_say(&run, &d);
	}
	d.path.n = 0;
	ex_say(&run, &d);
	ex_run_done(&run);
	assert_int_equal(r.n, 65);
	assert_int_equal(r.left_out, 6);
	assert_int_equal(r.files, 70);
}

/* All of one size: each that moved is found, behind one that did not. */
static void many_files_of_one_size_that_moved_are_each_found(void **state)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(65536);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	AUTO_EX_REPORT struct ex_report r = { 0 };
	size_t moved = 0;

	(void)state;
	put_cpio(&a, "a", 1, 1, "gone");
	for (unsigned i = 0; i < 200; i++) {
		char name[16], body[16];

		(void)snprintf(body, sizeof(body), "%04u", i);
		(void)snprintf(name, sizeof(name), "b%04u", i);
		put_cpio(&a, name, i + 2, 1, body);
		name[0] = 'c';
		put_cpio(&b, name, i + 2, 1, body);
	}
	cpio_trailer_write(0, 0, 0, &a);
	cpio_trailer_write(0, 0, 0, &b);
	compare_cpio(ss_buf_span(&a), ss_buf_span(&b), &r);
	for (size_t i = 0; i < r.n; i++)
		moved += r.diffs[i].kind == EX_MOVED;
	assert_int_equal(moved, 200);
	assert_int_equal(r.n, 201);
}

/* Unpacking writes the second body over the first: what differs there is no padding. */
static void a_body_that_another_name_replaces_is_told_as_such(void **state)
{
	static const char *const bodies[][2] = { { "one", "two" }, { "one", "" } };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(bodies); i++) {
		AUTO_BUF struct ss_buf a = SS_BUF_INIT(65536);
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
		AUTO_EX_REPORT struct ex_report r = { 0 };

		put_cpio(&a, "x", 7, 2, bodies[i][0]);
		put_cpio(&b, "x", 7, 2, bodies[i][1]);
		put_cpio(&a, "y", 7, 2, "same");
		put_cpio(&b, "y", 7, 2, "same");
		cpio_trailer_write(0, 0, 0, &a);
		cpio_trailer_write(0, 0, 0, &b);
		compare_cpio(ss_buf_span(&a), ss_buf_span(&b), &r);
		assert_int_equal(r.n, 1);
		assert_int_equal(r.diffs[0].cause, EX_FORM_HARD_LINKS);
		assert_true(ss_is(r.diffs[0].path, "x"));
		assert_true(
			ss_is(r.diffs[0].where, "a body that another name of this file replaces"));
		assert_true(ss_is(r.diffs[0].a, "3 bytes"));
		assert_true(ss_is(r.diffs[0].b, i == 0 ? "3 bytes" : "0 bytes"));
	}
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
		cmocka_unit_test(a_member_that_only_one_side_can_unpack_is_told),
		cmocka_unit_test(names_of_members_are_bounded_each_and_together),
		cmocka_unit_test(a_long_name_in_a_zip_is_no_name),
		cmocka_unit_test(texts_that_are_kept_are_bounded),
		cmocka_unit_test(many_files_of_one_size_that_moved_are_each_found),
		cmocka_unit_test(a_body_that_another_name_replaces_is_told_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

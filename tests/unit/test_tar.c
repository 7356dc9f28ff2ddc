/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "fmt/tar.h"
#include "tar_make.h"

#define ROOM ((size_t)4 << 20)

struct mem {
	struct ss_span all;
	uint64_t last; /* offsets never fall */
};

static int read_mem(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	struct mem *m = ctx;
	const size_t left = at < m->all.n ? m->all.n - (size_t)at : 0;

	(void)err;
	assert_true(at >= m->last);
	m->last = at;
	*ret_n = n < left ? n : left;
	if (*ret_n > 0)
		memcpy(p, m->all.p + at, *ret_n);
	return 0;
}

/* Reads to the end; *ret_n is the number of entries. The last one's path is copied. */
static int read_all(struct ss_span in, size_t *ret_n, char *ret_path, struct ss_err *err)
{
	AUTO_FREE uint8_t *copy = ss_calloc(in.n, 1);
	struct mem m = { { copy, in.n }, 0 };
	const struct tar_source src = { read_mem, &m };
	AUTO_TAR struct tar_reader *t = tar_new(&src);
	struct tar_entry e = { 0 };
	bool end = false;
	size_t n = 0;

	if (in.n > 0)
		memcpy(copy, in.p, in.n);
	while (tar_next(t, &e, &end, err) == 0) {
		if (end) {
			*ret_n = n;
			return 0;
		}
		n++;
		if (ret_path != NULL)
			(void)snprintf(ret_path, 300, "%.*s", (int)e.path.n,
				       (const char *)e.path.p);
	}
	return -1;
}

/* One entry, possibly behind extended headers; its error must be `msg`, or NULL for none. */
static void expect_one(const struct made *m, size_t n_made, const char *msg, enum ss_code code)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	struct ss_err err = { 0 };
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < n_made; i++)
		made_add(&b, &m[i]);
	made_end(&b);
	rc = read_all(ss_buf_span(&b), &n, NULL, &err);
	if (msg == NULL)
		expect_ok(rc, &err);
	else
		expect_fails(rc, &err, code, msg);
}

static void types_are_known_or_refused(void **state)
{
	static const struct {
		struct made m;
		const char *msg;
	} cases[] = {
		{ { .name = "f", .type = '0' }, NULL },
		{ { .name = "f", .type = '7' }, NULL },
		{ { .name = "f", .type = '\0' }, NULL },
		{ { .name = "d/", .type = '\0' }, NULL },
		{ { .name = "d", .type = '5' }, NULL },
		{ { .name = "l", .type = '1', .link = "f" }, NULL },
		{ { .name = "s", .type = '2', .link = "/f" }, NULL },
		{ { .name = "p", .type = '6' }, NULL },
		{ { .name = "f", .type = '0', .magic = "\0\0\0\0\0\0\0" }, NULL },
		{ { .name = "f", .type = '0', .magic = "ustar  " }, NULL },
		{ { .name = "f/", .type = '0' },
		  "tar entry at offset 0: a file whose name ends in '/'" },
		{ { .name = "M", .type = 'M' },
		  "tar entry at offset 0: an entry of unknown type 0x4d" },
		{ { .name = "V", .type = 'V' },
		  "tar entry at offset 0: an entry of unknown type 0x56" },
		{ { .name = "", .type = '0' }, "tar entry at offset 0: an entry without a name" },
		{ { .name = "l", .type = '1' }, "tar entry at offset 0: a link without a target" },
		{ { .name = "s", .type = '2' }, "tar entry at offset 0: a link without a target" },
		{ { .name = "d", .type = '5', .body = "x" },
		  "tar entry at offset 0: a body of 1 bytes where there can be none" },
		{ { .name = "l", .type = '1', .link = "f", .body = "xyz" },
		  "tar entry at offset 0: a body of 3 bytes where there can be none" },
		{ { .name = "S", .type = 'S' },
		  "tar entry at offset 0: a sparse file of an unknown kind" },
		{ { .name = "f", .type = '0', .magic = "ustar 0" },
		  "tar entry at offset 0: not a tar header (wrong magic)" },
		{ { .name = "c", .type = '3', .magic = "\0\0\0\0\0\0\0" },
		  "tar entry at offset 0: a device in an archive that has no field for it" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		expect_one(&cases[i].m, 1, cases[i].msg, SS_EINPUT);
}

static void extended_headers_say_one_thing_or_are_refused(void **state)
{
	static const struct made f = { .name = "f", .type = '0' };
	static const struct {
		char type;
		const char *body;
		const char *msg; /* after "tar entry at offset 0: " */
	} cases[] = {
		{ 'x', "9 path=a\n", NULL },
		{ 'x', "12 comment=\n", NULL },
		{ 'x', "21 hdrcharset=BINARY\n", NULL },
		{ 'x', "27 SCHILY.xattr.user.a=\n\n\n", "malformed record at byte 0" },
		{ 'x', "25 SCHILY.xattr.user.a=\n\n", NULL },
		{ 'x', "31 SCHILY.acl.access=user::rwx\n", NULL },
		{ 'x', "26 RHT.security.selinux=x\n", NULL },
		{ 'x', "30 LIBARCHIVE.xattr.user.a=YQ\n", NULL },
		{ 'x', "16 VENDOR.key=v\n", NULL },
		{ 'x', "9 path=a\n9 path=a\n", "'path' occurs twice" },
		{ 'x', "8 path=\n", "malformed 'path'" },
		{ 'x', "9 size=x\n", "malformed 'size'" },
		{ 'x', "10 size=-1\n", "malformed record at byte 0" },
		{ 'x', "11 size=-1\n", "malformed 'size'" },
		{ 'x', "28 size=9223372036854775808\n", "malformed 'size'" },
		{ 'x', "18 uid=4294967296\n", "owner 4294967296 is out of range" },
		{ 'x', "18 gid=4294967296\n", "group 4294967296 is out of range" },
		{ 'x', "13 mtime=1.x\n", "malformed 'mtime'" },
		{ 'x', "10 mtime=\n", "malformed 'mtime'" },
		{ 'x', "18 hdrcharset=X-1\n", "malformed 'hdrcharset'" },
		{ 'x', "9 path=ab\n", "malformed record at byte 0" },
		{ 'x', "99 path=a\n", "malformed record at byte 0" },
		{ 'x', "x path=a\n", "malformed record at byte 0" },
		{ 'x', "7 path\n", "malformed record at byte 0" },
		{ 'x', "6 =ab\n", "malformed record at byte 0" },
		{ 'x', "0 \n", "malformed record at byte 0" },
		{ 'x', "9 path=a\n3 \n", "malformed record at byte 9" },
		{ 'x', "24 SCHILY.xattr.user.a=\n24 SCHILY.xattr.user.a=\n",
		  "'SCHILY.xattr.user.a' occurs twice" },
		{ 'x', "18 SCHILY.xattr.=\n", "malformed name of an extended attribute" },
		{ 'x', "17 SCHILY.xattr.=\n", "malformed record at byte 0" },
		{ 'x', "19 GNU.sparse.new=1\n", "malformed record at byte 0" },
		{ 'x', "20 GNU.sparse.new=1\n", "'GNU.sparse.new' is not known" },
		{ 'x', "23 GNU.volume.label=abc\n", "malformed record at byte 0" },
		{ 'x', "24 GNU.volume.label=abc\n", "'GNU.volume.label' is not supported" },
		{ 'x', "22 GNU.sparse.size=10\n", "a sparse file of an unknown kind" },
		{ 'x', "23 GNU.sparse.offset=0\n", "malformed 'GNU.sparse.offset'" },
		{ 'x', "25 GNU.sparse.numbytes=0\n", "malformed 'GNU.sparse.numbytes'" },
		{ 'g', "12 comment=\n", NULL },
		{ 'g', "9 path=a\n", "'path' for all entries" },
		{ 'g', "24 SCHILY.xattr.user.a=\n", "'SCHILY.xattr.user.a' for all entries" },
		{ 'g', "x", "malformed record at byte 0" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		const struct made m[2] = {
			{ .name = "x", .type = cases[i].type, .body = cases[i].body }, f
		};
		char full[200];
		/* What the records themselves break is told at their header. */
		const bool late = cases[i].msg != NULL && (strstr(cases[i].msg, "range") != NULL ||
							   strstr(cases[i].msg, "kind") != NULL);

		(void)snprintf(full, sizeof(full), "tar entry at offset %d: %s", late ? 1024 : 0,
			       cases[i].msg != NULL ? cases[i].msg : "");
		expect_one(m, 2, cases[i].msg != NULL ? full : NULL, SS_EINPUT);
	}
}

static void headers_that_do_not_fit_together_are_refused(void **state)
{
	static const struct made f = { .name = "f", .type = '0' };
	static const struct made x = { .name = "x", .type = 'x', .body = "9 path=a\n" };
	static const struct made g = { .name = "g", .type = 'g', .body = "12 comment=\n" };
	static const struct made l = {
		.name = "L", .type = 'L', .body = "long", .magic = "ustar  "
	};
	static const struct made k = {
		.name = "K", .type = 'K', .body = "long", .magic = "ustar  "
	};
	static const struct made empty = { .name = "L", .type = 'L', .magic = "ustar  " };

	(void)state;
	expect_one((const struct made[]){ g, g, l, k, f }, 5, NULL, SS_OK);
	expect_one((const struct made[]){ x, x, f }, 3,
		   "tar entry at offset 1024: a second header of its kind for one entry",
		   SS_EINPUT);
	expect_one((const struct made[]){ l, l, f }, 3,
		   "tar entry at offset 1024: a second header of its kind for one entry",
		   SS_EINPUT);
	expect_one((const struct made[]){ l, x, f }, 3,
		   "tar entry at offset 2048: a long name in both of the two ways", SS_EINPUT);
	expect_one((const struct made[]){ x, g, f }, 3,
		   "tar entry at offset 1024: a global header between a header and its entry",
		   SS_EINPUT);
	expect_one((const struct made[]){ f, x }, 2,
		   "tar entry at offset 1536: an extended header without its entry", SS_EINPUT);
	expect_one((const struct made[]){ empty, f }, 2,
		   "tar entry at offset 512: an entry without a name", SS_EINPUT);
}

static void sparse_maps_must_add_up(void **state)
{
	static const struct {
		const char *size, *blocks, *map;
		const char *body;
		const char *msg;
	} cases[] = {
		{ "100", "2", "0,2,50,3", "abcde", NULL },
		{ "100", "3", "0,2,50,3,100,0", "abcde", NULL },
		{ "100", "2", "0,2,1,3", "abcde", "sparse segment 1 overlaps the one before" },
		{ "100", "2", "50,3,0,2", "abcde", "sparse segment 1 overlaps the one before" },
		{ "52", "2", "0,2,50,3", "abcde",
		  "sparse segment 1 ends past the file's 52 bytes" },
		{ "100", "2", "0,2,50,9223372036854775807", "abcde",
		  "sparse segment 1 ends past the file's 100 bytes" },
		{ "100", "2", "0,2,50,3", "abcd",
		  "the sparse segments have 5 bytes, the archive stores 4" },
		{ "100", "2", "0,2,50,2", "abcde",
		  "the sparse segments have 4 bytes, the archive stores 5" },
		{ "100", "3", "0,2,50,3", "abcde",
		  "2 sparse segments, but GNU.sparse.numblocks is 3" },
		{ "100", "2", "0,2,50", "abcde", "malformed GNU.sparse.map" },
		{ "100", "2", "0,2,", "abcde", "malformed GNU.sparse.map" },
		{ "100", "2", "0,2,,", "abcde", "malformed GNU.sparse.map" },
		{ "100", "2", "0,-2", "abcde", "malformed GNU.sparse.map" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		char body[300] = "", full[200];
		struct made m[2] = { { .name = "x", .type = 'x', .body = body },
				     { .name = "f", .type = '0', .body = cases[i].body } };

		made_record(body, sizeof(body), "GNU.sparse.size", cases[i].size);
		made_record(body, sizeof(body), "GNU.sparse.numblocks", cases[i].blocks);
		made_record(body, sizeof(body), "GNU.sparse.map", cases[i].map);
		(void)snprintf(full, sizeof(full), "tar entry at offset 1024: %s",
			       cases[i].msg != NULL ? cases[i].msg : "");
		expect_one(m, 2, cases[i].msg != NULL ? full : NULL, SS_EINPUT);
	}
}

static void sparse_maps_in_the_body_are_read_strictly(void **state)
{
	static const struct {
		const char *map; /* what stands before the padding, in the first 512 bytes */
		const char *msg;
	} cases[] = {
		{ "1\n10\n4\n", NULL },
		{ "2\n10\n4\n", "malformed sparse map" },
		{ "x\n", "malformed sparse map" },
		{ "123456789012345678901\n", "malformed sparse map" },
		{ "1\n10\n5\n", "the sparse segments have 5 bytes, the archive stores 4" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		char pax[200] = "", body[517], full[200];
		struct made m[2] = { { .name = "x", .type = 'x', .body = pax },
				     { .name = "f", .type = '0', .body = body } };

		made_record(pax, sizeof(pax), "GNU.sparse.major", "1");
		made_record(pax, sizeof(pax), "GNU.sparse.minor", "0");
		made_record(pax, sizeof(pax), "GNU.sparse.name", "real");
		made_record(pax, sizeof(pax), "GNU.sparse.realsize", "100");
		memset(body, 'p', 516); /* padding is not looked at */
		memcpy(body, cases[i].map, strlen(cases[i].map));
		memcpy(body + 512, "data", 5);
		(void)snprintf(full, sizeof(full), "tar entry at offset 1024: %s",
			       cases[i].msg != NULL ? cases[i].msg : "");
		expect_one(m, 2, cases[i].msg != NULL ? full : NULL, SS_EINPUT);
	}
}

/* Every kind of header in one archive. */
static void full_archive(struct ss_buf *b)
{
	static const struct made all[] = {
		{ .name = "g", .type = 'g', .body = "13 comment=c\n" },
		{ .name = "d/", .type = '5', .mode = 0755 },
		{ .name = "x", .type = 'x', .body = "14 path=d/pax\n" },
		{ .name = "f", .type = '0', .body = "hello", .mode = 0644 },
		{ .name = "L", .type = 'L', .body = "d/gnu-long-name", .magic = "ustar  " },
		{ .name = "K", .type = 'K', .body = "target", .magic = "ustar  " },
		{ .name = "s", .type = '2', .link = "t", .magic = "ustar  " },
		{ .name = "x",
		  .type = 'x',
		  .body = "22 GNU.sparse.size=10\n26 GNU.sparse.numblocks=1\n22 "
			  "GNU.sparse.map=5,4\n" },
		{ .name = "sp", .type = '0', .body = "data" },
		{ .name = "last", .type = '1', .link = "d/pax" },
	};

	for (size_t i = 0; i < SS_NELEMS(all); i++)
		made_add(b, &all[i]);
	made_end(b);
}

static void truncation_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	struct ss_err err = { 0 };
	char path[300];
	size_t n = 0;

	(void)state;
	full_archive(&b);
	expect_ok(read_all(ss_buf_span(&b), &n, path, &err), &err);
	assert_int_equal(n, 5);
	assert_string_equal(path, "last");
	for (size_t i = 0; i < b.n; i++) {
		assert_int_equal(read_all((struct ss_span){ b.p, i }, &n, NULL, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_non_null(strstr(err.msg, ": truncated ("));
	}
	expect_fails(read_all((struct ss_span){ b.p, 0 }, &n, NULL, &err), &err, SS_EINPUT,
		     "tar entry at offset 0: truncated (512 bytes were expected at offset 0)");
	expect_fails(
		read_all((struct ss_span){ b.p, b.n - 1 }, &n, NULL, &err), &err, SS_EINPUT,
		"tar entry at offset 8704: truncated (512 bytes were expected at offset 9216)");
}

static void every_changed_bit_of_a_header_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	struct ss_err err = { 0 };
	size_t n = 0;

	(void)state;
	made_add(&b, &(struct made){ .name = "file", .type = '0', .mode = 0644 });
	made_end(&b);
	for (size_t i = 0; i < 512 * 8; i++) {
		const size_t at = i / 8;

		b.p[at] ^= (uint8_t)(1 << i % 8);
		/* Blanks of the sum's own field may change places. */
		if (read_all(ss_buf_span(&b), &n, NULL, &err) == 0)
			assert_true(at >= 148 && at < 156);
		b.p[at] ^= (uint8_t)(1 << i % 8);
	}
}

static void the_end_is_two_blocks_and_nothing_more(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	static const uint8_t zeros[20000];
	struct ss_err err = { 0 };
	size_t n = 9;

	(void)state;
	made_end(&b);
	expect_ok(read_all(ss_buf_span(&b), &n, NULL, &err), &err);
	assert_int_equal(n, 0);
	ss_buf_put(&b, (struct ss_span){ zeros, sizeof(zeros) });
	expect_ok(read_all(ss_buf_span(&b), &n, NULL, &err), &err);
	b.p[b.n - 1] = 1;
	expect_fails(read_all(ss_buf_span(&b), &n, NULL, &err), &err, SS_EINPUT,
		     "tar entry at offset 0: data after the end of the archive");
	b.p[b.n - 1] = 0;
	b.p[600] = 1;
	expect_fails(read_all(ss_buf_span(&b), &n, NULL, &err), &err, SS_EINPUT,
		     "tar entry at offset 0: a single block of zeros");
}

static void numbers_are_octal_or_base_256_and_bounded(void **state)
{
	static const struct {
		size_t at;
		const char *bytes;
		size_t n;
		const char *msg;
	} cases[] = {
		{ 108, "       0", 8, NULL },
		{ 108, "\0\0\0\0\0\0\0\0", 8, NULL },
		{ 108, "0000012 ", 8, NULL },
		{ 108, "12345670", 8, NULL },
		{ 108, "\x80\0\0\0\xff\xff\xff\xff", 8, NULL },
		{ 108, "\x80\0\0\1\0\0\0\0", 8, "owner 4294967296 is out of range" },
		{ 116, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "group -1 is out of range" },
		{ 108, "00000 1\0", 8, "malformed owner" },
		{ 108, "0000008\0", 8, "malformed owner" },
		{ 108,
		  "\0"
		  "123456\0",
		  8, "malformed owner" },
		{ 108, "-000001\0", 8, "malformed owner" },
		{ 100, "xxxxxxx\0", 8, "malformed mode" },
		{ 136, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12, NULL },
		{ 136, "\x80\0\0\1\0\0\0\0\0\0\0\0", 12, "malformed time" },
		{ 124, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12,
		  "a body that ends past 2^63" },
		{ 124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12,
		  "size -1 is out of range" },
		{ 508, "tar\0", 4, "star's own format is not supported" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		struct ss_err err = { 0 };
		char full[200];
		size_t n = 0;
		int rc;

		made_add(&b, &(struct made){ .name = "f", .type = '0' });
		made_end(&b);
		memcpy(b.p + cases[i].at, cases[i].bytes, cases[i].n);
		made_sum(b.p);
		rc = read_all(ss_buf_span(&b), &n, NULL, &err);
		if (cases[i].msg == NULL) {
			expect_ok(rc, &err);
			continue;
		}
		(void)snprintf(full, sizeof(full), "tar entry at offset 0: %s", cases[i].msg);
		expect_fails(rc, &err, SS_EINPUT, full);
	}
}

/* Segments of no bytes: the map has room for many more than there may be. */
static void a_sparse_file_has_at_most_65536_segments(void **state)
{
	(void)state;
	for (size_t n = TAR_MAX_SEGMENTS; n <= TAR_MAX_SEGMENTS + 1; n++) {
		AUTO_FREE char *map = ss_calloc(4 * n + 1, 1);
		AUTO_FREE char *body = ss_calloc(5 * n, 1);
		char blocks[16];
		struct made m[2] = { { .name = "x", .type = 'x', .body = body },
				     { .name = "f", .type = '0' } };

		for (size_t i = 0; i < n; i++)
			memcpy(map + 4 * i, "0,0,", 4);
		map[4 * n - 1] = '\0';
		(void)snprintf(blocks, sizeof(blocks), "%zu", n);
		made_record(body, 5 * n, "GNU.sparse.size", "1");
		made_record(body, 5 * n, "GNU.sparse.numblocks", blocks);
		made_record(body, 5 * n, "GNU.sparse.map", map);
		expect_one(m, 2,
			   n == TAR_MAX_SEGMENTS ? NULL
						 : "tar entry at offset 263168: more than 65536 "
						   "segments in a sparse "
						   "file",
			   SS_ELIMIT);
	}
}

static void limits_hold_before_anything_is_allocated(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf map = SS_BUF_INIT(ROOM);
	struct ss_err err = { 0 };
	uint8_t h[512];
	size_t n = 0;

	(void)state;
	made_header(&(struct made){ .name = "x", .type = 'x' }, TAR_MAX_HEADER + 1, h);
	ss_buf_put(&b, (struct ss_span){ h, sizeof(h) });
	expect_fails(
		read_all(ss_buf_span(&b), &n, NULL, &err), &err, SS_ELIMIT,
		"tar entry at offset 0: an extended header of 1048577 bytes; the limit is 1048576");
	ss_buf_done(&b);
	b = (struct ss_buf)SS_BUF_INIT(ROOM);
	for (unsigned i = 0; i <= TAR_MAX_XATTRS; i++) {
		char record[64];
		const int len =
			snprintf(record, sizeof(record), "28 SCHILY.xattr.user.%04u=\n\n", i);

		ss_buf_put(&map, (struct ss_span){ (const uint8_t *)record, (size_t)len });
	}
	ss_buf_put(&map, (struct ss_span){ (const uint8_t *)"", 1 });
	made_add(&b, &(struct made){ .name = "x", .type = 'x', .body = (const char *)map.p });
	expect_fails(read_all(ss_buf_span(&b), &n, NULL, &err), &err, SS_ELIMIT,
		     "tar entry at offset 0: more than 256 extended attributes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_known_or_refused),
		cmocka_unit_test(extended_headers_say_one_thing_or_are_refused),
		cmocka_unit_test(headers_that_do_not_fit_together_are_refused),
		cmocka_unit_test(sparse_maps_must_add_up),
		cmocka_unit_test(sparse_maps_in_the_body_are_read_strictly),
		cmocka_unit_test(truncation_at_every_byte_is_refused),
		cmocka_unit_test(every_changed_bit_of_a_header_is_refused),
		cmocka_unit_test(the_end_is_two_blocks_and_nothing_more),
		cmocka_unit_test(numbers_are_octal_or_base_256_and_bounded),
		cmocka_unit_test(a_sparse_file_has_at_most_65536_segments),
		cmocka_unit_test(limits_hold_before_anything_is_allocated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

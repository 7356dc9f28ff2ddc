/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/ramdisk_walk.h"
#include "expect.h"

#include <stdlib.h>
#include <string.h>

#define ROOM ((size_t)1024 * 1024)

/* --- what the walk says, as text ------------------------------------------------------------- */

struct heard {
	struct ss_buf text;
	uint64_t bytes; /* of the body under way */
};

static void add(struct heard *h, const char *s)
{
	ss_buf_put(&h->text, (struct ss_span){ (const uint8_t *)s, strlen(s) });
}

static int entry(void *ctx, const struct cpio_entry *e, struct ss_err *err)
{
	struct heard *h = ctx;
	char line[128];

	(void)err;
	assert_int_equal(e->name.p[e->name.n], 0);
	(void)snprintf(line, sizeof(line), "%o %s %u{", e->mode, (const char *)e->name.p, e->size);
	add(h, line);
	h->bytes = 0;
	return 0;
}

static int body(void *ctx, struct ss_span s, struct ss_err *err)
{
	struct heard *h = ctx;

	(void)err;
	assert_true(s.n > 0);
	ss_buf_put(&h->text, s);
	h->bytes += s.n;
	return 0;
}

static int end(void *ctx, struct ss_err *err)
{
	(void)err;
	add(ctx, "}");
	return 0;
}

static int trailer(void *ctx, const struct cpio_entry *e, struct ss_err *err)
{
	(void)e, (void)err;
	add(ctx, "!");
	return 0;
}

/* Feeds pieces of `piece` bytes, each an exact-size copy. */
static int walk(struct ss_span s, size_t piece, struct heard *h, struct ss_err *err)
{
	const struct eif_entries to = { entry, body, end, trailer, h };
	AUTO_EIF_WALK struct eif_walk *w = eif_walk_new(&to);

	h->text = (struct ss_buf)SS_BUF_INIT(ROOM);
	while (s.n > 0) {
		const size_t n = piece < s.n ? piece : s.n;
		AUTO_FREE uint8_t *copy = ss_calloc(n, 1);

		memcpy(copy, s.p, n);
		if (eif_walk_put(w, (struct ss_span){ copy, n }, err) < 0)
			return -1;
		s.p += n;
		s.n -= n;
	}
	if (eif_walk_end(w, err) < 0)
		return -1;
	ss_buf_put(&h->text, (struct ss_span){ (const uint8_t *)"", 1 });
	return 0;
}

static void put_entry(struct ss_buf *b, const char *name, uint32_t mode, const char *text)
{
	static const uint8_t zeros[4];
	const size_t n = strlen(text);
	const struct cpio_entry e = { .ino = 7,
				      .mode = mode,
				      .nlink = 1,
				      .size = (uint32_t)n,
				      .name = { (const uint8_t *)name, strlen(name) } };

	cpio_entry_write(&e, b);
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)text, n });
	ss_buf_put(b, (struct ss_span){ zeros, cpio_pad(n) });
}

static void put_zeros(struct ss_buf *b, size_t n)
{
	const uint8_t zero = 0;

	while (n-- > 0)
		ss_buf_put(b, (struct ss_span){ &zero, 1 });
}

static void make(struct ss_buf *b)
{
	put_entry(b, "d/", CPIO_DIR | 0755, "");
	put_entry(b, "d/file", CPIO_REG | 0644, "hello");
	put_entry(b, "empty", CPIO_REG, "");
	put_entry(b, "link", CPIO_LNK | 0777, "d/file");
	cpio_trailer_write(8, 0, 0, b);
}

static const char want[] = "40755 d/ 0{}100644 d/file 5{hello}100000 empty 0{}120777 link "
			   "6{d/file}!";

static void an_archive_is_walked_in_pieces_of_any_size(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);

	(void)state;
	make(&b);
	for (size_t piece = 1; piece <= b.n; piece++) {
		struct heard h;
		struct ss_err err = { 0 };

		expect_ok(walk(ss_buf_span(&b), piece, &h, &err), &err);
		assert_string_equal((const char *)h.text.p, want);
		ss_buf_done(&h.text);
	}
}

static void zeros_and_further_archives_may_follow(void **state)
{
	(void)state;
	for (size_t zeros = 0; zeros < 600; zeros += 37) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		struct heard h;
		struct ss_err err = { 0 };
		char twice[256];

		put_zeros(&b, zeros);
		make(&b);
		put_zeros(&b, zeros);
		make(&b);
		put_zeros(&b, zeros);
		expect_ok(walk(ss_buf_span(&b), 100, &h, &err), &err);
		(void)snprintf(twice, sizeof(twice), "%s%s", want, want);
		assert_string_equal((const char *)h.text.p, twice);
		ss_buf_done(&h.text);
	}
}

static void nothing_and_only_zeros_are_no_archive_and_fine(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	struct heard h;
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		expect_ok(walk(ss_buf_span(&b), 7, &h, &err), &err);
		assert_string_equal((const char *)h.text.p, "");
		ss_buf_done(&h.text);
		put_zeros(&b, 512);
	}
}

static void an_archive_truncated_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);

	(void)state;
	make(&b);
	for (size_t n = 1; n < b.n; n++) {
		struct heard h;
		struct ss_err err = { 0 };

		assert_int_equal(walk((struct ss_span){ b.p, n }, 64, &h, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_true(strstr(err.msg, "ends early, at byte ") != NULL ||
			    strstr(err.msg, "ends without a trailer, at byte ") != NULL);
		ss_buf_done(&h.text);
	}
}

static void what_is_wrong_is_said_with_entry_and_byte(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		const char *msg;
	} cases[] = {
		{ 0, 'x', "byte 0: what follows is neither zeros nor a newc archive" },
		{ 5, '2', "entry 0 at byte 0: not a newc header: wrong magic" },
		{ 120, 'x', "entry 1 at byte 116: not a newc header: wrong magic" },
		{ 14, 'g', "entry 0 at byte 0: newc header: 'mode' is not hexadecimal" },
		{ 110, 0, "entry 0 at byte 0: a name with a NUL inside" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		struct heard h;
		struct ss_err err = { 0 };

		make(&b);
		b.p[cases[i].at] = cases[i].byte;
		expect_fails(walk(ss_buf_span(&b), 50, &h, &err), &err, SS_EINPUT, cases[i].msg);
		ss_buf_done(&h.text);
	}
	{
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		struct heard h;
		struct ss_err err = { 0 };

		make(&b);
		put_entry(&b, "TRAILER!!!", CPIO_REG, "body");
		expect_fails(walk(ss_buf_span(&b), 50, &h, &err), &err, SS_EINPUT,
			     "entry 4 at byte 608: a trailer with a body");
		ss_buf_done(&h.text);
	}
	{
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		struct heard h;
		struct ss_err err = { 0 };

		put_entry(&b, "sock\x1b", 0140644, "");
		assert_int_equal(walk(ss_buf_span(&b), 50, &h, &err), -1);
		assert_non_null(strstr(err.msg, "entry 0 at byte 0: 'sock\\x1b': "));
		ss_buf_done(&h.text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_archive_is_walked_in_pieces_of_any_size),
		cmocka_unit_test(zeros_and_further_archives_may_follow),
		cmocka_unit_test(nothing_and_only_zeros_are_no_archive_and_fine),
		cmocka_unit_test(an_archive_truncated_at_every_byte_is_refused),
		cmocka_unit_test(what_is_wrong_is_said_with_entry_and_byte),
	};

	return cmocka_run_group_tests_name("eif_ramdisk_walk", tests, NULL, NULL);
}

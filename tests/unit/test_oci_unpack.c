/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "io/file.h"
#include "oci/guard.h"
#include "oci/unpack.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define BYTES ((size_t)5 << 20)

/* The blob in an unnamed file, and what it should be. */
struct blob {
	int fd;
	size_t n;
	uint8_t *data; /* uncompressed */
	struct oci_digest digest;
	struct oci_digest diff_id;
};

static void make(struct blob *b, bool packed)
{
	struct ss_err err = { 0 };
	AUTO_FREE uint8_t *zip = ss_calloc(BYTES + 100000, 1);
	z_stream s = { 0 };
	uint32_t seed = 1;

	b->data = ss_calloc(BYTES, 1);
	for (size_t i = 0; i < BYTES; i++) {
		seed = (uint32_t)((uint64_t)seed * 1664525u + 1013904223u);
		b->data[i] = (uint8_t)(seed >> 29);
	}
	assert_int_equal(deflateInit2(&s, 1, Z_DEFLATED, 31, 8, 0), Z_OK);
	s.next_in = b->data;
	s.avail_in = (uInt)BYTES;
	s.next_out = zip;
	s.avail_out = (uInt)BYTES + 100000;
	assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
	b->n = packed ? s.total_out : BYTES;
	(void)deflateEnd(&s);
	expect_ok(io_spool_new(&b->fd, &err), &err);
	expect_ok(io_write_all(b->fd, (struct ss_span){ packed ? zip : b->data, b->n }, &err),
		  &err);
	oci_digest_of(CRYPTO_SHA256, (struct ss_span){ packed ? zip : b->data, b->n }, &b->digest);
	oci_digest_of(CRYPTO_SHA512, (struct ss_span){ b->data, BYTES }, &b->diff_id);
}

static void done(struct blob *b)
{
	(void)close(b->fd);
	free(b->data);
}

/* Reads all of it from the front while the threads are still at work. */
static void read_along(struct oci_unpack *u, const struct blob *b)
{
	static uint8_t block[70000];
	uint64_t at = 0;
	size_t n = 1;
	struct ss_err err = { 0 };

	while (n > 0) {
		expect_ok(oci_unpack_read(u, at, block, sizeof(block), &n, &err), &err);
		assert_true(at + n <= BYTES);
		if (n > 0)
			assert_memory_equal(block, b->data + at, n);
		at += n;
	}
	assert_int_equal(at, BYTES);
}

static void the_result_can_be_read_while_it_comes(void **state)
{
	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		struct blob b;
		struct oci_unpack_in in = { 0 };
		AUTO_UNPACK struct oci_unpack *u = NULL;
		struct ss_err err = { 0 };

		make(&b, packed);
		in.part = (struct oci_part){ b.fd, false, 0, b.n };
		in.digest = &b.digest;
		in.diff_id = &b.diff_id;
		expect_ok(oci_unpack_start(&in, &u, &err), &err);
		read_along(u, &b);
		expect_ok(oci_unpack_wait(u, &err), &err);
		assert_int_equal(oci_unpack_result(u).n, BYTES);
		done(&b);
	}
}

static void it_can_be_given_up_at_any_time(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		struct blob b;
		struct oci_unpack_in in = { 0 };
		struct oci_unpack *u = NULL;
		struct ss_err err = { 0 };
		uint8_t block[512];
		size_t n;

		make(&b, true);
		in.part = (struct oci_part){ b.fd, false, 0, b.n };
		in.digest = &b.digest;
		expect_ok(oci_unpack_start(&in, &u, &err), &err);
		if (i % 2 > 0)
			expect_ok(oci_unpack_read(u, (uint64_t)i * 10000, block, sizeof(block), &n,
						  &err),
				  &err);
		oci_unpack_free(u);
		done(&b);
	}
}

static void the_first_thing_that_is_wrong_is_told(void **state)
{
	struct blob b;
	struct oci_unpack_in in = { 0 };
	struct oci_unpack *u = NULL;
	struct ss_err err = { 0 };
	uint8_t byte = 0;
	size_t n;

	(void)state;
	make(&b, true);
	in.part = (struct oci_part){ b.fd, false, 0, b.n };
	in.digest = &b.digest;
	in.diff_id = &b.diff_id;
	/* A broken deflate stream is a wrong digest first of all. */
	expect_ok(io_pwrite_all(b.fd, b.n / 2,
				(struct ss_span){ (const uint8_t *)"\xff\xff\xff", 3 }, &err),
		  &err);
	expect_ok(oci_unpack_start(&in, &u, &err), &err);
	(void)!oci_unpack_read(u, BYTES - 1, &byte, 1, &n, &err); /* may come before the verdict */
	assert_int_equal(oci_unpack_wait(u, &err), -1);
	assert_int_equal(err.code, SS_EINPUT);
	assert_memory_equal(err.msg, "digest sha256:", 14);
	oci_unpack_free(u);
	/* Without a digest to compare it is what it is. */
	in.digest = NULL;
	expect_ok(oci_unpack_start(&in, &u, &err), &err);
	expect_fails(oci_unpack_wait(u, &err), &err, SS_EINPUT,
		     "gzip: broken data (member at offset 0)");
	oci_unpack_free(u);
	/* The file ends before what was seen of it. */
	in.part.n = b.n + 10;
	assert_int_equal(ftruncate(b.fd, (off_t)(b.n / 3)), 0);
	expect_ok(oci_unpack_start(&in, &u, &err), &err);
	expect_fails(oci_unpack_wait(u, &err), &err, SS_EINPUT, "its file became shorter");
	oci_unpack_free(u);
	done(&b);
}

static void a_guarded_file_that_changes_is_noticed(void **state)
{
	struct oci_guards g = { 0 };
	struct ss_err err = { 0 };
	AUTO_CLOSE int fd = -1;
	AUTO_CLOSE int other = -1;

	(void)state;
	expect_ok(io_spool_new(&fd, &err), &err);
	expect_ok(io_spool_new(&other, &err), &err);
	expect_ok(io_write_all(fd, (struct ss_span){ (const uint8_t *)"one", 3 }, &err), &err);
	expect_ok(oci_guard_add(&g, fd, &err), &err);
	expect_ok(oci_guard_add(&g, fd, &err), &err);
	assert_int_equal(g.n, 1);
	expect_ok(oci_guard_add(&g, other, &err), &err);
	expect_ok(oci_guards_check(&g, &err), &err);
	(void)usleep(20000); /* more than a tick of the file system's clock */
	expect_ok(io_pwrite_all(fd, 0, (struct ss_span){ (const uint8_t *)"two", 3 }, &err), &err);
	expect_fails(oci_guards_check(&g, &err), &err, SS_EINPUT,
		     "the image changed while it was being read (a file of 3 bytes)");
	oci_guards_done(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_result_can_be_read_while_it_comes),
		cmocka_unit_test(it_can_be_given_up_at_any_time),
		cmocka_unit_test(the_first_thing_that_is_wrong_is_told),
		cmocka_unit_test(a_guarded_file_that_changes_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

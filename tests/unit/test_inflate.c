/* SPDX-License-Identifier: Apache-2.0 */
/* Compressors of the libraries themselves are the oracle: what they wrote must come back. */
#include "base/buf.h"
#include "expect.h"
#include "fmt/inflate.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define LIMIT ((size_t)64 << 20)

struct out {
	struct ss_buf got;
	uint8_t room[4096];
	size_t room_n; /* how much of it is given at a time */
	size_t fail_at;
};

static int room(void *ctx, uint8_t **ret, size_t *ret_n, struct ss_err *err)
{
	struct out *o = ctx;

	(void)err;
	*ret = o->room;
	*ret_n = o->room_n;
	return 0;
}

static int push(void *ctx, size_t n, struct ss_err *err)
{
	struct out *o = ctx;

	assert_true(n > 0 && n <= o->room_n);
	ss_buf_put(&o->got, (struct ss_span){ o->room, n });
	memset(o->room, 0xee, sizeof(o->room));
	if (o->fail_at > 0 && o->got.n >= o->fail_at)
		return ss_fail(err, SS_ESYS, "the disk is full");
	return 0;
}

/* Feeds `in` in pieces of `piece` bytes, each an exact-size copy, so that ASan sees every byte. */
static int run(struct ss_span in, size_t piece, size_t room_n, const struct inflate_limits *l,
	       struct out *o, struct ss_err *err)
{
	const struct inflate_sink sink = { room, push, o };
	AUTO_INFLATE struct inflate *f = NULL;

	*o = (struct out){ .got = SS_BUF_INIT(LIMIT), .room_n = room_n, .fail_at = o->fail_at };
	if (inflate_new(inflate_sniff(in), &sink, l, &f, err) < 0)
		return -1;
	while (in.n > 0) {
		const size_t n = piece < in.n ? piece : in.n;
		AUTO_FREE uint8_t *copy = ss_calloc(n, 1);

		memcpy(copy, in.p, n);
		if (inflate_put(f, (struct ss_span){ copy, n }, err) < 0)
			return -1;
		in.p += n;
		in.n -= n;
	}
	return inflate_end(f, err);
}

static const struct inflate_limits unlimited;

static int quick(struct ss_span in, struct out *o, struct ss_err *err)
{
	const int rc = run(in, 4096, 4096, &unlimited, o, err);

	ss_buf_done(&o->got);
	return rc;
}

static void gz(struct ss_buf *to, struct ss_span in, int level)
{
	z_stream s = { 0 };
	AUTO_FREE uint8_t *p = ss_calloc(in.n + in.n / 8 + 1024, 1);
	union {
		const uint8_t *in;
		uint8_t *out;
	} next = { .in = in.p };

	assert_int_equal(deflateInit2(&s, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	s.next_in = next.out;
	s.avail_in = (uInt)in.n;
	s.next_out = p;
	s.avail_out = (uInt)(in.n + in.n / 8 + 1024);
	assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
	ss_buf_put(to, (struct ss_span){ p, s.total_out });
	(void)deflateEnd(&s);
}

static void zst(struct ss_buf *to, struct ss_span in, int level, int window_log)
{
	const size_t room_n = ZSTD_compressBound(in.n) + 64;
	AUTO_FREE uint8_t *p = ss_calloc(room_n, 1);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer i = { in.p, in.n, 0 };
	ZSTD_outBuffer o = { p, room_n, 0 };

	/* Streaming, so that the frame has a window and not the size of its content. */
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	if (window_log > 0)
		(void)ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log);
	assert_int_equal(ZSTD_compressStream2(c, &o, &i, ZSTD_e_flush), 0);
	assert_int_equal(ZSTD_compressStream2(c, &o, &i, ZSTD_e_end), 0);
	assert_int_equal(i.pos, in.n);
	ss_buf_put(to, (struct ss_span){ p, o.pos });
	(void)ZSTD_freeCCtx(c);
}

/* Text-like bytes: compressible, but not trivially. */
static void sample(struct ss_buf *b, size_t n, uint32_t seed)
{
	while (b->n < n) {
		uint8_t c;

		seed = (uint32_t)((uint64_t)seed * 1664525u + 1013904223u);
		c = (uint8_t)("etaoin shrdlu\n\0xyz"[(seed >> 24) % 18]);
		ss_buf_put(b, (struct ss_span){ &c, 1 });
		if (seed % 97 == 0 && b->n > 300) {
			uint8_t again[200];

			memcpy(again, b->p + b->n - 300, sizeof(again));
			ss_buf_put(b, (struct ss_span){ again, sizeof(again) });
		}
	}
}

static void every_kind_comes_back_whatever_the_pieces(void **state)
{
	static const size_t sizes[] = { 0, 1, 511, 4096, 70000, 300000 };
	static const size_t pieces[] = { 1, 3, 17, 4096, 1 << 20 };
	static const size_t rooms[] = { 1, 13, 4096 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(sizes) * 3; i++) {
		AUTO_BUF struct ss_buf data = SS_BUF_INIT(LIMIT);
		AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);

		sample(&data, sizes[i / 3], (uint32_t)i);
		if (i % 3 == 0)
			ss_buf_put(&packed, ss_buf_span(&data));
		else if (i % 3 == 1)
			gz(&packed, ss_buf_span(&data), (int)(i % 10));
		else
			zst(&packed, ss_buf_span(&data), (int)(i % 19), 0);
		for (size_t j = 0; j < SS_NELEMS(pieces) * SS_NELEMS(rooms); j++) {
			struct out o = { 0 };
			struct ss_err err = { 0 };

			expect_ok(run(ss_buf_span(&packed), pieces[j % SS_NELEMS(pieces)],
				      rooms[j / SS_NELEMS(pieces)], &unlimited, &o, &err),
				  &err);
			assert_int_equal(o.got.n, data.n);
			if (data.n > 0)
				assert_memory_equal(o.got.p, data.p, data.n);
			ss_buf_done(&o.got);
		}
	}
}

static void members_and_frames_after_each_other_are_one_stream(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 5000; piece = piece * 2 + 1) {
		for (int zstd = 0; zstd < 2; zstd++) {
			AUTO_BUF struct ss_buf data = SS_BUF_INIT(LIMIT);
			AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);
			struct out o = { 0 };
			struct ss_err err = { 0 };

			sample(&data, 9000, 5);
			for (size_t at = 0; at < data.n; at += 1000) {
				const size_t left = data.n - at < 1000 ? data.n - at : 1000;
				const struct ss_span part = { data.p + at, left };

				if (zstd) /* with a skippable frame before each */
					ss_buf_put(&packed,
						   (struct ss_span){
							   (const uint8_t
								    *)"\x53\x2a\x4d\x18\3\0\0\0abc",
							   11 });
				(zstd ? (void)zst(&packed, part, 3, 0) : gz(&packed, part, 6));
			}
			expect_ok(run(ss_buf_span(&packed), piece, 4096, &unlimited, &o, &err),
				  &err);
			assert_int_equal(o.got.n, data.n);
			assert_memory_equal(o.got.p, data.p, data.n);
			ss_buf_done(&o.got);
		}
	}
}

static void truncation_at_every_byte_is_refused_with_the_offset(void **state)
{
	(void)state;
	for (int zstd = 0; zstd < 2; zstd++) {
		AUTO_BUF struct ss_buf data = SS_BUF_INIT(LIMIT);
		AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);

		sample(&data, 2000, 7);
		(zstd ? zst(&packed, ss_buf_span(&data), 3, 0)
		      : gz(&packed, ss_buf_span(&data), 6));
		for (size_t n = 4; n < packed.n; n++) {
			struct out o = { 0 };
			struct ss_err err = { 0 };
			char want[64];

			(void)snprintf(want, sizeof(want), "%s: truncated at offset %zu",
				       zstd ? "zstd" : "gzip", n);
			expect_fails(quick((struct ss_span){ packed.p, n }, &o, &err), &err,
				     SS_EINPUT, want);
		}
	}
}

static void garbage_after_the_end_is_refused_with_the_offset(void **state)
{
	static const struct {
		bool zstd;
		const char *tail;
		size_t n;
		const char *msg;
	} cases[] = {
		{ false, "\0\0\0\0", 4, "gzip: garbage after the end, at offset" },
		{ false, "garbage", 7, "gzip: garbage after the end, at offset" },
		{ false, "\x1f\x8b\x08\xe0", 4, "gzip: broken data (member at offset" },
		{ false, "\x1f\x8b\x07\x00", 4, "gzip: garbage after the end, at offset" },
		{ true, "\0\0\0\0", 4, "zstd: garbage after the end, at offset" },
		{ true, "\x28\xb5\x2f\xfe", 4, "zstd: garbage after the end, at offset" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);
		const struct ss_span data = { (const uint8_t *)"hello hello hello", 17 };
		struct ss_err err = { 0 };
		char want[96];

		(cases[i].zstd ? zst(&packed, data, 3, 0) : gz(&packed, data, 6));
		(void)snprintf(want, sizeof(want), "%s %zu%s", cases[i].msg, packed.n,
			       strchr(cases[i].msg, '(') != NULL ? ")" : "");
		ss_buf_put(&packed, (struct ss_span){ (const uint8_t *)cases[i].tail, cases[i].n });
		for (size_t piece = 1; piece < 100; piece++) {
			struct out o = { 0 };
			const int rc = run(ss_buf_span(&packed), piece, 4096, &unlimited, &o, &err);

			ss_buf_done(&o.got);
			expect_fails(rc, &err, SS_EINPUT, want);
		}
	}
}

/* The checksums inside see to it, apart from header bytes that mean nothing (time, flags, OS). */
static void no_changed_byte_changes_the_output_unnoticed(void **state)
{
	(void)state;
	for (int zstd = 0; zstd < 2; zstd++) {
		AUTO_BUF struct ss_buf data = SS_BUF_INIT(LIMIT);
		AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);

		sample(&data, 700, 3);
		(zstd ? zst(&packed, ss_buf_span(&data), 3, 0)
		      : gz(&packed, ss_buf_span(&data), 6));
		for (size_t at = 0; at < packed.n * 8; at++) {
			struct out o = { 0 };
			struct ss_err err = { 0 };
			int rc;

			packed.p[at / 8] ^= (uint8_t)(1 << at % 8);
			if (inflate_sniff(ss_buf_span(&packed)) != INFLATE_PLAIN) {
				rc = run(ss_buf_span(&packed), 4096, 64, &unlimited, &o, &err);
				if (rc == 0) {
					assert_int_equal(o.got.n, data.n);
					assert_memory_equal(o.got.p, data.p, data.n);
				} else {
					assert_true(err.code != SS_OK && err.msg[0] != '\0');
				}
				ss_buf_done(&o.got);
			}
			packed.p[at / 8] ^= (uint8_t)(1 << at % 8);
		}
	}
}

static void bombs_stop_at_the_limits(void **state)
{
	const size_t big = (size_t)40 << 20;
	AUTO_FREE uint8_t *zeros = ss_calloc(big, 1);
	AUTO_BUF struct ss_buf g = SS_BUF_INIT(LIMIT);
	AUTO_BUF struct ss_buf z = SS_BUF_INIT(LIMIT);
	struct out o = { 0 };
	struct ss_err err = { 0 };
	int rc;

	(void)state;
	gz(&g, (struct ss_span){ zeros, big }, 9);
	zst(&z, (struct ss_span){ zeros, big }, 3, 0);
	rc = run(ss_buf_span(&g), 4096, 4096, &(struct inflate_limits){ .out = 1 << 20 }, &o, &err);
	assert_int_equal(o.got.n, 1 << 20);
	ss_buf_done(&o.got);
	expect_fails(rc, &err, SS_ELIMIT, "more than 1048576 bytes when decompressed");
	rc = run(ss_buf_span(&z), 4096, 4096, &(struct inflate_limits){ .ratio = 1100 }, &o, &err);
	assert_int_equal(o.got.n, INFLATE_RATIO_SLACK);
	ss_buf_done(&o.got);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, SS_ELIMIT);
	assert_non_null(strstr(err.msg, "decompresses to more than 1100 times its size (offset "));
	/* Deflate's own best is 1032 : 1. */
	rc = run(ss_buf_span(&g), 4096, 4096, &(struct inflate_limits){ .ratio = 1100, .out = big },
		 &o, &err);
	assert_int_equal(o.got.n, big);
	ss_buf_done(&o.got);
	expect_ok(rc, &err);
}

static void a_large_zstd_window_is_refused(void **state)
{
	AUTO_BUF struct ss_buf data = SS_BUF_INIT(LIMIT);
	AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);
	struct out o = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	sample(&data, 1000, 1);
	zst(&packed, ss_buf_span(&data), 3, (int)INFLATE_ZSTD_WINDOW_LOG);
	expect_ok(quick(ss_buf_span(&packed), &o, &err), &err);
	ss_buf_done(&packed);
	packed = (struct ss_buf)SS_BUF_INIT(LIMIT);
	zst(&packed, ss_buf_span(&data), 3, (int)INFLATE_ZSTD_WINDOW_LOG + 1);
	expect_fails(quick(ss_buf_span(&packed), &o, &err), &err, SS_ELIMIT,
		     "zstd: a window of more than 32 MiB (frame at offset 0)");
}

static void other_compressors_are_refused_by_name(void **state)
{
	struct out o = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(quick((struct ss_span){ (const uint8_t *)"BZh91AY", 7 }, &o, &err), &err,
		     SS_EINPUT, "compressed with bzip2; gzip, zstd and plain are read");
	expect_fails(quick((struct ss_span){ (const uint8_t *)"\xfd"
							      "7zXZ\0\0",
					     7 },
			   &o, &err),
		     &err, SS_EINPUT, "compressed with xz; gzip, zstd and plain are read");
}

/* A stream of liblzma's encoder behind what `to` has. */
static void xz(struct ss_buf *to, struct ss_span in, uint32_t preset)
{
	AUTO_FREE uint8_t *p = ss_calloc(lzma_stream_buffer_bound(in.n), 1);
	lzma_options_lzma o;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &o }, { LZMA_VLI_UNKNOWN, NULL } };
	size_t n = 0;

	assert_false(lzma_lzma_preset(&o, preset));
	assert_int_equal(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC64, NULL, in.p, in.n, p,
						   &n, lzma_stream_buffer_bound(in.n)),
			 LZMA_OK);
	ss_buf_put(to, (struct ss_span){ p, n });
}

static const struct inflate_limits with_others = { .other = true };

static void xz_comes_back_in_pieces_of_any_size_and_stream_after_stream(void **state)
{
	AUTO_BUF struct ss_buf data = SS_BUF_INIT(LIMIT);
	AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);

	(void)state;
	for (uint32_t i = 0; i < 30000; i++)
		ss_buf_be32(&data, i * i);
	xz(&packed, (struct ss_span){ data.p, 60000 }, 6);
	xz(&packed, (struct ss_span){ data.p, 0 }, 0);
	xz(&packed, (struct ss_span){ data.p + 60000, data.n - 60000 }, 1);
	for (size_t piece = 1; piece < 200000; piece = piece * 7 + 1) {
		struct out o = { 0 };
		struct ss_err err = { 0 };

		expect_ok(
			run(ss_buf_span(&packed), piece, 1 + piece % 4096, &with_others, &o, &err),
			&err);
		assert_int_equal(o.got.n, data.n);
		assert_memory_equal(o.got.p, data.p, data.n);
		ss_buf_done(&o.got);
	}
}

static void xz_that_is_cut_or_changed_is_refused(void **state)
{
	AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);

	(void)state;
	xz(&packed, (struct ss_span){ (const uint8_t *)"some text", 9 }, 6);
	for (size_t n = 6; n < packed.n; n++) {
		struct out o = { 0 };
		struct ss_err err = { 0 };

		assert_int_equal(
			run((struct ss_span){ packed.p, n }, 16, 4096, &with_others, &o, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_non_null(strstr(err.msg, "xz: truncated at offset "));
		ss_buf_done(&o.got);
	}
	for (size_t i = 6; i < packed.n; i++) {
		struct out o = { 0 };
		struct ss_err err = { 0 };

		packed.p[i] ^= 0x10;
		assert_int_equal(run(ss_buf_span(&packed), 16, 4096, &with_others, &o, &err), -1);
		assert_true(err.code == SS_EINPUT || err.code == SS_ELIMIT);
		assert_int_equal(strncmp(err.msg, "xz: ", 4), 0);
		packed.p[i] ^= 0x10;
		ss_buf_done(&o.got);
	}
}

/* The header of the first block: its size, flags, two sizes, LZMA2 with one byte of properties, a
 * checksum. */
static void set_window(struct ss_buf *b, uint8_t code)
{
	const size_t n = 4 * (b->p[12] + (size_t)1) - 4;
	uint32_t crc;

	assert_memory_equal(b->p + 16, "\x21\1", 2);
	b->p[18] = code;
	crc = lzma_crc32(b->p + 12, n, 0);
	for (size_t i = 0; i < 4; i++)
		b->p[12 + n + i] = (uint8_t)(crc >> 8 * i);
}

/* A stream of libbz2's encoder behind what `to` has. */
static void bzip2(struct ss_buf *to, struct ss_span in, int level)
{
	unsigned n = (unsigned)in.n + (unsigned)in.n / 100 + 600;
	AUTO_FREE char *p = ss_calloc(n, 1);
	AUTO_FREE char *from = ss_calloc(in.n + 1, 1);

	if (in.n > 0)
		memcpy(from, in.p, in.n);
	assert_int_equal(BZ2_bzBuffToBuffCompress(p, &n, from, (unsigned)in.n, level, 0, 0), BZ_OK);
	ss_buf_put(to, (struct ss_span){ (const uint8_t *)p, n });
}

static void bzip2_comes_back_in_pieces_of_any_size_and_stream_after_stream(void **state)
{
	AUTO_BUF struct ss_buf data = SS_BUF_INIT(LIMIT);
	AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);

	(void)state;
	for (unsigned i = 0; i < 150000; i++)
		ss_buf_put(&data,
			   (struct ss_span){ (const uint8_t[]){ (uint8_t)(i * i >> 7) }, 1 });
	bzip2(&packed, (struct ss_span){ data.p, 130000 }, 1);
	bzip2(&packed, (struct ss_span){ data.p, 0 }, 9);
	bzip2(&packed, (struct ss_span){ data.p + 130000, 20000 }, 9);
	for (size_t piece = 1; piece < 9000; piece += 1 + piece * 3) {
		struct out o = { 0 };
		struct ss_err err = { 0 };

		expect_ok(
			run(ss_buf_span(&packed), piece, 1 + piece % 4096, &with_others, &o, &err),
			&err);
		assert_int_equal(o.got.n, data.n);
		assert_memory_equal(o.got.p, data.p, data.n);
		ss_buf_done(&o.got);
	}
}

static void bzip2_that_is_cut_or_changed_is_refused(void **state)
{
	AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);

	(void)state;
	bzip2(&packed, (struct ss_span){ (const uint8_t *)"some text", 9 }, 9);
	for (size_t n = 3; n < packed.n; n++) {
		struct out o = { 0 };
		struct ss_err err = { 0 };

		assert_int_equal(
			run((struct ss_span){ packed.p, n }, 16, 4096, &with_others, &o, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_non_null(strstr(err.msg, "bzip2: truncated at offset "));
		ss_buf_done(&o.got);
	}
	for (size_t i = 4; i + 1 < packed.n; i++) {
		struct out o = { 0 };
		struct ss_err err = { 0 };

		packed.p[i] ^= 0x10;
		assert_int_equal(run(ss_buf_span(&packed), 16, 4096, &with_others, &o, &err), -1);
		packed.p[i] ^= 0x10;
		assert_int_equal(strncmp(err.msg, "bzip2: ", 7), 0);
		ss_buf_done(&o.got);
	}
}

static void a_large_xz_window_is_refused(void **state)
{
	for (uint8_t code = 28; code <= 29; code++) { /* 64 and 96 MiB */
		AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);
		struct out o = { 0 };
		struct ss_err err = { 0 };
		int rc;

		(void)state;
		xz(&packed, (struct ss_span){ (const uint8_t *)"some text", 9 }, 0);
		set_window(&packed, code);
		rc = run(ss_buf_span(&packed), 4096, 4096, &with_others, &o, &err);
		ss_buf_done(&o.got);
		if (code == 28)
			expect_ok(rc, &err);
		else
			expect_fails(rc, &err, SS_ELIMIT,
				     "xz: a window of more than 64 MiB (stream at offset 0)");
	}
}

static void a_failing_sink_stops_it(void **state)
{
	AUTO_BUF struct ss_buf data = SS_BUF_INIT(LIMIT);
	AUTO_BUF struct ss_buf packed = SS_BUF_INIT(LIMIT);
	struct out o = { .fail_at = 8192 };
	struct ss_err err = { 0 };

	(void)state;
	sample(&data, 100000, 1);
	gz(&packed, ss_buf_span(&data), 6);
	expect_fails(quick(ss_buf_span(&packed), &o, &err), &err, SS_ESYS, "the disk is full");
	assert_int_equal(o.got.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_comes_back_whatever_the_pieces),
		cmocka_unit_test(members_and_frames_after_each_other_are_one_stream),
		cmocka_unit_test(truncation_at_every_byte_is_refused_with_the_offset),
		cmocka_unit_test(garbage_after_the_end_is_refused_with_the_offset),
		cmocka_unit_test(no_changed_byte_changes_the_output_unnoticed),
		cmocka_unit_test(bombs_stop_at_the_limits),
		cmocka_unit_test(a_large_zstd_window_is_refused),
		cmocka_unit_test(xz_comes_back_in_pieces_of_any_size_and_stream_after_stream),
		cmocka_unit_test(xz_that_is_cut_or_changed_is_refused),
		cmocka_unit_test(bzip2_comes_back_in_pieces_of_any_size_and_stream_after_stream),
		cmocka_unit_test(bzip2_that_is_cut_or_changed_is_refused),
		cmocka_unit_test(a_large_xz_window_is_refused),
		cmocka_unit_test(other_compressors_are_refused_by_name),
		cmocka_unit_test(a_failing_sink_stops_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

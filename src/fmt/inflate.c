/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/inflate.h"

#include "base/mem.h"

#include <assert.h>
#include <bzlib.h>
#include <lzma.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

enum step { STEP_MORE, STEP_END, STEP_BROKEN, STEP_WINDOW };

struct inflate {
	enum inflate_kind kind;
	struct inflate_sink sink;
	struct inflate_limits limits;
	uint8_t *room; /* NULL between pushes */
	size_t room_n;
	size_t filled;
	uint64_t in;    /* bytes taken */
	uint64_t out;   /* bytes made */
	uint64_t start; /* offset of the member or frame under way, or of the next one */
	size_t head_n;  /* its first bytes seen so far: 0 between two members */
	uint8_t head[4];
#ifdef HAVE_ISAL
	struct inflate_state *gzip;
#else
	z_stream gzip;
#endif
	ZSTD_DCtx *zstd;
	lzma_stream xz;
	bz_stream bzip2;
	bool bzip2_is; /* there is one under way */
};

static const char gzip_magic[] = "\x1f\x8b\x08";
static const char zstd_magic[] = "\x28\xb5\x2f\xfd";
static const char xz_magic[] = "\xfd"
			       "7zXZ";
static const char bzip2_magic[] = "BZh";
static const char zstd_skip_magic[] = "\x2a\x4d\x18"; /* after a byte 0x50 ... 0x5f */

enum inflate_kind inflate_sniff(struct ss_span head)
{
	static const struct {
		enum inflate_kind kind;
		size_t n;
		const char *magic;
	} table[] = {
		{ INFLATE_GZIP, 3, gzip_magic },
		{ INFLATE_ZSTD, 4, zstd_magic },
		{ INFLATE_BZIP2, 3, bzip2_magic },
		{ INFLATE_XZ, 6, xz_magic }, /* the NUL at its end is the sixth */
	};

	for (size_t i = 0; i < SS_NELEMS(table); i++)
		if (head.n >= table[i].n && memcmp(head.p, table[i].magic, table[i].n) == 0)
			return table[i].kind;
	if (head.n >= 4 && (head.p[0] & 0xf0) == 0x50 &&
	    memcmp(head.p + 1, zstd_skip_magic, 3) == 0)
		return INFLATE_ZSTD; /* a skippable frame */
	return INFLATE_PLAIN;
}

const char *inflate_kind_name(enum inflate_kind kind)
{
	switch (kind) {
	case INFLATE_PLAIN:
		return "plain";
	case INFLATE_GZIP:
		return "gzip";
	case INFLATE_ZSTD:
		return "zstd";
	case INFLATE_BZIP2:
		return "bzip2";
	case INFLATE_XZ:
		return "xz";
	}
	abort(); /* no such kind */
}

/* --- the two decoders: one step each, from input to the room that is left ----------------- */

#ifdef HAVE_ISAL
static void gzip_begin(struct inflate *f)
{
	if (f->gzip == NULL)
		f->gzip = ss_calloc(1, sizeof(*f->gzip));
	isal_inflate_init(f->gzip);
	f->gzip->crc_flag = ISAL_GZIP;
}

static enum step gzip_step(struct inflate *f, struct ss_span *in)
{
	struct inflate_state *s = f->gzip;
	const size_t left = f->room_n - f->filled;
	union {
		const uint8_t *in;
		uint8_t *out;
	} next = { .in = in->p }; /* the library reads only, but says so nowhere */
	int rc;

	s->next_in = next.out;
	s->avail_in = in->n < UINT32_MAX ? (uint32_t)in->n : UINT32_MAX;
	s->next_out = f->room + f->filled;
	s->avail_out = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
	rc = isal_inflate(s);
	in->n -= (size_t)(s->next_in - in->p);
	in->p = s->next_in;
	f->filled = (size_t)(s->next_out - f->room);
	if (rc != ISAL_DECOMP_OK && rc != ISAL_END_INPUT && rc != ISAL_OUT_OVERFLOW)
		return STEP_BROKEN;
	return s->block_state == ISAL_BLOCK_FINISH ? STEP_END : STEP_MORE;
}

static void gzip_done(struct inflate *f)
{
	free(f->gzip);
}
#else
static void gzip_begin(struct inflate *f)
{
	const int rc = f->gzip.state == NULL ? inflateInit2(&f->gzip, 15 + 16) : /* 16: gzip only */
			       inflateReset(&f->gzip);

	assert(rc == Z_OK); /* else out of memory, or a library of another version */
}

static enum step gzip_step(struct inflate *f, struct ss_span *in)
{
	z_stream *s = &f->gzip;
	const size_t left = f->room_n - f->filled;
	union {
		const uint8_t *in;
		uint8_t *out;
	} next = { .in = in->p };
	int rc;

	s->next_in = next.out;
	s->avail_in = in->n < UINT32_MAX ? (uInt)in->n : UINT32_MAX;
	s->next_out = f->room + f->filled;
	s->avail_out = left < UINT32_MAX ? (uInt)left : UINT32_MAX;
	rc = inflate(s, Z_NO_FLUSH);
	in->n -= (size_t)(s->next_in - in->p);
	in->p = s->next_in;
	f->filled = (size_t)(s->next_out - f->room);
	if (rc == Z_STREAM_END)
		return STEP_END;
	return rc == Z_OK || rc == Z_BUF_ERROR ? STEP_MORE : STEP_BROKEN;
}

static void gzip_done(struct inflate *f)
{
	(void)inflateEnd(&f->gzip);
}
#endif

static void zstd_begin(struct inflate *f)
{
	if (f->zstd != NULL) {
		(void)ZSTD_DCtx_reset(f->zstd, ZSTD_reset_session_only);
		return;
	}
	f->zstd = ZSTD_createDCtx();
	assert(f->zstd != NULL); /* else out of memory */
	(void)ZSTD_DCtx_setParameter(f->zstd, ZSTD_d_windowLogMax, (int)INFLATE_ZSTD_WINDOW_LOG);
}

static enum step zstd_step(struct inflate *f, struct ss_span *in)
{
	ZSTD_inBuffer i = { in->p, in->n, 0 };
	ZSTD_outBuffer o = { f->room, f->room_n, f->filled };
	const size_t rc = ZSTD_decompressStream(f->zstd, &o, &i);

	in->p += i.pos;
	in->n -= i.pos;
	f->filled = o.pos;
	if (ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge)
		return STEP_WINDOW;
	if (ZSTD_isError(rc))
		return STEP_BROKEN;
	return rc == 0 ? STEP_END : STEP_MORE;
}

static void xz_begin(struct inflate *f)
{
	const lzma_ret rc = lzma_stream_decoder(&f->xz, INFLATE_XZ_MEMORY, 0);

	assert(rc == LZMA_OK); /* else out of memory */
}

static enum step xz_step(struct inflate *f, struct ss_span *in)
{
	lzma_stream *s = &f->xz;
	lzma_ret rc;

	s->next_in = in->p;
	s->avail_in = in->n;
	s->next_out = f->room + f->filled;
	s->avail_out = f->room_n - f->filled;
	rc = lzma_code(s, LZMA_RUN);
	in->n -= (size_t)(s->next_in - in->p);
	in->p = s->next_in;
	f->filled = (size_t)(s->next_out - f->room);
	if (rc == LZMA_MEMLIMIT_ERROR)
		return STEP_WINDOW;
	if (rc == LZMA_STREAM_END)
		return STEP_END;
	return rc == LZMA_OK || rc == LZMA_BUF_ERROR ? STEP_MORE : STEP_BROKEN;
}

static void bzip2_done(struct inflate *f)
{
	if (f->bzip2_is)
		(void)BZ2_bzDecompressEnd(&f->bzip2);
	f->bzip2_is = false;
}

static void bzip2_begin(struct inflate *f)
{
	int rc;

	bzip2_done(f);
	f->bzip2 = (bz_stream){ .avail_in = 0 };
	rc = BZ2_bzDecompressInit(&f->bzip2, 0, 0);
	assert(rc == BZ_OK); /* else out of memory */
	f->bzip2_is = true;
}

static enum step bzip2_step(struct inflate *f, struct ss_span *in)
{
	const size_t left = f->room_n - f->filled;
	bz_stream *s = &f->bzip2;
	union {
		const uint8_t *in;
		char *out;
	} next = { .in = in->p }; /* the library reads only, but says so nowhere */
	const unsigned had = in->n < UINT32_MAX ? (unsigned)in->n : UINT32_MAX;
	const unsigned room = left < UINT32_MAX ? (unsigned)left : UINT32_MAX;
	int rc;

	s->next_in = next.out;
	s->avail_in = had;
	s->next_out = (char *)f->room + f->filled;
	s->avail_out = room;
	rc = BZ2_bzDecompress(s);
	in->n -= had - s->avail_in;
	in->p += had - s->avail_in;
	f->filled += room - s->avail_out;
	if (rc == BZ_STREAM_END)
		return STEP_END;
	return rc == BZ_OK ? STEP_MORE : STEP_BROKEN;
}

/* --- what they share ---------------------------------------------------------------------- */

static const char *unit(const struct inflate *f)
{
	return f->kind == INFLATE_GZIP ? "member" : f->kind == INFLATE_ZSTD ? "frame" : "stream";
}

static int broken(const struct inflate *f, struct ss_err *err)
{
	return ss_fail(err, SS_EINPUT, "%s: broken data (%s at offset %llu)",
		       inflate_kind_name(f->kind), unit(f), (unsigned long long)f->start);
}

/* True if what is known of the head can still become a member or frame of this kind. */
static bool head_fits(const struct inflate *f)
{
	const uint8_t *h = f->head;
	const size_t n = f->head_n;

	if (f->kind == INFLATE_GZIP)
		return memcmp(h, gzip_magic, n < 3 ? n : 3) == 0;
	if (f->kind == INFLATE_XZ)
		return memcmp(h, xz_magic, n) == 0;
	if (f->kind == INFLATE_BZIP2)
		return memcmp(h, bzip2_magic, n < 3 ? n : 3) == 0;
	if (n == 0 || memcmp(h, zstd_magic, n) == 0)
		return true;
	return (h[0] & 0xf0) == 0x50 && memcmp(h + 1, zstd_skip_magic, n - 1) == 0;
}

/*
 * The first bytes of each member are looked at here, whichever library reads them afterwards, so
 * that every build draws the line between a member and garbage at the same place.
 */
static int check_head(struct inflate *f, struct ss_span in, struct ss_err *err)
{
	const size_t known = f->head_n - (size_t)(f->in - f->start); /* of `in` */

	in.p += known;
	in.n -= known;
	while (f->head_n < sizeof(f->head) && in.n > 0) {
		f->head[f->head_n++] = *in.p++;
		in.n--;
	}
	if (head_fits(f)) {
		const bool reserved = f->head_n == 4 && (f->head[3] & 0xe0) != 0;

		return f->kind == INFLATE_GZIP && reserved ? broken(f, err) : 0;
	}
	if (f->start == 0)
		return broken(f, err);
	return ss_fail(err, SS_EINPUT, "%s: garbage after the end, at offset %llu",
		       inflate_kind_name(f->kind), (unsigned long long)f->start);
}

static int push_room(struct inflate *f, struct ss_err *err)
{
	const size_t n = f->filled;

	f->room = NULL;
	f->filled = 0;
	f->out += n;
	if (f->limits.out != 0 && f->out > f->limits.out) {
		(void)ss_fail(err, SS_ELIMIT, "more than %llu bytes when decompressed",
			      (unsigned long long)f->limits.out);
		err->hint = f->limits.out_hint;
		return -1;
	}
	if (f->limits.ratio != 0 && f->out > INFLATE_RATIO_SLACK &&
	    f->out / f->limits.ratio > f->in) {
		(void)ss_fail(err, SS_ELIMIT,
			      "decompresses to more than %u times its size (offset %llu)",
			      f->limits.ratio, (unsigned long long)f->in);
		err->hint = f->limits.ratio_hint;
		return -1;
	}
	return f->sink.push(f->sink.ctx, n, err);
}

static int need_room(struct inflate *f, struct ss_err *err)
{
	if (f->room != NULL && f->filled == f->room_n && push_room(f, err) < 0)
		return -1;
	if (f->room != NULL)
		return 0;
	return f->sink.room(f->sink.ctx, &f->room, &f->room_n, err);
}

static int put_plain(struct inflate *f, struct ss_span in, struct ss_err *err)
{
	while (in.n > 0) {
		size_t n;

		if (need_room(f, err) < 0)
			return -1;
		n = f->room_n - f->filled;
		n = n < in.n ? n : in.n;
		memcpy(f->room + f->filled, in.p, n);
		f->filled += n;
		f->in += n;
		in.p += n;
		in.n -= n;
	}
	return 0;
}

static void begin_member(struct inflate *f)
{
	f->start = f->in;
	f->head_n = 0;
	if (f->kind == INFLATE_GZIP)
		gzip_begin(f);
	else if (f->kind == INFLATE_XZ)
		xz_begin(f);
	else if (f->kind == INFLATE_BZIP2)
		bzip2_begin(f);
	else
		zstd_begin(f);
}

static enum step any_step(struct inflate *f, struct ss_span *in)
{
	if (f->kind == INFLATE_GZIP)
		return gzip_step(f, in);
	if (f->kind == INFLATE_BZIP2)
		return bzip2_step(f, in);
	return f->kind == INFLATE_XZ ? xz_step(f, in) : zstd_step(f, in);
}

/* One call of the decoder; *ret_idle if it had nothing to do. */
static int one_step(struct inflate *f, struct ss_span *in, bool *ret_idle, struct ss_err *err)
{
	const size_t had = in->n, filled = f->filled;
	const enum step s = any_step(f, in);

	f->in += had - in->n;
	*ret_idle = had == in->n && filled == f->filled;
	switch (s) {
	case STEP_MORE:
		break;
	case STEP_END:
		begin_member(f);
		*ret_idle = in->n == 0;
		break;
	case STEP_BROKEN:
		return broken(f, err);
	case STEP_WINDOW:
		return ss_fail(err, SS_ELIMIT,
			       "%s: a window of more than %u MiB (%s at offset %llu)",
			       inflate_kind_name(f->kind),
			       f->kind == INFLATE_XZ ? INFLATE_XZ_WINDOW_MIB
						     : 1u << (INFLATE_ZSTD_WINDOW_LOG - 20),
			       unit(f), (unsigned long long)f->start);
	}
	return 0;
}

int inflate_put(struct inflate *f, struct ss_span in, struct ss_err *err)
{
	bool idle = false, full = false;

	if (f->kind == INFLATE_PLAIN)
		return put_plain(f, in, err);
	/* A full room may hide output that the decoder still keeps: ask it again. */
	while (in.n > 0 || (full && !idle)) {
		if (f->head_n < sizeof(f->head) && check_head(f, in, err) < 0)
			return -1;
		if (need_room(f, err) < 0 || one_step(f, &in, &idle, err) < 0)
			return -1;
		full = f->filled == f->room_n;
		if (idle && in.n > 0 && !full)
			return broken(f, err);
	}
	return 0;
}

int inflate_end(struct inflate *f, struct ss_err *err)
{
	if (f->kind != INFLATE_PLAIN && (f->in == 0 || f->start != f->in))
		return ss_fail(err, SS_EINPUT, "%s: truncated at offset %llu",
			       inflate_kind_name(f->kind), (unsigned long long)f->in);
	return f->room != NULL && f->filled > 0 ? push_room(f, err) : 0;
}

int inflate_new(enum inflate_kind kind, const struct inflate_sink *sink,
		const struct inflate_limits *limits, struct inflate **ret, struct ss_err *err)
{
	struct inflate *f;

	if ((kind == INFLATE_BZIP2 || kind == INFLATE_XZ) && !limits->other)
		return ss_fail(err, SS_EINPUT, "compressed with %s; gzip, zstd and plain are read",
			       inflate_kind_name(kind));
	f = ss_calloc(1, sizeof(*f));
	f->kind = kind;
	f->sink = *sink;
	f->limits = *limits;
	if (kind != INFLATE_PLAIN)
		begin_member(f);
	*ret = f;
	return 0;
}

void inflate_free(struct inflate *f)
{
	if (f == NULL)
		return;
	if (f->kind == INFLATE_GZIP)
		gzip_done(f);
	(void)ZSTD_freeDCtx(f->zstd);
	lzma_end(&f->xz);
	bzip2_done(f);
	free(f);
}

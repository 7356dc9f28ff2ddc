/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

/*
 * Streaming decompression: gzip (ISA-L where it was built in, else zlib), zstd, xz and bzip2 if
 * they are asked for (layers are never packed so), and plain bytes through the same door. Bytes go
 * in with inflate_put() in pieces of any size; what comes out is written straight into room that
 * the sink gives, and pushed when the room is full.
 *
 * Several gzip members, zstd frames (skippable ones too), xz or bzip2 streams after each other are
 * one. Anything else after the last one, and an end in the middle, are refused with the offset.
 * Checksums inside the formats are checked. Memory is constant: about 100 KiB for gzip, the
 * frame's window for zstd, and a window over INFLATE_ZSTD_WINDOW_LOG is refused; for xz what
 * liblzma needs, and over INFLATE_XZ_MEMORY is refused; at most 4 MiB for bzip2.
 */
#define INFLATE_XZ_WINDOW_MIB 64u /* what xz -9 writes */
#define INFLATE_XZ_MEMORY ((uint64_t)(INFLATE_XZ_WINDOW_MIB + 1) << 20)
#define INFLATE_ZSTD_WINDOW_LOG 25u /* 32 MiB: the largest that container tools write */
#define INFLATE_SNIFF 6u            /* bytes that inflate_sniff() wants to see, fewer at the end */
#define INFLATE_RATIO_SLACK ((uint64_t)16 << 20) /* output that is never held against the ratio */

enum inflate_kind {
	INFLATE_PLAIN,
	INFLATE_GZIP,
	INFLATE_ZSTD,
	INFLATE_BZIP2, /* known by its magic, so that it can be refused by name */
	INFLATE_XZ,    /* the same; both unless inflate_limits.other */
};

/* By magic number; what has none of them is plain. */
enum inflate_kind inflate_sniff(struct ss_span head);
const char *inflate_kind_name(enum inflate_kind kind);

struct inflate_sink {
	/* Room for output, at least one byte; the same room until it is pushed. */
	int (*room)(void *ctx, uint8_t **ret, size_t *ret_n, struct ss_err *err);
	/* The first n bytes of that room are output. */
	int (*push)(void *ctx, size_t n, struct ss_err *err);
	void *ctx;
};

/* 0 = no limit. */
struct inflate_limits {
	uint64_t out;         /* bytes of output */
	uint32_t ratio;       /* output : input, asked once INFLATE_RATIO_SLACK has come out */
	const char *out_hint; /* for ss_err.hint where the limit is met; static text or NULL */
	const char *ratio_hint;
	bool other; /* xz and bzip2 are read */
};

struct inflate;

/* `sink` is copied. SS_EINPUT for a kind that is only known by name. */
SS_MUST_CHECK SS_NONNULL int inflate_new(enum inflate_kind kind, const struct inflate_sink *sink,
					 const struct inflate_limits *limits, struct inflate **ret,
					 struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int inflate_put(struct inflate *f, struct ss_span in, struct ss_err *err);
/* The input is over: pushes the rest, or fails if the stream is not complete. */
SS_MUST_CHECK SS_NONNULL int inflate_end(struct inflate *f, struct ss_err *err);
void inflate_free(struct inflate *f);

static inline void inflate_freep(struct inflate **f)
{
	inflate_free(*f);
}
#define AUTO_INFLATE SS_CLEANUP(inflate_freep)

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/tar.h"

/* What the files of the tar reader share: header fields, pax records, sparse maps. */

/* The fields of a header block. */
#define AT_NAME 0u
#define AT_MODE 100u
#define AT_UID 108u
#define AT_GID 116u
#define AT_SIZE 124u
#define AT_MTIME 136u
#define AT_SUM 148u
#define AT_TYPE 156u
#define AT_LINK 157u
#define AT_MAGIC 257u
#define AT_MAJOR 329u
#define AT_MINOR 337u
#define AT_PREFIX 345u
#define AT_GNU_REALSIZE 483u
#define AT_STAR_TRAILER 508u

enum tar_family { TAR_V7, TAR_USTAR, TAR_GNU };

/* A number field that must lie in 0 ... max; `what` names it. */
SS_MUST_CHECK SS_NONNULL int tar_field(const uint8_t block[TAR_BLOCK], const char *what, size_t at,
				       size_t n, uint64_t max, uint64_t *ret, struct ss_err *err);
/* Bytes up to the first NUL. */
SS_NONNULL struct ss_span tar_text(const uint8_t *p, size_t n);
SS_MUST_CHECK SS_NONNULL int tar_sum_check(const uint8_t block[TAR_BLOCK], struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int tar_family_find(const uint8_t block[TAR_BLOCK], enum tar_family *ret,
					     struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int tar_type_find(const uint8_t block[TAR_BLOCK], struct ss_span path,
					   enum tar_type *ret, struct ss_err *err);

struct tar_segments {
	struct tar_segment *v;
	size_t n;
	size_t cap;
};

SS_MUST_CHECK SS_NONNULL int tar_segments_add(struct tar_segments *s, uint64_t at, uint64_t n,
					      struct ss_err *err);
/* In order, apart from each other, inside `size`, and `stored` bytes in all. */
SS_MUST_CHECK SS_NONNULL int tar_segments_check(const struct tar_segments *s, uint64_t size,
						uint64_t stored, struct ss_err *err);

/* A decimal number that is all of `s`, at most INT64_MAX. */
SS_MUST_CHECK SS_NONNULL bool tar_decimal(struct ss_span s, uint64_t *ret);
/* A number field of a header: octal, or base 256 where the first bit is set. */
SS_MUST_CHECK SS_NONNULL bool tar_number(struct ss_span field, int64_t *ret);

/* What one pax extended header says. Spans point into the header's body; p NULL = not said. */
struct tar_pax {
	struct ss_span path;
	struct ss_span link;
	struct ss_span sparse_name;
	struct ss_span sparse_map; /* 0.1 */
	uint64_t size;
	uint64_t uid;
	uint64_t gid;
	int64_t mtime;
	uint64_t sparse_major;
	uint64_t sparse_minor;
	uint64_t sparse_size; /* GNU.sparse.size or .realsize */
	uint64_t sparse_blocks;
	uint32_t has;                 /* bit i: key i of the table in tar_pax.c */
	bool sparse_open;             /* 0.0: an offset waits for its numbytes */
	struct tar_segments segments; /* 0.0 */
	struct tar_xattr *xattrs;
	size_t n_xattrs;
	size_t cap_xattrs;
};

enum tar_pax_key {
	TAR_PAX_PATH,
	TAR_PAX_LINK,
	TAR_PAX_SIZE,
	TAR_PAX_UID,
	TAR_PAX_GID,
	TAR_PAX_MTIME,
	TAR_PAX_CHARSET,
	TAR_PAX_SPARSE_MAJOR,
	TAR_PAX_SPARSE_MINOR,
	TAR_PAX_SPARSE_NAME,
	TAR_PAX_SPARSE_REALSIZE,
	TAR_PAX_SPARSE_SIZE,
	TAR_PAX_SPARSE_BLOCKS,
	TAR_PAX_SPARSE_MAP,
	TAR_PAX_SPARSE_OFFSET,
	TAR_PAX_SPARSE_BYTES,
	TAR_PAX_KEYS,
};

static inline bool tar_pax_has(const struct tar_pax *p, enum tar_pax_key k)
{
	return (p->has >> k & 1) != 0;
}

/* Forgets what was said, keeps the memory. */
SS_NONNULL void tar_pax_clear(struct tar_pax *p);
SS_NONNULL void tar_pax_done(struct tar_pax *p);
/* `body` must stay where it is. In a `global` header every key that would change entries fails. */
SS_MUST_CHECK SS_NONNULL int tar_pax_read(struct ss_span body, bool global, struct tar_pax *p,
					  struct ss_err *err);

/* "offset,bytes,offset,bytes" of GNU.sparse 0.1. */
SS_MUST_CHECK SS_NONNULL int tar_sparse_map_01(struct ss_span map, struct tar_segments *ret,
					       struct ss_err *err);
/* GNU.sparse 1.0: the map stands before the data, in the body at *at, of which *stored bytes are
 * left; both go on behind it. */
SS_MUST_CHECK SS_NONNULL int tar_sparse_map_10(const struct tar_source *src, uint64_t *at,
					       uint64_t *stored, struct tar_segments *ret,
					       struct ss_err *err);
/* Old GNU: four pairs in the header, more in blocks at *at while there is a flag. */
SS_MUST_CHECK SS_NONNULL int tar_sparse_map_gnu(const struct tar_source *src,
						const uint8_t header[TAR_BLOCK], uint64_t *at,
						struct tar_segments *ret, struct ss_err *err);

/* All of `n` bytes, or "truncated". */
SS_MUST_CHECK SS_NONNULL int tar_read_all(const struct tar_source *src, uint64_t at, uint8_t *p,
					  size_t n, struct ss_err *err);

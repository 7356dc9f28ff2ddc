/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/inflate.h"
#include "oci/source.h"

/*
 * Bytes that can be read anywhere, wherever they lie: in a file, a spool, a tree or memory.
 * A source is shared: each holder counts in `refs`. A range (struct ex_bytes) borrows its source.
 */
struct ex_source {
	size_t refs;
	int fd; /* -1 = none */
	struct tree *tree;
	struct oci_image *image; /* of `tree`; its guards */
	uint8_t *mem;
};

/* Each is the caller's with one reference; the descriptor or tree belongs to the source. */
SS_MUST_CHECK struct ex_source *ex_source_fd(int fd);
SS_MUST_CHECK SS_NONNULL struct ex_source *ex_source_tree(struct tree *t, struct oci_image *image);
SS_MUST_CHECK struct ex_source *ex_source_mem(struct ss_span s); /* a copy */
SS_NONNULL struct ex_source *ex_source_hold(struct ex_source *s);
void ex_source_drop(struct ex_source *s); /* accepts NULL */

static inline void ex_source_dropp(struct ex_source **s)
{
	ex_source_drop(*s);
}
#define AUTO_EX_SOURCE SS_CLEANUP(ex_source_dropp)

struct ex_bytes {
	struct ex_source *src;
	tree_id id; /* of a tree: whose body */
	uint64_t at;
	uint64_t n;
};

/* `n` bytes from `at`; beyond the end is SS_EINPUT. */
SS_MUST_CHECK SS_NONNULL int ex_read(const struct ex_bytes *b, uint64_t at, uint8_t *p, size_t n,
				     struct ss_err *err);
/* Up to `n` bytes from `at`: what there is. */
SS_MUST_CHECK SS_NONNULL int ex_read_some(const struct ex_bytes *b, uint64_t at, uint8_t *p,
					  size_t n, size_t *ret_n, struct ss_err *err);
/* A part of a range; the caller has checked that it lies in it. */
SS_NONNULL struct ex_bytes ex_part(const struct ex_bytes *b, uint64_t at, uint64_t n);

/* The first byte from `from` on that differs, or the shorter length where one ends; *ret_same is
 * true if there is none. Reads in blocks. */
SS_MUST_CHECK SS_NONNULL int ex_first_difference(const struct ex_bytes *a, const struct ex_bytes *b,
						 uint64_t from, uint64_t *ret, bool *ret_same,
						 struct ss_err *err);

/*
 * Unpacks `head` ‖ b ‖ `tail` (a container's own framing) to a new spool: at most *left bytes, of
 * which it takes off what came out. Malformed input and limits are SS_EINPUT, SS_ELIMIT.
 */
SS_MUST_CHECK SS_NONNULL int ex_unpack(const struct ex_bytes *b, enum inflate_kind kind,
				       struct ss_span head, struct ss_span tail, uint64_t *left,
				       struct ex_bytes *ret, struct ss_err *err);

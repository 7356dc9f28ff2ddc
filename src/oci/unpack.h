/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/progress.h"
#include "fmt/inflate.h"
#include "oci/digest.h"
#include "oci/image_store.h"

/*
 * One blob on its way to a plain tar, on threads of its own: read once, hashed as it is read,
 * inflated if it is compressed, hashed again and written to a spool. A plain blob stays where it
 * is. Meanwhile the result can be read already; whoever does must ask oci_unpack_wait() before
 * relying on any of it. Memory: two fans of io/fan.h and the decoder.
 */
struct oci_unpack_in {
	struct oci_part part;
	const struct oci_digest *digest;  /* of the blob; NULL = unknown */
	const struct oci_digest *diff_id; /* of what comes out; NULL = unknown */
	struct inflate_limits limits;
	struct ss_progress *progress; /* steps of bytes read; may be NULL */
};

struct oci_unpack;

/* `in`, its part's descriptor and its digests must outlive the result. */
SS_MUST_CHECK SS_NONNULL int oci_unpack_start(const struct oci_unpack_in *in,
					      struct oci_unpack **ret, struct ss_err *err);
/* For struct oci_window: bytes of the plain tar, waiting until they are there. */
SS_MUST_CHECK SS_NONNULL int oci_unpack_read(void *u, uint64_t at, uint8_t *p, size_t n,
					     size_t *ret_n, struct ss_err *err);
/* Waits for the end; 0 if everything was as it should be. The blob's digest is judged first, then
 * its compression, then the diff_id. */
SS_MUST_CHECK SS_NONNULL int oci_unpack_wait(struct oci_unpack *u, struct ss_err *err);
/* Where the plain tar lies: a spool of ours, or the part itself. */
SS_NONNULL struct oci_part oci_unpack_result(const struct oci_unpack *u);
/* Stops what is under way. Accepts NULL. */
void oci_unpack_free(struct oci_unpack *u);

static inline void oci_unpack_freep(struct oci_unpack **u)
{
	oci_unpack_free(*u);
}
#define AUTO_UNPACK SS_CLEANUP(oci_unpack_freep)

/* How the part is compressed. */
SS_MUST_CHECK SS_NONNULL int oci_unpack_kind(const struct oci_part *part, enum inflate_kind *ret,
					     struct ss_err *err);

/* If the file is compressed, *fd becomes a spool with its contents, at most `limit` bytes. */
SS_MUST_CHECK int oci_unpack_plain(int *fd, uint64_t limit, struct ss_progress *p,
				   struct ss_err *err);

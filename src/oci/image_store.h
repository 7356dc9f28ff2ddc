/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/progress.h"
#include "oci/digest.h"

/*
 * Where the files of an image lie: a folder, or a tar archive of which they are read in place, by
 * offset, without unpacking (a compressed one is inflated to a spool first). Names are relative;
 * in an archive links among the members are followed, at most OCI_MAX_LINKS of them, and a member
 * that occurs twice is refused.
 */
#define OCI_MAX_MEMBERS 16384u
#define OCI_MAX_LINKS 8u

/* A run of bytes in an open file. */
struct oci_part {
	int fd; /* belongs to the store if !owned */
	bool owned;
	uint64_t at;
	uint64_t n;
};
SS_NONNULL void oci_part_done(struct oci_part *p);

struct oci_store;

SS_MUST_CHECK SS_NONNULL int oci_store_open_dir(const char *path, struct oci_store **ret,
						struct ss_err *err);
/* `limit` is on the size of a compressed archive's contents. */
SS_MUST_CHECK int oci_store_open_archive(const char *path, uint64_t limit, struct ss_progress *p,
					 struct oci_store **ret, struct ss_err *err);
/* The same for an open file, which is the store's from here on, even on failure. */
SS_MUST_CHECK int oci_store_open_fd(int fd, uint64_t limit, struct ss_progress *p,
				    struct oci_store **ret, struct ss_err *err);
void oci_store_free(struct oci_store *s);

static inline void oci_store_freep(struct oci_store **s)
{
	oci_store_free(*s);
}
#define AUTO_STORE SS_CLEANUP(oci_store_freep)

SS_MUST_CHECK SS_NONNULL int oci_store_find(const struct oci_store *s, const char *name,
					    struct oci_part *ret, struct ss_err *err);
/* A whole small file, appended to `ret`; over `max` bytes is refused before it is read. */
SS_MUST_CHECK SS_NONNULL int oci_store_load(const struct oci_store *s, const char *name, size_t max,
					    struct ss_buf *ret, struct ss_err *err);
/* The same, and its digest and size must be right; UINT64_MAX = any size. */
SS_MUST_CHECK SS_NONNULL int oci_store_load_blob(const struct oci_store *s, const char *name,
						 const struct oci_digest *digest, uint64_t size,
						 size_t max, struct ss_buf *ret,
						 struct ss_err *err);

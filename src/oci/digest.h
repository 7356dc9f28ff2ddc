/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "crypto/hash.h"

/*
 * "sha256:…" and "sha512:…", the algorithms that the image specification registers. Read in
 * lower case only: that is how they are names of files. A value, nothing to release.
 */
#define OCI_DIGEST_TEXT (7u + 2 * CRYPTO_HASH_MAX + 1)
#define OCI_DIGEST_SHORT 20u /* "sha256:" and twelve digits, for messages */

struct oci_digest {
	enum crypto_hash_kind kind; /* CRYPTO_SHA256 or CRYPTO_SHA512 */
	uint8_t v[CRYPTO_HASH_MAX];
};

SS_MUST_CHECK SS_NONNULL int oci_digest_read(const char *text, struct oci_digest *ret,
					     struct ss_err *err);
/* True if `text` is a digest: for places where it may also be something else. */
SS_NONNULL bool oci_is_digest(const char *text);
SS_NONNULL void oci_digest_write(const struct oci_digest *d, char ret[OCI_DIGEST_TEXT]);
SS_NONNULL void oci_digest_write_short(const struct oci_digest *d, char ret[OCI_DIGEST_SHORT]);
SS_NONNULL bool oci_digest_equal(const struct oci_digest *a, const struct oci_digest *b);
SS_NONNULL void oci_digest_of(enum crypto_hash_kind kind, struct ss_span bytes,
			      struct oci_digest *ret);
/* "blobs/sha256/…": where an OCI layout keeps it. */
#define OCI_BLOB_PATH (6u + OCI_DIGEST_TEXT)
SS_NONNULL void oci_digest_path(const struct oci_digest *d, char ret[OCI_BLOB_PATH]);

/* 0, or SS_EINPUT: "digest sha256:…, but sha256:… was expected". */
SS_MUST_CHECK SS_NONNULL int oci_digest_check(const struct oci_digest *want,
					      const struct oci_digest *got, struct ss_err *err);

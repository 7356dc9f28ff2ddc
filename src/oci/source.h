/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/progress.h"
#include "oci/guard.h"
#include "tree/tree.h"

/*
 * Where images come from: one call turns a source in skopeo's spelling into a merged tree and the
 * parts of the image's configuration that an enclave uses.
 *
 *   oci:DIR[:tag]  oci-archive:F[:tag]  docker-archive:F[:ref]  dir:DIR      images
 *   docker-daemon:REF  containers-storage:REF                    through the engine's own export
 *   rootfs:DIR  rootfs-tar:F                                     a plain root file system
 *
 * Every blob is checked against its digest and size while it streams, every layer against its
 * diff_id. Layers are hostile: see docs/formats/layers.md for what is refused. Bodies stay in
 * spools without names, or in place where the source is not compressed.
 */
struct oci_limits {
	uint64_t total;   /* bytes of all layers, uncompressed; 0 = OCI_TOTAL_DEFAULT */
	uint32_t ratio;   /* uncompressed : compressed; 0 = OCI_RATIO_DEFAULT */
	uint32_t entries; /* tar entries in all layers; 0 = TREE_MAX_NAMES */
};
#define OCI_TOTAL_DEFAULT ((uint64_t)64 << 30)
#define OCI_RATIO_DEFAULT                                                                          \
	1100u /* deflate cannot exceed 1032 : 1; zstd and sparse files can. Asked                  \
		 of layers over 16 MiB only */

/* What a person can do who meets one of them; for ss_err.hint. */
#define OCI_HINT_TOTAL "--limit-total raises this limit"
#define OCI_HINT_RATIO "--limit-ratio raises this limit"
#define OCI_HINT_ENTRIES "--limit-entries raises this limit"

struct oci_request {
	const char *source; /* as above */
	const char *arch;   /* "x86_64" or "aarch64": picks the platform out of an index */
	struct oci_limits limits;
	bool refuse_links;            /* tree_refuse_links() */
	struct ss_progress *progress; /* may be NULL */
};

/* Strings as the config has them: JSON text, so UTF-8 without NUL. All owned by the struct. */
struct oci_strings {
	char **v; /* NULL-terminated */
	size_t n;
};

struct oci_image {
	struct oci_strings entrypoint;
	struct oci_strings cmd;
	struct oci_strings env;
	struct oci_strings ports; /* "8080/tcp" */
	char *workdir;            /* NULL if unset, as the rest */
	char *user;
	char *stop_signal;
	char *arch;                  /* "amd64", "arm64"; NULL for a plain root file system */
	bool has_config;             /* false for rootfs: sources */
	uint8_t manifest_sha256[32]; /* for the lock; of the config where `docker save` gives no
					manifest; zero for rootfs: sources */
	struct ss_buf config_json;   /* verbatim, for --layout nitro-cli; empty for rootfs: */
	struct oci_guards guards;    /* files that the tree reads in place */
};

/* On success both are the caller's: tree_free(), oci_image_done(). */
SS_MUST_CHECK SS_NONNULL int oci_load(const struct oci_request *req, struct tree **ret_tree,
				      struct oci_image *ret_image, struct ss_err *err);
SS_NONNULL void oci_image_done(struct oci_image *i);

/*
 * To be asked after the last byte was read from the tree, and before anything made of it is kept:
 * fails if a file that is read in place (a plain layer, an archive) changed since it was verified.
 */
SS_MUST_CHECK SS_NONNULL int oci_image_check(const struct oci_image *i, struct ss_err *err);

/* True if `source` begins with one of the transports above ("oci:", …): else it is a folder. */
SS_NONNULL bool oci_is_source(const char *source);

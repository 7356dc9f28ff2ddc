/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "fmt/json.h"
#include "oci/digest.h"

/*
 * The JSON documents of an image: index, manifest and config, in OCI's and in Docker's (schema 2)
 * words. Pure: bytes in, structs out. Strings are borrowed from `json`, which each struct owns.
 *
 * A document that could be taken for two kinds (both "manifests" and "layers"), one whose own media
 * type is not the expected one, and schema 1 are refused. Unknown keys are ignored, as the
 * specification asks.
 */
#define OCI_MAX_JSON ((size_t)4 * 1024 * 1024) /* what registries accept */
#define OCI_MAX_LAYERS 256u /* engines stop at 128; each may need two open files */

enum oci_media {
	OCI_MEDIA_INDEX,
	OCI_MEDIA_MANIFEST,
	OCI_MEDIA_CONFIG,
	OCI_MEDIA_LAYER,
	OCI_MEDIA_OTHER,
};
/* The compression that a layer's type claims is not asked: the bytes say what they are. */
SS_NONNULL enum oci_media oci_media_of(const char *type);

struct oci_desc {
	const char *type; /* media type as it stands there */
	enum oci_media media;
	struct oci_digest digest;
	uint64_t size;
	const char *os; /* NULL if there is no platform, like the next two */
	const char *arch;
	const char *variant;
	const char *ref_name; /* annotation org.opencontainers.image.ref.name, or NULL */
	bool attestation;     /* BuildKit's provenance beside the images: never one itself */
};

struct oci_index {
	json_t *json;
	struct oci_desc *v;
	size_t n;
};

struct oci_manifest {
	json_t *json;
	struct oci_desc config;
	struct oci_desc *layers;
	size_t n_layers;
};

struct oci_config {
	json_t *json;
	const char *os;
	const char *arch;
	const char *variant;
	const json_t *config; /* the member "config", or NULL */
	struct oci_digest *diff_ids;
	size_t n_diff_ids;
};

/* OCI_MEDIA_INDEX or OCI_MEDIA_MANIFEST, for a document that nothing describes. */
SS_MUST_CHECK SS_NONNULL int oci_document_kind(struct ss_span in, enum oci_media *ret,
					       struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int oci_index_read(struct ss_span in, struct oci_index *ret,
					    struct ss_err *err);
SS_NONNULL void oci_index_done(struct oci_index *i);

SS_MUST_CHECK SS_NONNULL int oci_manifest_read(struct ss_span in, struct oci_manifest *ret,
					       struct ss_err *err);
SS_NONNULL void oci_manifest_done(struct oci_manifest *m);

SS_MUST_CHECK SS_NONNULL int oci_config_read(struct ss_span in, struct oci_config *ret,
					     struct ss_err *err);
SS_NONNULL void oci_config_done(struct oci_config *c);

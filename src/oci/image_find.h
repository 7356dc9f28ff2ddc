/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "oci/image_store.h"
#include "oci/layers.h"
#include "oci/reference.h"
#include "oci/source.h"

/*
 * From a place where an image lies to its layers and its config: an OCI layout, skopeo's `dir:`,
 * and what `docker save` writes. Every document's digest and size are checked; the layers are
 * found and their sizes checked, not read. Indexes inside indexes are followed OCI_MAX_DEPTH deep.
 *
 * `ret_layers` and `ret_image` are zeroed by the caller and its own on failure too.
 */
#define OCI_MAX_DEPTH 4u

struct oci_resolve {
	const struct oci_store *store;
	const struct oci_reference *ref;
	const char *arch; /* "amd64", "arm64" */
};

SS_MUST_CHECK SS_NONNULL int oci_resolve_layout(const struct oci_resolve *r,
						struct oci_layers *ret_layers,
						struct oci_image *ret_image, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int oci_resolve_dir(const struct oci_resolve *r,
					     struct oci_layers *ret_layers,
					     struct oci_image *ret_image, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int oci_resolve_docker(const struct oci_resolve *r,
						struct oci_layers *ret_layers,
						struct oci_image *ret_image, struct ss_err *err);

/* Takes `config` (the image's own JSON) into ret_image: platform, command, environment, bytes. */
SS_MUST_CHECK SS_NONNULL int oci_resolve_config(const struct oci_resolve *r, struct ss_buf *config,
						struct oci_config *ret_config,
						struct oci_image *ret_image, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "oci/guard.h"
#include "oci/image_store.h"
#include "oci/layer_apply.h"
#include "oci/manifest.h"

/* An image as it was found: its layers from the lowest up, each with what it must be. */
struct oci_layer {
	struct oci_part part;
	bool has_digest; /* of the part, as it lies there */
	bool has_diff_id;
	struct oci_digest digest;
	struct oci_digest diff_id;
};

struct oci_layers {
	struct oci_layer *v;
	size_t n;
};
SS_NONNULL void oci_layers_done(struct oci_layers *l);

/*
 * Verifies, inflates and plays all layers, two at a time where memory allows it (zstd keeps a
 * window). What is wrong is told as "layer 2 (sha256:…): …", the lowest such layer first, whichever
 * thread found it. Files that are read in place go to `guards`.
 */
SS_MUST_CHECK int oci_layers_merge(struct oci_apply *a, struct oci_layers *l, struct ss_progress *p,
				   struct oci_guards *guards, struct ss_err *err);

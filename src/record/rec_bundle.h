/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/lock_input.h"
#include "record/rec_store.h"

/*
 * The inputs of a build as an OCI artifact, so that they can lie beside the image in a registry:
 * an image layout in a tar archive whose bytes depend on the entries alone
 * (docs/formats/inputs.md). Its first layer is the list of entries, the others are the objects, by
 * their hashes.
 */
#define REC_BUNDLE_TYPE "application/vnd.selfsame.inputs.v1"
#define REC_BUNDLE_LIST REC_BUNDLE_TYPE "+toml"
#define REC_BUNDLE_MAX 15000u /* objects: what a manifest of 4 MiB has room for */

struct rec_bundle_info {
	uint64_t objects;
	uint64_t bytes; /* of the objects */
	uint64_t added; /* import: what the store did not have */
};

/* `inputs` is sorted. An object that is missing or damaged is an error that names its URL. */
SS_MUST_CHECK SS_NONNULL int rec_bundle_write(const struct rec_store *s,
					      const struct cfg_list *inputs, const char *path,
					      struct rec_bundle_info *ret, struct ss_err *err);
/* From an archive or a folder with an image layout. What was added before an error stays: each
 * object is whole. */
SS_MUST_CHECK SS_NONNULL int rec_bundle_read(struct rec_store *s, const char *path,
					     struct rec_bundle_info *ret, struct ss_err *err);

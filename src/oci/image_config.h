/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "oci/manifest.h"
#include "oci/source.h"

/*
 * Copies what an enclave uses out of a config: command, environment, ports, folder, user, signal.
 * `ret` is zeroed by the caller and is its own on failure too: oci_image_done().
 */
SS_MUST_CHECK SS_NONNULL int oci_image_take(const struct oci_config *c, struct oci_image *ret,
					    struct ss_err *err);

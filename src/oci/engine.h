/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/progress.h"
#include "oci/reference.h"

/*
 * Images that a container engine keeps: its own export, as `docker save` writes it, into a spool.
 *
 *   docker-daemon:REF        docker save REF
 *   containers-storage:REF   podman save, else buildah push, else skopeo copy: what there is
 *
 * Layers come out uncompressed, so no time is lost on a compression that is undone at once. What
 * the engine says goes to `progress`. No engine is SS_ESYS, an engine that fails is SS_EREMOTE
 * with its last words.
 */
SS_MUST_CHECK int oci_engine_export(const struct oci_reference *ref, struct ss_progress *progress,
				    int *ret_fd, struct ss_err *err);

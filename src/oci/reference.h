/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The spelling of sources, as skopeo has it: TRANSPORT:PATH[:NAME]. The path ends at its first
 * ":", so a path with a ":" in it cannot be said; "./" in front does not help. In `oci:` and
 * `oci-archive:` the name is a tag, or "@sha256:…" directly behind the path picks a manifest of
 * the index by digest. In `docker-archive:` it is a repository and tag, or "@N" for the N-th image.
 */
enum oci_transport {
	OCI_LAYOUT,  /* oci: */
	OCI_ARCHIVE, /* oci-archive: */
	OCI_DOCKER_ARCHIVE,
	OCI_DIR, /* dir: */
	OCI_DOCKER_DAEMON,
	OCI_CONTAINERS_STORAGE,
	OCI_ROOTFS, /* rootfs: */
	OCI_ROOTFS_TAR,
	OCI_REGISTRY, /* docker://, which is only known by name */
};

struct oci_reference {
	enum oci_transport transport;
	char *path;   /* or the engine's reference */
	char *name;   /* tag, or NULL */
	char *digest; /* "sha256:…", or NULL */
};

/* SS_EUSAGE if it is none. On success the struct is the caller's. */
SS_MUST_CHECK SS_NONNULL int oci_reference_read(const char *source, struct oci_reference *ret,
						struct ss_err *err);
SS_NONNULL void oci_reference_done(struct oci_reference *r);

/* True if both name the same image: "alpine", "docker.io/library/alpine:latest". */
SS_NONNULL bool oci_is_same_name(const char *a, const char *b);

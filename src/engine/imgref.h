/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

/*
 * The name of an image in a registry, as Dockerfiles write it: [host[:port]/]path[:tag][@digest].
 * A name without a host is Docker Hub's, as everywhere; the full form always has host and tag or
 * digest, so that two spellings are one name. Strings are owned.
 */
#define IMGREF_MAX 512u

struct imgref {
	char *repo;   /* "docker.io/library/debian" */
	char *tag;    /* "12"; "latest" if there is neither tag nor digest; else NULL */
	char *digest; /* "sha256:…" or NULL */
};

SS_MUST_CHECK SS_NONNULL int imgref_read(const char *text, struct imgref *ret, struct ss_err *err);
void imgref_done(struct imgref *r);

/* "repo:tag", or "repo@digest" where there is a digest. The caller frees it. */
SS_NONNULL char *imgref_full(const struct imgref *r);
/* True if the registry is on this machine: those are spoken to without TLS if they have none. */
SS_NONNULL bool imgref_is_loopback(const char *full);

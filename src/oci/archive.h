/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

/* The members of an archive that holds an image: names, and where their bytes lie. */
struct oci_member {
	char *name; /* cleaned */
	char *link; /* cleaned path of the member that it stands for, or NULL */
	uint64_t at;
	uint64_t n;
};

struct oci_archive {
	struct oci_member *v; /* sorted by name */
	size_t n;
	size_t cap;
};

/* Reads the headers of the plain tar in `fd`. */
SS_MUST_CHECK SS_NONNULL int oci_archive_read(int fd, struct oci_archive *ret, struct ss_err *err);
SS_NONNULL void oci_archive_done(struct oci_archive *a);

/* The file called `name`, through links; NULL if there is none or the links do not end. */
SS_NONNULL const struct oci_member *oci_archive_find(const struct oci_archive *a, const char *name);

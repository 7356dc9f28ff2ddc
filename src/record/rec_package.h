/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>

/*
 * What people call a fetched file: the package and its version, by the forms of the URLs of the
 * common package systems. For reports only; nothing is decided by it. Pure.
 */
#define REC_PACKAGE_NAME_MAX 192u
#define REC_PACKAGE_VERSION_MAX 96u

struct rec_package {
	const char *kind; /* "deb", "rpm", "apk", "python", "npm", "gem", "crate", "go", "jar",
			     "archive" */
	char name[REC_PACKAGE_NAME_MAX];
	char version[REC_PACKAGE_VERSION_MAX];
};

/* False if the URL is none of these; *ret is then undefined. */
SS_MUST_CHECK SS_NONNULL bool rec_package_of(const char *url, struct rec_package *ret);

/*
 * Where the new version begins to differ, for "1.2-3+deb12u14 → u15": the start of the first part
 * that is new, where it begins with a letter; else all of it. Points into `now`.
 */
SS_MUST_CHECK SS_NONNULL const char *rec_version_tail(const char *before, const char *now);

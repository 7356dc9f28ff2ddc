/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "explain/ex_list.h"

/*
 * What dpkg knows of two root file systems: which packages they have in two versions, or only one
 * of them has, and which files those packages brought. Such a file differs for that reason. Private
 * to src/explain. The databases are hostile as all else: what does not parse is not known, and
 * beyond the limits of ex_package.c nothing more is.
 */
struct ex_packages;

/* Texts belong to the ex_packages. */
struct ex_package {
	struct ss_span name;
	struct ss_span arch;
	struct ss_span a, b; /* the versions; empty: this side does not have it */
};

/* *ret is the caller's; NULL: no package is another one, as far as dpkg's databases tell. */
SS_MUST_CHECK SS_NONNULL int ex_packages_new(const struct ex_list *a, const struct ex_list *b,
					     struct ex_packages **ret, struct ss_err *err);
void ex_packages_free(struct ex_packages *p); /* accepts NULL, as the next two do */

/* The package that brought this name; NULL = none that changed. */
const struct ex_package *ex_package_of_name(const struct ex_packages *p, struct ss_span path);
/* The package that brought another content of this file: its two versions say two sums for it, or
 * it is dpkg's own note of that package. NULL = the package does not tell why it differs. */
const struct ex_package *ex_package_of_body(const struct ex_packages *p, struct ss_span path);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/lock_input.h"

/*
 * What changed between the inputs of two locks, as a person would say it: packages by name and
 * version, all else by URL.
 */
enum rec_change_kind {
	REC_ADDED,
	REC_REMOVED,
	REC_CHANGED, /* another version; of what is no package: other bytes */
	REC_SWAPPED, /* a package with the same version has other bytes */
};

struct rec_change {
	enum rec_change_kind kind;
	const char *package; /* its system, "deb"; NULL = a URL */
	const char *name;    /* of the package, or the URL */
	const char *before;  /* version, or hash; NULL = absent */
	const char *now;
};

/* Packages first, by name, then URLs. Both lists are sorted. */
SS_NONNULL void rec_diff(const struct cfg_list *before, const struct cfg_list *now,
			 void (*change)(void *ctx, const struct rec_change *c), void *ctx);

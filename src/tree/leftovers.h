/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tree/normalise.h"

/*
 * What tools leave behind, by name: files that are made again when they are missing. Private to
 * src/tree. A pattern is a path whose components may hold '*' (any bytes); a component "**" is the
 * directory and everything below it; "~/" stands for root/ and home/<any>/. Links are not followed.
 *
 * Memory: four bytes a name that a pattern reaches.
 */
enum tree_leftover_act {
	LEFTOVER_FILE,  /* a regular file goes */
	LEFTOVER_ANY,   /* whatever it is goes, with all below it */
	LEFTOVER_EMPTY, /* a regular file loses its contents; one with other names is left alone */
};

struct tree_leftover {
	enum tree_leftover_act act;
	const char *pattern; /* NULL ends a list */
};

extern const struct tree_leftover tree_login_records[];
extern const struct tree_leftover tree_package_archives[];
extern const struct tree_leftover tree_package_lists[];
extern const struct tree_leftover tree_dpkg_old[];
extern const struct tree_leftover tree_man_cache[];
extern const struct tree_leftover tree_font_cache[];
extern const struct tree_leftover tree_kernel_list[];
extern const struct tree_leftover tree_stamp_files[];
extern const struct tree_leftover tree_tmp_leftovers[];
extern const struct tree_leftover tree_tmp_files[];
extern const struct tree_leftover tree_tool_caches[];
extern const struct tree_leftover tree_histories[];
extern const struct tree_leftover tree_home_cache[];

SS_NONNULL void tree_drop_leftovers(struct tree *t, const struct tree_leftover *list,
				    struct tree_normalised *n);
/* Everything below var/log but what apt-logs and login-records have rows for. */
SS_NONNULL void tree_empty_logs(struct tree *t, struct tree_normalised *n);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/ramdisk_walk.h"

/*
 * A ramdisk as a tree of files, for people to look at: not a copy for the kernel. Everything
 * belongs to the caller; permissions are the archive's without setuid, setgid and sticky bits,
 * folders can always be entered by their owner; times are the archive's; devices are made only if
 * the system lets us (root), else counted. Hard links are links again. Nothing is written
 * outside the folder, whatever the names and links in the archive say (io/beneath.h).
 *
 * The tree appears whole, by one rename, or not at all; also after SIGINT, SIGTERM and SIGHUP.
 */
struct eif_unpacked {
	uint64_t entries;
	uint64_t special;  /* setuid, setgid and sticky bits that were not set */
	uint64_t left_out; /* devices that were not permitted */
};

/* Makes the folder `name` in the folder `dir`; nothing may be there. */
SS_MUST_CHECK SS_NONNULL int eif_unpack(const struct eif_file *f, const struct eif_section *s,
					int dir, const char *name, struct eif_unpacked *ret,
					struct ss_err *err);

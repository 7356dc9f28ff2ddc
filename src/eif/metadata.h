/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * The metadata section: JSON that no register covers, so nothing may ever be concluded from it.
 * The writer makes nitro-cli's five keys in its order, compact, and what is written is a function
 * of the arguments alone. Reading is fmt/json's; see eif/describe.h.
 */
struct eif_metadata {
	const char *name;         /* UTF-8; never a path or a file name */
	const char *version;      /* UTF-8 */
	int64_t build_time;       /* the source date epoch */
	const char *tool_version; /* the layout's number, not the release's */
	const char *kernel_version;
};

SS_NONNULL void eif_metadata_write(const struct eif_metadata *m, struct ss_buf *b);

/* How much of a kernel eif_kernel_version() wants to see; less is fine if there is no more. */
#define EIF_KERNEL_HEAD ((size_t)0x10400)
#define EIF_KERNEL_VERSION_SIZE 64u

/*
 * The version in a bzImage's header ("6.12.57-selfsame"), up to its first space; "Unknown" for
 * any other kernel (an arm64 Image has none).
 */
SS_NONNULL void eif_kernel_version(struct ss_span head, char ret[EIF_KERNEL_VERSION_SIZE]);

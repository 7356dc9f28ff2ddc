/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/reader.h"

/*
 * Whose form ramdisk 1 has, and what in it does not belong there. Names and order only, while the
 * bytes pass by, in constant memory; a body is never looked at.
 *
 * It matters for nitro-cli's layout: there the kernel unpacks both ramdisks into one root, so an
 * entry of ramdisk 1 outside "rootfs/" can replace the runtime that PCR1 stands for, and a name
 * that comes twice shows one content to whoever looks and runs the other. What nitro-cli writes:
 * docs/formats/nitro-cli-layout.md. In our own layout the runtime itself refuses what is told here.
 */
enum eif_layout {
	EIF_LAYOUT_NONE,      /* there is no ramdisk 1, or it is empty */
	EIF_LAYOUT_SELFSAME,  /* begins with "config" */
	EIF_LAYOUT_NITRO_CLI, /* begins with "rootfs" */
	EIF_LAYOUT_UNKNOWN,
};

/* "none", "selfsame", "nitro-cli", "unknown" */
const char *eif_layout_name(enum eif_layout l);

/* A finding is one line; names in it are escaped. There are none for the other two layouts. */
typedef void (*eif_layout_finding)(void *ctx, const char *line);

struct eif_layout_check;
SS_MUST_CHECK struct eif_layout_check *eif_layout_new(eif_layout_finding finding, void *ctx);
/* A consumer of the bytes of ramdisk 1 (a struct eif_tap); never fails. */
SS_MUST_CHECK int eif_layout_put(void *check, struct ss_span s, struct ss_err *err);
/* All bytes have passed: the last findings, and the layout. */
SS_NONNULL enum eif_layout eif_layout_end(struct eif_layout_check *c);
void eif_layout_free(struct eif_layout_check *c); /* accepts NULL */

static inline void eif_layout_freep(struct eif_layout_check **c)
{
	eif_layout_free(*c);
}
#define AUTO_LAYOUT_CHECK SS_CLEANUP(eif_layout_freep)

/* All of it for a file, in a pass of its own over ramdisk 1. */
SS_MUST_CHECK int eif_layout_check_file(const struct eif_file *f, eif_layout_finding finding,
					void *ctx, enum eif_layout *ret, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

/*
 * A buffer before a tar reader: headers lie side by side where files are small, far apart where
 * they are large. A miss that follows the last one reads much, a jump reads little.
 */
#define OCI_WINDOW_SMALL 4096u
#define OCI_WINDOW_LARGE 65536u

struct oci_window {
	/* Up to `n` bytes; *ret_n < n only at the end. */
	int (*read)(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n,
		    struct ss_err *err);
	void *ctx;
	uint64_t at; /* of p[0] */
	size_t n;
	uint8_t p[OCI_WINDOW_LARGE];
};

/* For struct tar_source; `w` is the window. */
SS_MUST_CHECK SS_NONNULL int oci_window_read(void *w, uint64_t at, uint8_t *p, size_t n,
					     size_t *ret_n, struct ss_err *err);

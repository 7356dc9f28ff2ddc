/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/window.h"

#include <string.h>

static int fill(struct oci_window *w, uint64_t at, size_t n, struct ss_err *err)
{
	const bool near = at >= w->at && at - w->at <= w->n + OCI_WINDOW_SMALL;
	size_t want = near ? OCI_WINDOW_LARGE : OCI_WINDOW_SMALL;

	want = n > want ? n : want;
	w->n = 0;
	if (w->read(w->ctx, at, w->p, want, &w->n, err) < 0)
		return -1;
	w->at = at;
	return 0;
}

int oci_window_read(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	struct oci_window *w = ctx;
	bool inside = at >= w->at && at - w->at < w->n && n <= w->n - (size_t)(at - w->at);
	size_t have;

	if (n > OCI_WINDOW_LARGE) /* the body of an extended header */
		return w->read(w->ctx, at, p, n, ret_n, err);
	if (!inside && fill(w, at, n, err) < 0)
		return -1;
	have = w->n - (size_t)(at - w->at);
	*ret_n = n < have ? n : have;
	memcpy(p, w->p + (size_t)(at - w->at), *ret_n);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/view.h"

#include <stdlib.h>
#include <string.h>

/* What is read is the one text of its view; what is refused says why. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct ss_buf again = SS_BUF_INIT(HM_VIEW_MAX_SIZE);
	AUTO_VIEW struct hm_view v = { 0 };
	struct ss_err err = { 0 };

	if (hm_view_read((struct ss_span){ data, size }, &v, &err) < 0) {
		if ((err.code != SS_EINPUT && err.code != SS_ELIMIT) || err.msg[0] == '\0')
			abort();
		return 0;
	}
	if (hm_view_check(&v, &err) < 0)
		abort();
	hm_view_write(&v, &again);
	if (again.bad || again.n != size || memcmp(again.p, data, size) != 0)
		abort();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/keys.h"

#include <stdlib.h>
#include <string.h>

/* A file, and two shadow files with a NUL between them. A mark that is found in a piece is found in
 * more of the file; a file has no password that it has not. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ss_span all = { data, size };
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	const size_t n = nul != NULL ? (size_t)(nul - data) : size;
	const struct ss_span half = { data, size / 2 };
	struct ss_span after = { data, 0 };

	if (nul != NULL)
		after = (struct ss_span){ nul + 1, size - n - 1 };
	if (hm_key_kind("/k", half, false) != NULL && hm_key_kind("/k", all, false) == NULL)
		abort();
	(void)hm_key_kind("/etc/ssh/ssh_host_x", all, true);
	(void)hm_key_new_password((struct ss_span){ data, n }, after);
	if (hm_key_new_password(all, all))
		abort();
	return 0;
}

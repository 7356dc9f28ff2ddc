/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/proxy_header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken writes back to the same bytes, and no less of it is enough. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t room[PROXY_HEADER_MAX];
	struct ss_buf out = SS_BUF_OVER(room);
	struct proxy_header h;
	struct ss_err err = { 0 };
	size_t taken = 0;
	const int rc = proxy_header_read((struct ss_span){ data, size }, &h, &taken, &err);

	if (rc < 0 && (err.code == SS_OK || err.msg[0] == '\0'))
		abort();
	if (rc == 0 && size >= PROXY_HEADER_MAX)
		abort();
	if (rc != 1)
		return 0;
	proxy_header_write(&h, &out);
	if (out.bad || out.n != taken || taken > size || memcmp(out.p, data, taken) != 0)
		abort();
	if (proxy_header_read((struct ss_span){ data, taken - 1 }, &h, &taken, &err) != 0)
		abort();
	return 0;
}

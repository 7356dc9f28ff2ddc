/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/binding.h"

#include <string.h>

/* With the zero byte that ends each. */
static const struct {
	const char *text;
	size_t n;
} domains[] = {
	[BINDING_ENDPOINT] = { "selfsame/1 endpoint", sizeof("selfsame/1 endpoint") },
	[BINDING_APP] = { "selfsame/1 app", sizeof("selfsame/1 app") },
};

void binding_write(enum binding domain, const uint8_t sha256[BINDING_SHA256], struct ss_buf *b)
{
	uint8_t whole[BINDING_MAX];
	const size_t n = domains[domain].n;

	memcpy(whole, domains[domain].text, n);
	memcpy(whole + n, sha256, BINDING_SHA256);
	ss_buf_put(b, (struct ss_span){ whole, n + BINDING_SHA256 });
}

bool binding_read(struct ss_span in, enum binding *ret_domain, struct ss_span *ret_sha256)
{
	for (size_t i = 0; i < SS_NELEMS(domains); i++) {
		const size_t n = domains[i].n;

		if (in.n != n + BINDING_SHA256 || memcmp(in.p, domains[i].text, n) != 0)
			continue;
		*ret_domain = (enum binding)i;
		*ret_sha256 = (struct ss_span){ in.p + n, BINDING_SHA256 };
		return true;
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/egress.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PORT 443

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* What a rule says of itself. */
static void check_rule(const struct egress_rule *r)
{
	const uint16_t port = r->port != 0 ? r->port : PORT;
	const size_t n = r->kind == EGRESS_CIDR4 ? 4 : 16;
	char below[EGRESS_MAX_NAME + 2] = "a";

	switch (r->kind) {
	case EGRESS_HOST:
		check(egress_is_name(r->name) && egress_allows_name(r, r->name, port));
		break;
	case EGRESS_SUFFIX:
		check(r->name.n > 1 && r->name.p[0] == '.' && r->name.n <= EGRESS_MAX_NAME + 1);
		check(!egress_knows_name(r, (struct ss_span){ r->name.p + 1, r->name.n - 1 }));
		if (r->name.n >= EGRESS_MAX_NAME)
			break;
		memcpy(below + 1, r->name.p, r->name.n);
		check(egress_allows_name(
			r, (struct ss_span){ (const uint8_t *)below, r->name.n + 1 }, port));
		break;
	case EGRESS_CIDR4:
	case EGRESS_CIDR6:
		check(r->bits <= 8 * n && egress_allows_addr(r, r->addr, n, port));
		check(!egress_allows_addr(r, r->addr, 20 - n, port));
		break;
	}
	check(r->port == 0 || !egress_allows_name(r, r->name, (uint16_t)(r->port ^ 1)));
}

/* The name as it is, in the other case, and, where it is an address, by the C library. */
static void check_name(const struct egress_rule *r, struct ss_span name)
{
	AUTO_FREE char *text = ss_calloc(name.n + 1, 1);
	const bool known = egress_knows_name(r, name);
	uint8_t addr[16];

	memcpy(text, name.p, name.n);
	if (strlen(text) == name.n && inet_pton(AF_INET, text, addr) == 1)
		check(known == egress_allows_addr(r, addr, 4, r->port));
	else if (strlen(text) == name.n && inet_pton(AF_INET6, text, addr) == 1)
		check(known == egress_allows_addr(r, addr, 16, r->port));
	else if (known)
		check(egress_is_name(name) && r->kind != EGRESS_CIDR4 && r->kind != EGRESS_CIDR6);
	for (size_t i = 0; i < name.n; i++)
		if ((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z'))
			text[i] ^= 0x20;
	check(known == egress_knows_name(r, (struct ss_span){ (const uint8_t *)text, name.n }));
	check(known || !egress_allows_name(r, name, PORT));
}

/* A rule, a line feed, a name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	const size_t n = end != NULL ? (size_t)(end - data) : size;
	struct egress_rule r;
	struct ss_err err = { 0 };

	if (egress_rule_read((struct ss_span){ data, n }, &r, &err) < 0) {
		check(err.code != SS_OK && err.msg[0] != '\0');
		return 0;
	}
	check_rule(&r);
	if (end != NULL && size - n - 1 > 0)
		check_name(&r, (struct ss_span){ data + n + 1, size - n - 1 });
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_packet.h"
#include "runtime/format.h"

#include <arpa/inet.h>
#include <string.h>

bool dp_addr_is(const struct dp_addr *a, const struct dp_addr *b)
{
	return a->n == b->n && memcmp(a->a, b->a, a->n) == 0;
}

bool dp_place_is(const struct dp_place *a, const struct dp_place *b)
{
	return a->port == b->port && dp_addr_is(&a->addr, &b->addr);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	return h ^ h >> 32;
}

uint64_t dp_place_hash(uint64_t h, const struct dp_place *p)
{
	uint64_t v[2];

	memcpy(v, p->addr.a, sizeof(v));
	return mix(mix(mix(h, v[0]), v[1]), (uint64_t)p->port << 8 | p->addr.n);
}

struct dp_addr dp_addr_text(const char *text)
{
	struct dp_addr r = { .n = 4 };

	if (inet_pton(AF_INET, text, r.a) == 1)
		return r;
	r.n = 16;
	if (inet_pton(AF_INET6, text, r.a) != 1)
		__builtin_trap();
	return r;
}

bool dp_addr_in(const struct dp_addr *a, const struct dp_addr *net, unsigned bits)
{
	const unsigned whole = bits / 8, rest = bits % 8;

	if (a->n != net->n || memcmp(a->a, net->a, whole) != 0)
		return false;
	return rest == 0 || (a->a[whole] ^ net->a[whole]) >> (8 - rest) == 0;
}

const char *dp_addr_show(const struct dp_addr *a, char ret[DP_ADDR_TEXT])
{
	size_t n = 0;

	if (a->n == 4) {
		(void)rt_format(ret, DP_ADDR_TEXT, "%u.%u.%u.%u", a->a[0], a->a[1], a->a[2],
				a->a[3]);
		return ret;
	}
	for (size_t i = 0; i < 16; i += 2)
		n += rt_format(ret + n, DP_ADDR_TEXT - n, i == 0 ? "%x" : ":%x",
			       (unsigned)a->a[i] << 8 | a->a[i + 1]);
	return ret;
}

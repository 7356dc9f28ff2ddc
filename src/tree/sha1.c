/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/sha1.h"

#include <string.h>

static uint32_t turn(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void mix(uint32_t h[5], const uint8_t *p)
{
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (size_t i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (size_t i = 16; i < 80; i++)
		w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (size_t i = 0; i < 80; i++) {
		const uint32_t f = i < 20   ? (b & c) | (~b & d)
				   : i < 40 ? b ^ c ^ d
				   : i < 60 ? (b & c) | (b & d) | (c & d)
					    : b ^ c ^ d;
		static const uint32_t k[4] = { 0x5a827999u, 0x6ed9eba1u, 0x8f1bbcdcu, 0xca62c1d6u };
		const uint32_t next = turn(a, 5) + f + e + k[i / 20] + w[i];

		e = d;
		d = c;
		c = turn(b, 30);
		b = a;
		a = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void tree_sha1_init(struct tree_sha1 *s)
{
	static const uint32_t first[5] = { 0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u,
					   0xc3d2e1f0u };

	memcpy(s->h, first, sizeof(first));
	s->n = 0;
}

void tree_sha1_put(struct tree_sha1 *s, const uint8_t *p, size_t n)
{
	while (n > 0) {
		const size_t have = s->n % sizeof(s->block);
		const size_t one = n < sizeof(s->block) - have ? n : sizeof(s->block) - have;

		memcpy(s->block + have, p, one);
		s->n += one;
		p += one;
		n -= one;
		if (have + one == sizeof(s->block))
			mix(s->h, s->block);
	}
}

void tree_sha1_end(struct tree_sha1 *s, uint8_t ret[TREE_SHA1_SIZE])
{
	static const uint8_t one = 0x80, zero = 0;
	const uint64_t bits = 8 * s->n;
	uint8_t size[8];

	tree_sha1_put(s, &one, 1);
	while (s->n % sizeof(s->block) != sizeof(s->block) - sizeof(size))
		tree_sha1_put(s, &zero, 1);
	for (unsigned i = 0; i < sizeof(size); i++)
		size[i] = (uint8_t)(bits >> (56 - 8 * i));
	tree_sha1_put(s, size, sizeof(size));
	for (unsigned i = 0; i < TREE_SHA1_SIZE; i++)
		ret[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

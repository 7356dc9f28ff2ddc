/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/siphash.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

static void mix(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 = rotl(s->v0, 32) + s->v3;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 = rotl(s->v2, 32);
}

static void absorb(struct state *s, uint64_t m)
{
	s->v3 ^= m;
	mix(s);
	s->v0 ^= m;
}

static uint64_t le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint64_t tree_siphash(const struct tree_key *key, uint64_t number, struct ss_span s)
{
	struct state st = {
		.v0 = key->k0 ^ 0x736f6d6570736575u, /* the algorithm's constants */
		.v1 = key->k1 ^ 0x646f72616e646f6du,
		.v2 = key->k0 ^ 0x6c7967656e657261u,
		.v3 = key->k1 ^ 0x7465646279746573u,
	};
	const uint64_t total = s.n + 8;

	absorb(&st, number);
	for (; s.n >= 8; s.p += 8, s.n -= 8)
		absorb(&st, le(s.p, 8));
	absorb(&st, (total << 56) | le(s.p, s.n));
	st.v2 ^= 0xff;
	mix(&st);
	mix(&st);
	mix(&st);
	return st.v0 ^ st.v1 ^ st.v2 ^ st.v3;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/chacha.h"

#include <string.h>

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t turn(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void quarter(uint32_t x[16], unsigned a, unsigned b, unsigned c, unsigned d)
{
	x[a] += x[b];
	x[d] = turn(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = turn(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = turn(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = turn(x[b] ^ x[c], 7);
}

/* "expand 32-byte k", the key, and 16 bytes that the caller chooses. */
static void begin(const uint8_t key[HM_KEY], const uint8_t last[16], uint32_t ret[16])
{
	static const uint32_t sigma[4] = { 0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u };

	for (unsigned i = 0; i < 4; i++) {
		ret[i] = sigma[i];
		ret[4 + i] = le32(key + (size_t)4 * i);
		ret[8 + i] = le32(key + 16 + (size_t)4 * i);
		ret[12 + i] = le32(last + (size_t)4 * i);
	}
}

static void twenty_rounds(uint32_t x[16])
{
	for (unsigned i = 0; i < 10; i++) {
		quarter(x, 0, 4, 8, 12);
		quarter(x, 1, 5, 9, 13);
		quarter(x, 2, 6, 10, 14);
		quarter(x, 3, 7, 11, 15);
		quarter(x, 0, 5, 10, 15);
		quarter(x, 1, 6, 11, 12);
		quarter(x, 2, 7, 8, 13);
		quarter(x, 3, 4, 9, 14);
	}
}

void hm_chacha_block(const uint8_t key[HM_KEY], uint64_t number, uint8_t ret[HM_BLOCK])
{
	uint8_t last[16] = { 0 };
	uint32_t from[16], x[16];

	put_le32(last, (uint32_t)number);
	put_le32(last + 4, (uint32_t)(number >> 32));
	begin(key, last, from);
	memcpy(x, from, sizeof(x));
	twenty_rounds(x);
	for (unsigned i = 0; i < 16; i++)
		put_le32(ret + (size_t)4 * i, x[i] + from[i]);
}

static void hchacha(const uint8_t key[HM_KEY], const uint8_t in[16], uint8_t ret[HM_KEY])
{
	uint32_t x[16];

	begin(key, in, x);
	twenty_rounds(x);
	for (unsigned i = 0; i < 4; i++) {
		put_le32(ret + (size_t)4 * i, x[i]);
		put_le32(ret + 16 + (size_t)4 * i, x[12 + i]);
	}
}

void hm_chacha_mix(const uint8_t key[HM_KEY], struct ss_span s, uint8_t ret[HM_KEY])
{
	uint8_t now[HM_KEY];
	uint8_t in[16];

	memcpy(now, key, sizeof(now));
	for (size_t at = 0; at < s.n; at += sizeof(in)) {
		const size_t n = s.n - at < sizeof(in) ? s.n - at : sizeof(in);
		uint8_t next[HM_KEY];

		memset(in, 0, sizeof(in));
		memcpy(in, s.p + at, n);
		hchacha(now, in, next);
		memcpy(now, next, sizeof(now));
	}
	/* The length keeps apart what padding made equal. */
	memset(in, 0xff, sizeof(in));
	put_le32(in, (uint32_t)s.n);
	put_le32(in + 4, (uint32_t)((uint64_t)s.n >> 32));
	hchacha(now, in, ret);
}

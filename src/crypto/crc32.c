/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hash.h"

#include <assert.h>
#include <zlib.h>

#ifdef HAVE_ISAL
#include <isa-l/crc.h>

uint32_t crypto_crc32(uint32_t crc, struct ss_span s)
{
	return crc32_gzip_refl(crc, s.p, s.n);
}
#else
uint32_t crypto_crc32(uint32_t crc, struct ss_span s)
{
	return (uint32_t)crc32_z(crc, s.p, s.n);
}
#endif

uint32_t crypto_crc32_combine(uint32_t a, uint32_t b, uint64_t b_size)
{
	assert(b_size <= INT64_MAX);
	return (uint32_t)crc32_combine(a, b, (z_off_t)b_size);
}

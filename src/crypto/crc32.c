/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hash.h"

#ifdef HAVE_ISAL
#include <isa-l/crc.h>

uint32_t crypto_crc32(uint32_t crc, struct ss_span s)
{
	return crc32_gzip_refl(crc, s.p, s.n);
}
#else
#include <zlib.h>

uint32_t crypto_crc32(uint32_t crc, struct ss_span s)
{
	return (uint32_t)crc32_z(crc, s.p, s.n);
}
#endif

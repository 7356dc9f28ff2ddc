/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/tar_parts.h"

#include <string.h>

static bool base256(struct ss_span f, int64_t *ret)
{
	const bool minus = (f.p[0] & 0x40) != 0;
	uint64_t v = minus ? UINT64_MAX : 0;

	for (size_t i = 0; i < f.n; i++) {
		/* The first byte gives six bits; the sign fills the rest. */
		const uint8_t sign = minus ? 0xff : 0;
		const uint8_t c = i > 0 ? f.p[i] : (uint8_t)((f.p[0] & 0x3f) | (sign & 0xc0));

		if ((uint8_t)(v >> 56) != sign)
			return false;
		v = v << 8 | c;
	}
	if ((v >> 63 != 0) != minus)
		return false;
	*ret = (int64_t)v;
	return true;
}

bool tar_number(struct ss_span f, int64_t *ret)
{
	int64_t v = 0;
	size_t i = 0;

	if ((f.p[0] & 0x80) != 0)
		return base256(f, ret);
	while (i < f.n && f.p[i] == ' ')
		i++;
	for (; i < f.n && f.p[i] >= '0' && f.p[i] <= '7'; i++)
		v = v * 8 + (f.p[i] - '0'); /* 12 digits at most: 36 bits */
	while (i < f.n && (f.p[i] == ' ' || f.p[i] == '\0'))
		i++;
	*ret = v;
	return i == f.n;
}

bool tar_decimal(struct ss_span s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 19)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0'); /* 19 digits: below 2^64 */
	}
	if (v > INT64_MAX)
		return false;
	*ret = v;
	return true;
}

int tar_field(const uint8_t block[TAR_BLOCK], const char *what, size_t at, size_t n, uint64_t max,
	      uint64_t *ret, struct ss_err *err)
{
	int64_t v;

	if (!tar_number((struct ss_span){ block + at, n }, &v))
		return ss_fail(err, SS_EINPUT, "malformed %s", what);
	if (v < 0 || (uint64_t)v > max)
		return ss_fail(err, SS_EINPUT, "%s %lld is out of range", what, (long long)v);
	*ret = (uint64_t)v;
	return 0;
}

/* Bytes up to the first NUL. */
struct ss_span tar_text(const uint8_t *p, size_t n)
{
	const uint8_t *nul = memchr(p, 0, n);

	return (struct ss_span){ p, nul != NULL ? (size_t)(nul - p) : n };
}

int tar_sum_check(const uint8_t block[TAR_BLOCK], struct ss_err *err)
{
	int64_t want;
	int64_t sum = 0, signed_sum = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		const bool blank = i >= AT_SUM && i < AT_TYPE;
		const uint8_t c = blank ? ' ' : block[i];

		sum += c;
		signed_sum += c < 128 ? c : c - 256; /* what some old writers did */
	}
	if (!tar_number((struct ss_span){ block + AT_SUM, 8 }, &want) ||
	    (want != sum && want != signed_sum))
		return ss_fail(err, SS_EINPUT, "wrong checksum");
	return 0;
}

int tar_family_find(const uint8_t block[TAR_BLOCK], enum tar_family *ret, struct ss_err *err)
{
	const uint8_t *magic = block + AT_MAGIC;

	if (memcmp(magic, "ustar\00000", 8) == 0) {
		if (memcmp(block + AT_STAR_TRAILER, "tar\0", 4) == 0)
			return ss_fail(err, SS_EINPUT, "star's own format is not supported");
		*ret = TAR_USTAR;
	} else if (memcmp(magic, "ustar  \0", 8) == 0) {
		*ret = TAR_GNU;
	} else if (memcmp(magic, "\0\0\0\0\0\0\0\0", 8) == 0) {
		*ret = TAR_V7;
	} else {
		return ss_fail(err, SS_EINPUT, "not a tar header (wrong magic)");
	}
	return 0;
}

int tar_type_find(const uint8_t block[TAR_BLOCK], struct ss_span path, enum tar_type *ret,
		  struct ss_err *err)
{
	const uint8_t c = block[AT_TYPE];
	const bool slash = path.n > 0 && path.p[path.n - 1] == '/';

	switch (c) {
	case '\0': /* v7 has no directories but by name */
		*ret = slash ? TAR_DIR : TAR_REG;
		return 0;
	case '0':
	case '7':
	case 'S':
		*ret = TAR_REG;
		return slash ? ss_fail(err, SS_EINPUT, "a file whose name ends in '/'") : 0;
	case '1':
		*ret = TAR_LINK;
		return 0;
	case '2':
		*ret = TAR_SYMLINK;
		return 0;
	case '3':
		*ret = TAR_CHR;
		return 0;
	case '4':
		*ret = TAR_BLK;
		return 0;
	case '5':
		*ret = TAR_DIR;
		return 0;
	case '6':
		*ret = TAR_FIFO;
		return 0;
	default:
		return ss_fail(err, SS_EINPUT, "an entry of unknown type 0x%02x", c);
	}
}

int tar_read_all(const struct tar_source *src, uint64_t at, uint8_t *p, size_t n,
		 struct ss_err *err)
{
	size_t got = 0;

	if (src->read(src->ctx, at, p, n, &got, err) < 0)
		return -1;
	if (got < n)
		return ss_fail(err, SS_EINPUT, "truncated (%zu bytes were expected at offset %llu)",
			       n, (unsigned long long)at);
	return 0;
}

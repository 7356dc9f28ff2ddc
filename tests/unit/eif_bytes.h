/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/reader.h"
#include "expect.h"
#include "io/file.h"

#include <string.h>
#include <sys/mman.h>

/*
 * EIF files for tests, put together by hand from the format's table, with a CRC of its own: the
 * code under test has no part in them.
 */
struct eb_section {
	unsigned type;
	const char *data;
	size_t n;
};

static const struct eb_section eb_good[] = { { 1, "kernel bytes", 12 },
					     { 2, "console=ttyS0", 13 },
					     { 5, "{}", 2 },
					     { 3, "first ramdisk", 13 },
					     { 3, "second ramdisk!", 15 } };

static inline void eb_put(uint8_t *p, uint64_t v, size_t width)
{
	for (size_t i = 0; i < width; i++)
		p[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
}

static inline uint32_t eb_crc_step(uint32_t crc, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

/* Makes the CRC field fit whatever the rest is. */
static inline void eb_mend(uint8_t *p, size_t n)
{
	uint32_t crc = eb_crc_step(0xffffffffu, p, 544);

	crc = eb_crc_step(crc, p + 548, n - 548);
	eb_put(p + 544, ~crc, 4);
}

static inline void eb_make(struct ss_buf *b, unsigned version, unsigned flags,
			   const struct eb_section *s, size_t n)
{
	uint8_t head[548] = { '.', 'e', 'i', 'f' };
	uint64_t at = sizeof(head);

	eb_put(head + 4, version, 2);
	eb_put(head + 6, flags, 2);
	eb_put(head + 8, 1u << 30, 8);
	eb_put(head + 16, 2, 8);
	eb_put(head + 26, n, 2);
	for (size_t i = 0; i < n && i < 32; i++) {
		eb_put(head + 28 + 8 * i, at, 8);
		eb_put(head + 284 + 8 * i, s[i].n, 8);
		at += 12 + s[i].n;
	}
	ss_buf_put(b, (struct ss_span){ head, sizeof(head) });
	for (size_t i = 0; i < n; i++) {
		uint8_t sh[12] = { 0 };

		eb_put(sh, s[i].type, 2);
		eb_put(sh + 4, s[i].n, 8);
		ss_buf_put(b, (struct ss_span){ sh, sizeof(sh) });
		ss_buf_put(b, (struct ss_span){ (const uint8_t *)s[i].data, s[i].n });
	}
	eb_mend(b->p, b->n);
}

/* The bytes as a file in memory, opened. */
static inline int eb_open(struct ss_span s, struct eif_file *ret, struct ss_err *err)
{
	const int fd = memfd_create("eif", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, s, err), 0);
	return eif_file_adopt(fd, s.n, "x.eif", ret, err);
}

/* Open and measure: what every command does before it trusts a file. */
static inline int eb_read(struct ss_span s, struct eif_measurements *ret, struct ss_err *err)
{
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;

	if (eb_open(s, &f, err) < 0)
		return -1;
	return eif_file_measure(&f, true, ret, err);
}

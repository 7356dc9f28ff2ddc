/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/tar_write.h"

#include "fmt/tar_parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const uint8_t zeros[2 * TAR_BLOCK];

static void put_octal(uint8_t *at, size_t n, uint64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%0*" PRIo64, (int)n - 1, v);
	memcpy(at, text, n); /* with its NUL */
}

static void put_size(uint8_t at[12], uint64_t v)
{
	if (v < (uint64_t)1 << 33) {
		put_octal(at, 12, v);
		return;
	}
	memset(at, 0, 12);
	at[0] = 0x80;
	for (size_t i = 0; i < 8; i++)
		at[4 + i] = (uint8_t)(v >> (56 - 8 * i));
}

void tar_write_header(const char *name, uint64_t size, struct ss_buf *ret)
{
	uint8_t block[TAR_BLOCK] = { 0 };
	const size_t n = strlen(name);
	uint32_t sum = 0;

	assert(n > 0 && n <= TAR_WRITE_NAME_MAX);
	memcpy(block + AT_NAME, name, n);
	put_octal(block + AT_MODE, 8, 0644);
	put_octal(block + AT_UID, 8, 0);
	put_octal(block + AT_GID, 8, 0);
	put_size(block + AT_SIZE, size);
	put_octal(block + AT_MTIME, 12, 0);
	block[AT_TYPE] = '0';
	memcpy(block + AT_MAGIC, "ustar\00000", 8);
	memset(block + AT_SUM, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += block[i];
	put_octal(block + AT_SUM, 7, sum); /* then the blank that is there */
	ss_buf_put(ret, (struct ss_span){ block, sizeof(block) });
}

void tar_write_pad(uint64_t size, struct ss_buf *ret)
{
	const size_t over = (size_t)(size % TAR_BLOCK);

	if (over > 0)
		ss_buf_put(ret, (struct ss_span){ zeros, TAR_BLOCK - over });
}

void tar_write_end(struct ss_buf *ret)
{
	ss_buf_put(ret, (struct ss_span){ zeros, sizeof(zeros) });
}

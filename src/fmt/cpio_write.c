/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/cpio.h"

#include <string.h>

static void put_hex(struct ss_buf *b, uint32_t v)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t text[8];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)digits[(v >> (4 * (7 - i))) & 15u];
	ss_buf_put(b, (struct ss_span){ text, sizeof(text) });
}

void cpio_entry_write(const struct cpio_entry *e, struct ss_buf *b)
{
	static const uint8_t zeros[4] = { 0 };
	const uint32_t fields[] = { e->ino,
				    e->mode,
				    e->uid,
				    e->gid,
				    e->nlink,
				    e->mtime,
				    e->size,
				    e->dev_major,
				    e->dev_minor,
				    e->rdev_major,
				    e->rdev_minor,
				    (uint32_t)(e->name.n + 1),
				    0 };

	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"070701", 6 });
	for (size_t i = 0; i < SS_NELEMS(fields); i++)
		put_hex(b, fields[i]);
	ss_buf_put(b, e->name);
	ss_buf_put(b, (struct ss_span){ zeros, 1 });
	ss_buf_put(b, (struct ss_span){ zeros, cpio_pad(CPIO_HEADER_SIZE + e->name.n + 1) });
}

void cpio_trailer_write(uint32_t ino, uint32_t dev_major, uint32_t dev_minor, struct ss_buf *b)
{
	static const char name[] = "TRAILER!!!";
	const struct cpio_entry e = { .ino = ino,
				      .nlink = 1,
				      .dev_major = dev_major,
				      .dev_minor = dev_minor,
				      .name = { (const uint8_t *)name, sizeof(name) - 1 } };

	cpio_entry_write(&e, b);
}

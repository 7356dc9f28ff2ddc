/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/eif.h"

#include <string.h>

/* Where the fields lie; they only appear in messages, the cursor knows the way. */
#define AT_VERSION 4u
#define AT_FLAGS 6u
#define AT_RESERVED 24u
#define AT_COUNT 26u
#define AT_OFFSETS 28u
#define AT_SIZES (AT_OFFSETS + 8u * EIF_MAX_SECTIONS)
#define AT_UNUSED 540u

static const uint8_t magic[4] = { '.', 'e', 'i', 'f' };

static int check_fields(const struct eif_header *h, uint16_t reserved, uint32_t unused,
			struct ss_err *err)
{
	const unsigned unknown = h->flags & ~EIF_FLAGS_KNOWN;

	if (h->version < EIF_VERSION_MIN || h->version > EIF_VERSION)
		return ss_fail(err, SS_EINPUT, "version %u at byte %u is not supported", h->version,
			       AT_VERSION);
	if (unknown != 0)
		return ss_fail(err, SS_EINPUT, "unknown flags 0x%04x at byte %u", unknown,
			       AT_FLAGS);
	if (reserved != 0)
		return ss_fail(err, SS_EINPUT, "the reserved field at byte %u is not zero",
			       AT_RESERVED);
	if (unused != 0)
		return ss_fail(err, SS_EINPUT, "the reserved field at byte %u is not zero",
			       AT_UNUSED);
	if (h->n_sections > EIF_MAX_SECTIONS)
		return ss_fail(err, SS_ELIMIT, "%u sections at byte %u; the format holds %u",
			       h->n_sections, AT_COUNT, EIF_MAX_SECTIONS);
	for (unsigned i = h->n_sections; i < EIF_MAX_SECTIONS; i++) {
		if (h->offsets[i] != 0)
			return ss_fail(err, SS_EINPUT,
				       "slot %u is unused, but its offset at byte %u is not zero",
				       i, AT_OFFSETS + 8 * i);
		if (h->sizes[i] != 0)
			return ss_fail(err, SS_EINPUT,
				       "slot %u is unused, but its size at byte %u is not zero", i,
				       AT_SIZES + 8 * i);
	}
	return 0;
}

int eif_header_read(struct ss_span in, struct eif_header *ret, struct ss_err *err)
{
	struct ss_cur c = ss_cur_init(in);
	struct eif_header h = { 0 };
	struct ss_span m;
	uint16_t reserved;
	uint32_t unused;

	m = ss_cur_take(&c, sizeof(magic));
	if (m.n == sizeof(magic) && memcmp(m.p, magic, sizeof(magic)) != 0)
		return ss_fail(err, SS_EINPUT, "not an EIF file: wrong magic at byte 0");
	h.version = ss_cur_be16(&c);
	h.flags = ss_cur_be16(&c);
	h.default_mem = ss_cur_be64(&c);
	h.default_cpus = ss_cur_be64(&c);
	reserved = ss_cur_be16(&c);
	h.n_sections = ss_cur_be16(&c);
	for (size_t i = 0; i < EIF_MAX_SECTIONS; i++)
		h.offsets[i] = ss_cur_be64(&c);
	for (size_t i = 0; i < EIF_MAX_SECTIONS; i++)
		h.sizes[i] = ss_cur_be64(&c);
	unused = ss_cur_be32(&c);
	h.crc32 = ss_cur_be32(&c);
	if (ss_cur_check(&c, "EIF header", err) < 0)
		return -1;
	if (check_fields(&h, reserved, unused, err) < 0)
		return ss_ctx(err, "EIF header");
	*ret = h;
	return 0;
}

void eif_header_write(const struct eif_header *h, struct ss_buf *b)
{
	ss_buf_put(b, (struct ss_span){ magic, sizeof(magic) });
	ss_buf_be16(b, h->version);
	ss_buf_be16(b, h->flags);
	ss_buf_be64(b, h->default_mem);
	ss_buf_be64(b, h->default_cpus);
	ss_buf_be16(b, 0);
	ss_buf_be16(b, h->n_sections);
	for (size_t i = 0; i < EIF_MAX_SECTIONS; i++)
		ss_buf_be64(b, h->offsets[i]);
	for (size_t i = 0; i < EIF_MAX_SECTIONS; i++)
		ss_buf_be64(b, h->sizes[i]);
	ss_buf_be32(b, 0);
	ss_buf_be32(b, h->crc32);
}

int eif_section_header_read(struct ss_span in, struct eif_section_header *ret, struct ss_err *err)
{
	struct ss_cur c = ss_cur_init(in);
	struct eif_section_header h;

	h.type = ss_cur_be16(&c);
	h.flags = ss_cur_be16(&c);
	h.size = ss_cur_be64(&c);
	if (ss_cur_check(&c, "section header", err) < 0)
		return -1;
	*ret = h;
	return 0;
}

void eif_section_header_write(enum eif_section_type type, uint64_t size, struct ss_buf *b)
{
	ss_buf_be16(b, (uint16_t)type);
	ss_buf_be16(b, 0);
	ss_buf_be64(b, size);
}

const char *eif_section_name(enum eif_section_type type)
{
	switch (type) {
	case EIF_KERNEL:
		return "kernel";
	case EIF_CMDLINE:
		return "cmdline";
	case EIF_RAMDISK:
		return "ramdisk";
	case EIF_SIGNATURE:
		return "signature";
	case EIF_METADATA:
		return "metadata";
	}
	return "unknown";
}

bool eif_section_is_measured(enum eif_section_type type)
{
	return type == EIF_KERNEL || type == EIF_CMDLINE || type == EIF_RAMDISK;
}

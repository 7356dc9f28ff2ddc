/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * The EIF container: a fixed header, then sections back to back. All integers big-endian.
 * Layout and the reason for each limit: docs/formats/eif.md.
 *
 * Bytes and structs only; files are read by eif_file_*() in eif/reader.h, measured in
 * eif/measure.h, written in eif/writer.h.
 */
#define EIF_HEADER_SIZE 548u
#define EIF_SECTION_HEADER_SIZE 12u
#define EIF_MAX_SECTIONS 32u
#define EIF_CRC_OFFSET 544u
#define EIF_SIGNATURE_MAX 32768u
#define EIF_METADATA_MAX ((size_t)16 * 1024 * 1024) /* docker inspect output lies in here */
#define EIF_CMDLINE_MAX 4096u

#define EIF_FLAG_ARM64 0x0001u
#define EIF_FLAG_PCIE 0x0040u /* PCR0 of such a file folds in the flags: not computable */
#define EIF_FLAG_PCIE_VIRTIO 0x0200u

enum eif_section_type {
	EIF_KERNEL = 1,
	EIF_CMDLINE = 2,
	EIF_RAMDISK = 3,
	EIF_SIGNATURE = 4,
	EIF_METADATA = 5,
};

struct eif_section {
	enum eif_section_type type;
	uint64_t offset; /* of the section header */
	uint64_t size;   /* of the data */
};

struct eif_header {
	uint16_t version; /* 2, 3, 4 */
	uint16_t flags;
	uint64_t default_mem;
	uint64_t default_cpus;
	uint16_t n_sections;
	uint64_t offsets[EIF_MAX_SECTIONS];
	uint64_t sizes[EIF_MAX_SECTIONS];
	uint32_t crc32;
};

/* Parses the first EIF_HEADER_SIZE bytes; *ret only on success. Says nothing of the sections. */
SS_MUST_CHECK SS_NONNULL int eif_header_read(struct ss_span in, struct eif_header *ret,
					     struct ss_err *err);
SS_NONNULL void eif_header_write(const struct eif_header *h, struct ss_buf *b);
SS_NONNULL void eif_section_header_write(enum eif_section_type type, uint64_t size,
					 struct ss_buf *b);
/* "kernel", "cmdline", "ramdisk", "signature", "metadata" */
const char *eif_section_name(enum eif_section_type type);

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
#define EIF_VERSION_MIN 2u /* 0 and 1 never left AWS */
#define EIF_VERSION 4u     /* read up to here, and written */
#define EIF_SIGNATURE_MAX 32768u
#define EIF_METADATA_MAX ((size_t)16 * 1024 * 1024) /* docker inspect output lies in here */
#define EIF_CMDLINE_MAX 4096u

#define EIF_FLAG_ARM64 0x0001u
#define EIF_FLAG_PCIE 0x0040u /* PCR0 of such a file folds in the flags: not computable */
#define EIF_FLAG_PCIE_VIRTIO 0x0200u
#define EIF_FLAGS_PCIE (EIF_FLAG_PCIE | EIF_FLAG_PCIE_VIRTIO)
#define EIF_FLAGS_KNOWN (EIF_FLAG_ARM64 | EIF_FLAGS_PCIE)

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

/* As it stands in the file: nothing is checked yet. */
struct eif_section_header {
	uint16_t type;
	uint16_t flags;
	uint64_t size;
};

/*
 * Parses the first EIF_HEADER_SIZE bytes; *ret only on success. Accepts only what
 * eif_header_write() would write. Says nothing of the sections.
 */
SS_MUST_CHECK SS_NONNULL int eif_header_read(struct ss_span in, struct eif_header *ret,
					     struct ss_err *err);
SS_NONNULL void eif_header_write(const struct eif_header *h, struct ss_buf *b);
SS_MUST_CHECK SS_NONNULL int
eif_section_header_read(struct ss_span in, struct eif_section_header *ret, struct ss_err *err);
SS_NONNULL void eif_section_header_write(enum eif_section_type type, uint64_t size,
					 struct ss_buf *b);
/* "kernel", "cmdline", "ramdisk", "signature", "metadata" */
const char *eif_section_name(enum eif_section_type type);
/* Kernel, cmdline and ramdisks are in the registers; signature and metadata are not. */
bool eif_section_is_measured(enum eif_section_type type);

/*
 * The rules across sections, for reader and writer alike: one kernel, one cmdline, at least one
 * ramdisk and none before the kernel, metadata from version 4 on, no second metadata or signature,
 * sizes within the limits above. Feed the sections in order to a zeroed struct, then ask.
 */
struct eif_rules {
	size_t n;
	size_t seen[EIF_METADATA + 1];
};

SS_MUST_CHECK SS_NONNULL int eif_rules_next(struct eif_rules *r, const struct eif_section *s,
					    struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int eif_rules_end(const struct eif_rules *r, uint16_t version,
					   struct ss_err *err);

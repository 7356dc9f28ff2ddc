/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/hash.h"
#include "eif/eif.h"
#include "io/atomic.h"

/*
 * Writes an EIF in one pass, and measures it on the way: sections go out in the order in which
 * they are begun, each block reaches PCR0's and PCR2's hash, the part's own SHA-384, the CRC and
 * the file while it is warm (io/fan.h). The header is filled in at the end. No stage reads the
 * file back.
 *
 * Order of calls: open; for each section begin, put…, end; finish. Canonical order is the
 * caller's: kernel, cmdline, metadata, ramdisks (docs/formats/eif.md). The file appears at the
 * end, whole (io/atomic.h); an error or a kill before that leaves nothing.
 */
#define EIF_MAX_PARTS EIF_MAX_SECTIONS

/* What was measured, of one file. Also the content of measurements.json. */
struct eif_part {
	enum eif_section_type type; /* kernel, cmdline, ramdisk: the measured ones */
	uint64_t size;
	uint8_t sha384[CRYPTO_SHA384_SIZE];
};

struct eif_measurements {
	uint8_t pcr0[CRYPTO_SHA384_SIZE];
	uint8_t pcr1[CRYPTO_SHA384_SIZE];
	uint8_t pcr2[CRYPTO_SHA384_SIZE];
	uint8_t pcr8[CRYPTO_SHA384_SIZE];
	bool has_pcr8;                        /* the file is signed */
	bool pcr0_unknown;                    /* a PCIe flag is set: PCR0 is not what pcr0 says */
	struct eif_part parts[EIF_MAX_PARTS]; /* in file order */
	size_t n_parts;
	uint64_t file_size;
	uint8_t file_sha256[CRYPTO_SHA256_SIZE];
};

struct eif_writer;

struct eif_writer_opts {
	uint16_t flags; /* EIF_FLAG_ARM64 or 0 */
	uint64_t default_mem;
	uint64_t default_cpus;
};

/* The file will appear at `path` by eif_writer_finish(). */
SS_MUST_CHECK SS_NONNULL int eif_writer_open(const char *path, const struct eif_writer_opts *o,
					     struct eif_writer **ret, struct ss_err *err);
/* The exact size of the data is known before its first byte; a different sum is an assertion. */
SS_MUST_CHECK SS_NONNULL int eif_writer_begin(struct eif_writer *w, enum eif_section_type type,
					      uint64_t size, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int eif_writer_put(struct eif_writer *w, struct ss_span s,
					    struct ss_err *err);
/* Room for up to IO_FAN_CHUNK_SIZE bytes of section data to be filled in place, then pushed. */
SS_MUST_CHECK SS_NONNULL int eif_writer_end(struct eif_writer *w, struct ss_err *err);
/* Writes the header, syncs, renames; frees `w` whatever happens. */
SS_MUST_CHECK SS_NONNULL int eif_writer_finish(struct eif_writer *w, struct eif_measurements *ret,
					       struct ss_err *err);
void eif_writer_abort(struct eif_writer *w); /* accepts NULL */

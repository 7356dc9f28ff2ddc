/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/measure.h"

/*
 * Writes an EIF in one pass, and measures it on the way: sections go out in the order in which
 * they are begun, each block reaches the registers' hashes, the part's own SHA-384, the CRC and
 * the file while it is warm (io/fan.h). The header is filled in at the end.
 *
 * Only the SHA-256 of the file reads the file again, from the page cache while the rest of it goes
 * to the disk: the header holds the CRC and comes first
 * (docs/decisions/0012-eif-digest-and-nonces.md).
 *
 * Order of calls: open; for each section begin, put…, end; then, if it is to be signed, measured
 * and sign (or eif_seal_add(), which does both); finish. Canonical order is the caller's: kernel,
 * cmdline, metadata, ramdisks (docs/formats/eif.md). The file appears at the end, whole
 * (io/atomic.h); an error or a kill before that leaves nothing. After any failure only
 * eif_writer_abort() may follow.
 */
struct eif_writer;

struct eif_writer_opts {
	uint16_t version; /* 0 = EIF_VERSION; another only to sign an older file */
	uint16_t flags;   /* EIF_FLAG_ARM64 or 0 */
	uint64_t default_mem;
	uint64_t default_cpus;
	unsigned mode; /* of the file, before the umask; 0 = 0644 */
	bool want_sha256;
	bool discard; /* only the result counts: `path` names where there is room, and never appears
		       */
};

/* The file will appear at `path` by eif_writer_finish(). */
SS_MUST_CHECK SS_NONNULL int eif_writer_open(const char *path, const struct eif_writer_opts *o,
					     struct eif_writer **ret, struct ss_err *err);
/* The exact size of the data is known before its first byte; a different sum is an assertion. */
SS_MUST_CHECK SS_NONNULL int eif_writer_begin(struct eif_writer *w, enum eif_section_type type,
					      uint64_t size, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int eif_writer_put(struct eif_writer *w, struct ss_span s,
					    struct ss_err *err);
/*
 * The same without a copy: room to fill in place, *ret_n >= 1 bytes, never more than the section
 * still lacks, or NULL with *err set; then how many of them were filled. Mixes with put.
 */
SS_MUST_CHECK SS_NONNULL uint8_t *eif_writer_room(struct eif_writer *w, size_t *ret_n,
						  struct ss_err *err);
SS_NONNULL void eif_writer_advance(struct eif_writer *w, size_t n);
SS_MUST_CHECK SS_NONNULL int eif_writer_end(struct eif_writer *w, struct ss_err *err);

/*
 * Waits for the hashes: PCR0, PCR1, PCR2 and the parts, for a signature to be made over. After it
 * only the signature section may follow.
 */
SS_MUST_CHECK SS_NONNULL int eif_writer_measured(struct eif_writer *w, struct eif_measurements *ret,
						 struct ss_err *err);
/* The whole signature section, and the register that belongs to its certificate. */
SS_MUST_CHECK SS_NONNULL int eif_writer_sign(struct eif_writer *w, struct ss_span section,
					     const uint8_t pcr8[CRYPTO_SHA384_SIZE],
					     struct ss_err *err);
/* Writes the header, syncs, renames; frees `w` whatever happens. */
SS_MUST_CHECK SS_NONNULL int eif_writer_finish(struct eif_writer *w, struct eif_measurements *ret,
					       struct ss_err *err);
void eif_writer_abort(struct eif_writer *w); /* accepts NULL */

static inline void eif_writer_abortp(struct eif_writer **w)
{
	eif_writer_abort(*w);
}
#define AUTO_EIF_WRITER SS_CLEANUP(eif_writer_abortp)

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/hash.h"
#include "eif/eif.h"

/*
 * The registers of an image, from its bytes as they pass by.
 *
 * PCRn = SHA-384(48 zero bytes ‖ SHA-384(content)). Two SHA-384 over the file give everything:
 * one over kernel ‖ cmdline ‖ all ramdisks, from whose state PCR1 forks after ramdisk 0; one over
 * each part, from whose state PCR2 forks after ramdisk 1. Only a third ramdisk costs more.
 */
#define EIF_MAX_PARTS EIF_MAX_SECTIONS

/* A measured section: kernel, cmdline, ramdisk. */
struct eif_part {
	enum eif_section_type type;
	uint64_t size;
	uint8_t sha384[CRYPTO_SHA384_SIZE];
};

/* What was measured, of one file. Also the content of measurements.json. */
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
	bool has_sha256;
	uint8_t file_sha256[CRYPTO_SHA256_SIZE];
};

/* The register whose content has this SHA-384: the extension from 48 zero bytes. */
SS_NONNULL void eif_pcr_extend(const uint8_t inner[CRYPTO_SHA384_SIZE],
			       uint8_t ret[CRYPTO_SHA384_SIZE]);

struct eif_meter;

/*
 * `sections` is borrowed, in file order without gaps; entry i must be set before its first byte is
 * put, later entries need not be. eif_meter_free() accepts NULL.
 */
SS_MUST_CHECK SS_NONNULL struct eif_meter *eif_meter_new(const struct eif_section *sections);
void eif_meter_free(struct eif_meter *m);

/*
 * Two consumers (io/fan.h) with the meter as their context, free to run on two threads. Each must
 * see every byte after the file header, in order, section headers included. They never fail.
 */
SS_MUST_CHECK int eif_meter_put_image(void *meter, struct ss_span s, struct ss_err *err);
SS_MUST_CHECK int eif_meter_put_parts(void *meter, struct ss_span s, struct ss_err *err);

/*
 * Sets pcr0, pcr1, pcr2 and the parts; all measured sections have arrived whole. The meter may
 * only be freed afterwards.
 */
SS_NONNULL void eif_meter_end(struct eif_meter *m, struct eif_measurements *ret);

static inline void eif_meter_freep(struct eif_meter **m)
{
	eif_meter_free(*m);
}
#define AUTO_METER SS_CLEANUP(eif_meter_freep)

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_reason.h"

/*
 * An attestation document as bytes: a COSE_Sign1 of ES384, and the payload inside. Syntax only:
 * what stands here is a claim until att_verify() has said yes. Everything is borrowed from the
 * bytes that were read. The rules, and where AWS writes them: docs/formats/attestation.md.
 */
#define ATT_DOCUMENT_MAX ((size_t)32 * 1024) /* payload, its largest certificates, and COSE */
#define ATT_PAYLOAD_MAX 16384u
#define ATT_CERT_MAX 1024u
#define ATT_BUNDLE_MAX 8u /* AWS sends 4 */
#define ATT_PCRS 32u
#define ATT_PCR_SIZE 48u /* what SHA384 gives; the syntax allows 32 and 64 too */
#define ATT_MODULE_ID_MAX 256u
#define ATT_SIGNATURE_SIZE 96u

struct att_doc {
	struct ss_span protected; /* the protected header, encoded */
	struct ss_span payload;
	struct ss_span signature; /* r ‖ s */
	/* QEMU's NSM signs nothing: algorithm -1, 64 zero bytes for certificates and signature. */
	bool is_emulated;

	struct ss_span module_id; /* UTF-8 */
	uint64_t timestamp_ms;
	struct ss_span pcr[ATT_PCRS]; /* p = NULL: not in the document */
	struct ss_span certificate;
	struct ss_span bundle[ATT_BUNDLE_MAX]; /* root first */
	size_t n_bundle;
	struct ss_span public_key; /* p = NULL: absent or null */
	struct ss_span user_data;
	struct ss_span nonce;
};

SS_MUST_CHECK SS_NONNULL int att_doc_read(struct ss_span in, struct att_doc *ret,
					  struct att_no *no);

/*
 * Where a document ends that begins with the first byte of `in`: its length, or 0 if there is none.
 * For those who store documents among other bytes; att_doc_read() refuses such.
 */
size_t att_doc_length(struct ss_span in);

/* All zero: what debug mode puts into PCR0, PCR1 and PCR2. */
SS_MUST_CHECK bool att_is_zero(struct ss_span s);

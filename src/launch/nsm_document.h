/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/nsm_root.h"
#include "nsm/nsm.h"

/*
 * An attestation document as AWS's NSM writes it since 2025: an untagged COSE_Sign1 with ES384 over
 * a map of indefinite length. The same document and chain give the same bytes (RFC 6979).
 */
struct nsm_document {
	const char *module_id;
	uint64_t timestamp_ms; /* since 1970 */
	uint32_t which;        /* bit i: PCR i is in it */
	const uint8_t (*pcrs)[NSM_PCR_SIZE];
	struct nsm_attestation asked;
};

/* Appends the document. */
SS_MUST_CHECK SS_NONNULL int nsm_document_write(const struct nsm_document *d,
						const struct nsm_chain *c, struct ss_buf *ret,
						struct ss_err *err);

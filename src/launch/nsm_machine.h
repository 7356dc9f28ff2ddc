/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/nsm_document.h"

/*
 * A Nitro Security Module of our own: 32 PCRs, of which 0 to 15 are locked from the start, and the
 * answers that AWS's gives, its limits and its errors (README of aws-nitro-enclaves-nsm-api). Its
 * documents are signed below a test root. The state lives as long as the machine: a guest that
 * resets the device gets no PCR back.
 *
 * Requests are a guest's, and hostile; an answer is always made.
 */
#define NSM_USER_DATA_MAX 512u
#define NSM_NONCE_MAX 512u
#define NSM_PUBLIC_KEY_MAX 1024u

/* A chain with less than this to live is replaced by a new one. */
#define NSM_RENEW_S 3600

struct nsm_machine_opts {
	const char *module_id;       /* 1 to NSM_MAX_MODULE_ID bytes of UTF-8 */
	const struct nsm_root *root; /* borrowed for the machine's life */
	/* PCR0, 1, 2, 8 as the image is measured; zeros where there is none. */
	uint8_t pcrs[NSM_PCRS][NSM_PCR_SIZE];
};

struct nsm_machine;

/* The first chain is made here, so that a root that cannot sign is known at once. */
SS_MUST_CHECK SS_NONNULL int nsm_machine_new(const struct nsm_machine_opts *o, int64_t now,
					     struct nsm_machine **ret, struct ss_err *err);
void nsm_machine_free(struct nsm_machine *m); /* accepts NULL */

/* PCR3 of a role's ARN and PCR4 of an instance's id: SHA-384(48 zero bytes ‖ text). */
SS_NONNULL void nsm_pcr_of_text(const char *text, uint8_t ret[NSM_PCR_SIZE]);

/*
 * Answers one request into `ret`, which is empty; its limit is the room that the caller has. Where
 * that is too small for the answer, this is BufferTooSmall; for that, too: nothing, ret->bad.
 */
SS_NONNULL void nsm_machine_answer(struct nsm_machine *m, struct ss_span request, uint64_t now_ms,
				   struct ss_buf *ret);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "nsm/nsm.h"

#include <stdbool.h>

/*
 * The device's half of nsm/nsm.h: what reads requests and writes answers. An enclave's NSM is made
 * by somebody else; this is for one of our own (launch/nsm_machine.h). No heap: a request lends
 * spans of the bytes it was read from.
 *
 * A request is read as AWS's device reads it: any width, definite or not, keys in any order, what
 * is missing in Attestation is null. A key that nobody knows is refused.
 */
enum nsm_call {
	NSM_DESCRIBE_NSM,
	NSM_GET_RANDOM,
	NSM_DESCRIBE_PCR,
	NSM_EXTEND_PCR,
	NSM_LOCK_PCR,
	NSM_LOCK_PCRS,
	NSM_ATTESTATION,
};

struct nsm_request {
	enum nsm_call call;
	uint16_t index; /* of a PCR; the range of NSM_LOCK_PCRS */
	struct ss_span data;
	struct nsm_attestation attestation;
};

/* -1 means that the answer is NSM_INVALID_OPERATION. Limits are for the caller to check. */
SS_MUST_CHECK SS_NONNULL int nsm_request_read(struct ss_span in, struct nsm_request *ret,
					      struct ss_err *err);

/* nsm-api's ErrorCode, without Success. */
enum nsm_error {
	NSM_INVALID_ARGUMENT,
	NSM_INVALID_INDEX,
	NSM_INVALID_RESPONSE,
	NSM_READ_ONLY_INDEX,
	NSM_INVALID_OPERATION,
	NSM_BUFFER_TOO_SMALL,
	NSM_INPUT_TOO_LARGE,
	NSM_INTERNAL_ERROR,
};

SS_NONNULL void nsm_answer_error(struct ss_buf *b, enum nsm_error e);
SS_NONNULL void nsm_answer_describe_nsm(struct ss_buf *b, const struct nsm_description *d);
SS_NONNULL void nsm_answer_describe_pcr(struct ss_buf *b, const struct nsm_pcr *p);
/* ExtendPCR, GetRandom, Attestation: one byte string. */
SS_NONNULL void nsm_answer_bytes(struct ss_buf *b, enum nsm_call call, struct ss_span s);
/* LockPCR, LockPCRs: nothing to tell. */
SS_NONNULL void nsm_answer_done(struct ss_buf *b, enum nsm_call call);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * The Nitro Security Module: its requests and responses in CBOR, and the one ioctl that carries
 * them. No heap: requests go to a buffer that the caller gives, responses lend spans of it.
 * Responses are read as hostile: any width, definite or not, keys in any order, unknown keys
 * refused.
 *
 * Formats and limits: the README of aws-nitro-enclaves-nsm-api 0.5.1.
 */
#define NSM_IOCTL 0xc0200a00u /* for who must name it in a filter */
#define NSM_MAX_REQUEST 0x1000u
#define NSM_MAX_RESPONSE 0x3000u
#define NSM_MAX_RANDOM 256u
#define NSM_PCRS 32u
#define NSM_PCR_SIZE 48u
#define NSM_MAX_MODULE_ID 128u

/* --- requests ---------------------------------------------------------------------------- */

SS_NONNULL void nsm_put_describe_nsm(struct ss_buf *b);
SS_NONNULL void nsm_put_get_random(struct ss_buf *b);
SS_NONNULL void nsm_put_describe_pcr(struct ss_buf *b, uint32_t index);
SS_NONNULL void nsm_put_extend_pcr(struct ss_buf *b, uint32_t index, struct ss_span data);
SS_NONNULL void nsm_put_lock_pcr(struct ss_buf *b, uint32_t index);
SS_NONNULL void nsm_put_lock_pcrs(struct ss_buf *b, uint32_t range); /* 0 … range - 1 */

/* A span whose p is NULL is absent: the document then says null. */
struct nsm_attestation {
	struct ss_span user_data;
	struct ss_span nonce;
	struct ss_span public_key;
};
SS_NONNULL void nsm_put_attestation(struct ss_buf *b, const struct nsm_attestation *a);

/* --- responses --------------------------------------------------------------------------- */

struct nsm_description {
	uint16_t version[3];
	struct ss_span module_id; /* UTF-8, 1 to NSM_MAX_MODULE_ID bytes */
	uint16_t max_pcrs;        /* at most NSM_PCRS */
	uint32_t locked;          /* bit i: PCR i is locked */
	struct ss_span digest;    /* "SHA384" */
};

struct nsm_pcr {
	bool locked;
	uint8_t value[NSM_PCR_SIZE];
};

/* Each is 0, or -1: SS_EREMOTE when the NSM said no ("the NSM refuses: InvalidIndex"), SS_EINPUT
 * when it said what cannot be. */
SS_MUST_CHECK SS_NONNULL int nsm_read_describe_nsm(struct ss_span in, struct nsm_description *ret,
						   struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int nsm_read_get_random(struct ss_span in, struct ss_span *ret,
						 struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int nsm_read_describe_pcr(struct ss_span in, struct nsm_pcr *ret,
						   struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int nsm_read_extend_pcr(struct ss_span in, uint8_t ret[NSM_PCR_SIZE],
						 struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int nsm_read_lock_pcr(struct ss_span in, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int nsm_read_lock_pcrs(struct ss_span in, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int nsm_read_attestation(struct ss_span in, struct ss_span *ret_document,
						  struct ss_err *err);

/* --- the device -------------------------------------------------------------------------- */

/* Opens /dev/nsm. *ret is -1, with 0 returned, if there is no such device. */
SS_MUST_CHECK SS_NONNULL int nsm_open(int *ret, struct ss_err *err);
/* Sends `request`; the answer is written to `room` (NSM_MAX_RESPONSE bytes) and lent as *ret. */
SS_MUST_CHECK SS_NONNULL int nsm_call(int fd, struct ss_span request, uint8_t *room,
				      struct ss_span *ret, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * CMS EnvelopedData (RFC 5652, section 6) as AWS KMS makes it for an enclave
 * (CiphertextForRecipient): one recipient, named by a key identifier, RSAES-OAEP with SHA-256 and
 * its MGF1; the content in AES-256-CBC. Every other choice that CMS leaves is refused, each by its
 * own message. BER. Pure.
 *
 * KMS gives at most 6 KiB of plaintext; the limits leave room. What is read is not authentic: CBC
 * has no tag, and anybody can encrypt to a public key. Only the connection to KMS says who made it.
 */
#define CMS_MAX_MESSAGE ((size_t)16 * 1024)
#define CMS_MAX_KEY 512u /* RSA of 4096 bits */
#define CMS_MAX_ID 64u   /* KMS: 32 */
#define CMS_BLOCK 16u    /* of AES */

struct cms_envelope {
	struct ss_span id; /* subjectKeyIdentifier, of the message: the sender's choice, no proof */
	struct ss_span iv; /* CMS_BLOCK bytes, of the message */
	uint8_t key[CMS_MAX_KEY]; /* encrypted */
	size_t n_key;
};

/* The encrypted content, whole blocks and at least one, is put into `content`, which is empty. */
SS_MUST_CHECK SS_NONNULL int cms_envelope_read(struct ss_span message, struct cms_envelope *ret,
					       struct ss_buf *content, struct ss_err *err);

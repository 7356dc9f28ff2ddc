/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/http_head.h"

/*
 * What a request of the attestation service asks for (docs/formats/endpoint.md), from a head that
 * was read: the path, and a query of which every word has its place. Pure; no heap.
 */
#define KP_NONCE 32u /* of the endpoint: exactly */
#define KP_MAX_NONCE 512u
#define KP_MAX_USER_DATA 1024u /* hashed; all three at their most do not fit a target */
#define KP_MAX_PUBLIC_KEY 1024u
#define KP_KEY 32u /* of a recipient: the SHA-256 of its SPKI */

/* Where it came in. */
enum kp_door {
	KP_DOOR_SERVICE, /* ALPN selfsame/1 */
	KP_DOOR_PATH,    /* an ingress with http = true */
	KP_DOOR_LOCAL,   /* attest.sock */
	KP_DOOR_SENDER,  /* ALPN selfsame-secrets/1 */
};

enum kp_want {
	KP_WANT_DOCUMENT,
	KP_WANT_CERTIFICATE,
	KP_WANT_RECIPIENT, /* a document with a new key to encrypt to */
	KP_WANT_SECRET,    /* is sent; the body follows */
	KP_WANT_UNWRAP,    /* what was encrypted to one; the body follows */
};

/* A value that was not given has its flag false. */
struct kp_ask {
	enum kp_want want;
	const char *allow; /* for 405: the methods of this path; NULL otherwise */
	bool has_nonce, has_user_data, has_public_key, has_key;
	size_t n_nonce, n_user_data, n_public_key, n_key;
	size_t n_body;
	struct ss_span name; /* of a secret, borrowed from the head */
	uint8_t nonce[KP_MAX_NONCE];
	uint8_t user_data[KP_MAX_USER_DATA];
	uint8_t public_key[KP_MAX_PUBLIC_KEY];
	uint8_t key[KP_KEY];
};

#define KP_PATH_SERVICE "/attestation"
#define KP_PATH_WELL_KNOWN "/.well-known/selfsame/attestation"
#define KP_PATH_CERTIFICATE "/certificate"
#define KP_PATH_RECIPIENT "/recipient"
#define KP_PATH_SECRETS "/secrets/" /* and a name */

/* 200 with *ret filled, or the status to answer with: 400, 404, 405, 413. */
SS_MUST_CHECK SS_NONNULL unsigned kp_ask_read(enum kp_door door, const struct http_request *r,
					      struct kp_ask *ret);

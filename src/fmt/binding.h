/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

/*
 * user_data of the documents that an enclave of ours gives away (docs/formats/endpoint.md): a
 * domain, a zero byte, a SHA-256. A document that the application asked for can never be taken for
 * one that binds a TLS key, whatever the application put into it. Pure; the digest is the caller's.
 */
#define BINDING_SHA256 32u
#define BINDING_MAX 52u

enum binding {
	BINDING_ENDPOINT, /* of the SPKI of the TLS key */
	BINDING_APP,      /* of the application's own user_data */
};

SS_NONNULL void binding_write(enum binding domain, const uint8_t sha256[BINDING_SHA256],
			      struct ss_buf *b);
/* False: it is neither. The digest is borrowed from `in`. */
SS_MUST_CHECK SS_NONNULL bool binding_read(struct ss_span in, enum binding *ret_domain,
					   struct ss_span *ret_sha256);

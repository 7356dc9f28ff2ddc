/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "config/lock_input.h"
#include "crypto/hash.h"

/*
 * What a request asks for, in the form in which it stands in a lock: a URL without fragment, user
 * and secrets, and a key of what else chooses the answer (docs/formats/inputs.md). Pure.
 */
#define REC_REDACTED "redacted"

/*
 * `url` is absolute. Scheme and host become lower case, the scheme's own port goes, bytes that no
 * URL may have are escaped. `ret_real` is what to ask the server for; `ret_plain` is that with the
 * values of secret parameters replaced, *ret_secret says if there were any. Both are terminated
 * text.
 */
SS_MUST_CHECK SS_NONNULL int rec_url_make(struct ss_span url, struct ss_buf *ret_real,
					  struct ss_buf *ret_plain, bool *ret_secret,
					  struct ss_err *err);

/* True for the name of a parameter whose value is nobody's business. */
SS_MUST_CHECK SS_NONNULL bool rec_is_secret_name(struct ss_span name);

/* What may choose an answer beside method and URL; p = NULL: the request does not say. */
struct rec_choice {
	struct ss_span accept;
	bool authorized; /* some credential was sent */
	struct ss_span content_type;
	struct ss_span git_protocol;
	const uint8_t *body; /* SHA-256; NULL = no body */
};

#define REC_KEY (2 * CRYPTO_SHA256_SIZE + 1)

/* False, and ret empty: nothing but method and URL chooses. */
SS_NONNULL bool rec_key_make(const struct rec_choice *c, char ret[REC_KEY]);

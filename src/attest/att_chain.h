/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_doc.h"
#include "crypto/x509.h"
#include "crypto/x509_chain.h"

/*
 * The certificates of a document: from the pinned root down to the leaf. crypto/x509_chain reads
 * them, OpenSSL checks signatures; every rule is written here, none is left to a library's default.
 */

/* Of AWS's root for the commercial partition, 2019 to 2049: SHA-256 of its DER. */
extern const uint8_t att_aws_root[CRYPTO_SHA256_SIZE];

struct att_root {
	uint8_t sha256[CRYPTO_SHA256_SIZE]; /* what cabundle[0] must be */
	bool is_aws;
};
struct att_root att_root_aws(void);
/* Another one instead; is_aws stays true if it happens to be AWS's. */
SS_NONNULL struct att_root att_root_of(const struct crypto_cert *root);

/*
 * Issuers that were checked already: documents of one instance share all but the leaf. It holds for
 * any root, since the root is among them, and for any time, which is held against them anew. One
 * thread at a time. att_cache_free() takes NULL.
 */
struct att_cache;
SS_MUST_CHECK struct att_cache *att_cache_new(void);
void att_cache_free(struct att_cache *c);

static inline void att_cache_freep(struct att_cache **c)
{
	att_cache_free(*c);
}
#define AUTO_ATT_CACHE SS_CLEANUP(att_cache_freep)

/*
 * Whether the chain of `d` holds at `at` (seconds since 1970): 0 with the leaf in *ret, which is
 * the caller's, or the first rule that is broken. `cache` may be NULL.
 */
SS_MUST_CHECK int att_chain_check(const struct att_doc *d, const struct att_root *root, int64_t at,
				  struct att_cache *cache, struct crypto_p384 **ret,
				  struct att_no *no);
/* Whether the leaf's key signed the payload and the protected header. */
SS_MUST_CHECK SS_NONNULL int att_signature_check(const struct att_doc *d,
						 const struct crypto_p384 *leaf, struct att_no *no);

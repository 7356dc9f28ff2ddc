/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "crypto/sign.h"

/*
 * A root of trust of our own, for tests: it stands where AWS's root stands above the documents of
 * an NSM. In its folder, made on first use (0700):
 *
 *   root-key.pem   the private key on P-384, 0600; whoever has it can sign any document
 *   root.pem       its certificate, for `selfsame verify --root`; ten years
 *
 * Every subject says "selfsame test", so that no certificate below it passes for AWS's.
 */
#define NSM_ROOT_SUBJECT "selfsame test"
#define NSM_ROOT_KEY "root-key.pem"
#define NSM_ROOT_CERT "root.pem"

struct nsm_root;

/* Loads the root, or makes it. `now`: seconds since 1970. A key that others may read is refused. */
SS_MUST_CHECK SS_NONNULL int nsm_root_open(const char *dir, int64_t now, struct nsm_root **ret,
					   struct ss_err *err);
void nsm_root_free(struct nsm_root *r); /* accepts NULL */
SS_NONNULL struct ss_span nsm_root_der(const struct nsm_root *r);

/*
 * What an enclave's documents are signed with: four certificates from the root down to the issuer
 * of the leaf, the leaf, its key. Extensions, lengths of paths and lives are those of AWS's (the
 * leaf's: three hours); the keys between root and leaf are forgotten as soon as they have signed.
 */
#define NSM_CHAIN_LENGTH 4u
#define NSM_LEAF_LIFE_S 10800
#define NSM_CERT_MAX 1024u /* the NSM's limit for an entry of cabundle */

struct nsm_chain {
	struct ss_buf authorities[NSM_CHAIN_LENGTH]; /* DER; the root first */
	struct ss_buf leaf;
	struct crypto_key *key;
	int64_t not_before, not_after; /* of the leaf */
};

SS_MUST_CHECK SS_NONNULL int nsm_chain_new(const struct nsm_root *r, const char *module_id,
					   int64_t now, struct nsm_chain **ret, struct ss_err *err);
void nsm_chain_free(struct nsm_chain *c); /* accepts NULL */

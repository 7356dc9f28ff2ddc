/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/x509.h"

/*
 * What the rules of a certificate chain ask of one certificate: facts only, the rules are the
 * caller's (attest/att_chain.c). Nothing here knows a time, trusts anything or builds a path.
 */

/* Exactly one certificate in DER and nothing after it; a looser encoding of its frame is refused.
 */
SS_MUST_CHECK SS_NONNULL int crypto_cert_read_der(struct ss_span der, struct crypto_cert **ret,
						  struct ss_err *err);

#define CRYPTO_USAGE_SIGN 1u      /* digitalSignature */
#define CRYPTO_USAGE_CERT_SIGN 2u /* keyCertSign */
#define CRYPTO_USAGE_OTHER 4u     /* any other bit */
#define CRYPTO_OID_SIZE 64u

struct crypto_cert_facts {
	int64_t not_before; /* both moments included */
	int64_t not_after;
	struct ss_span subject; /* DER of the names, borrowed from the certificate */
	struct ss_span issuer;
	bool is_v3;
	bool is_p384;         /* the key: a point of the named curve, uncompressed */
	bool is_ecdsa_sha384; /* how it is signed, both times that it says so */
	bool has_constraints; /* basicConstraints */
	bool constraints_critical;
	bool is_ca;
	bool has_path_len;
	uint32_t path_len;              /* UINT32_MAX stands for more, too */
	bool has_usage;                 /* keyUsage */
	unsigned usage;                 /* CRYPTO_USAGE_* */
	char repeated[CRYPTO_OID_SIZE]; /* an extension that comes twice; "" = none */
	char critical[CRYPTO_OID_SIZE]; /* a critical one other than those two; "" = none */
};

/* -1 if an extension named above cannot be read. */
SS_MUST_CHECK SS_NONNULL int crypto_cert_facts(const struct crypto_cert *c,
					       struct crypto_cert_facts *ret, struct ss_err *err);
/* True if `issuer`'s key made the signature of `c`. Says nothing of names and rights. */
SS_NONNULL bool crypto_cert_signed_by(const struct crypto_cert *c,
				      const struct crypto_cert *issuer);

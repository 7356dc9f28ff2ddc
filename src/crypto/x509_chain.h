/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "crypto/p384.h"

/*
 * What the rules of a certificate chain ask of one certificate: facts only, the rules are the
 * caller's (attest/att_chain.c). Read by a reader of our own: strict DER, version 3, the fields in
 * their order, nothing behind them. Nothing here knows a time, trusts anything or builds a path.
 */
#define CRYPTO_USAGE_SIGN 1u      /* digitalSignature */
#define CRYPTO_USAGE_CERT_SIGN 2u /* keyCertSign */
#define CRYPTO_USAGE_OTHER 4u     /* any other bit */
#define CRYPTO_OID_SIZE 64u
#define CRYPTO_MAX_EXTENSIONS 32u

/* Spans are borrowed from the bytes that were read. */
struct crypto_cert_facts {
	struct ss_span tbs;       /* what is signed */
	struct ss_span signature; /* in DER, as crypto_p384_verify() takes it */
	struct ss_span subject;   /* the names, whole */
	struct ss_span issuer;
	struct ss_span point; /* of the key, if is_p384 */
	int64_t not_before;   /* both moments included */
	int64_t not_after;
	bool is_p384;         /* the key: id-ecPublicKey on the named curve, 97 bytes */
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

SS_MUST_CHECK SS_NONNULL int
crypto_cert_facts_read(struct ss_span der, struct crypto_cert_facts *ret, struct ss_err *err);
/* True if the key made the signature of the certificate. Says nothing of names and rights. */
SS_NONNULL bool crypto_cert_signed_by(const struct crypto_cert_facts *c,
				      const struct crypto_p384 *issuer);

/*
 * A name of such a certificate for people, in its order: "C=US, O=Amazon, CN=aws.nitro-enclaves",
 * escaped as in base/show.h, and ',' '+' '=' in values too. A value that is no text is "?".
 */
SS_NONNULL void crypto_name_text(struct ss_span name, struct ss_buf *b);

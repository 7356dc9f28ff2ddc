/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "crypto/sign.h"

/*
 * Makes keys and certificates, for authorities of our own (launch/nsm_root.h). Keys and serial
 * numbers come from OpenSSL's generator; a certificate is version 3, signed with ECDSA and SHA-384.
 */
SS_MUST_CHECK SS_NONNULL int crypto_key_new(enum crypto_curve curve, struct crypto_key **ret,
					    struct ss_err *err);
/* PKCS#8 in PEM text, without a passphrase, appended: wipe it. */
SS_MUST_CHECK SS_NONNULL int crypto_key_put_pem(const struct crypto_key *k, struct ss_buf *ret,
						struct ss_err *err);
/* A request for a certificate (PKCS#10, DER), once its own signature was found to hold, in PEM. */
SS_MUST_CHECK SS_NONNULL int crypto_request_put_pem(struct ss_span der, struct ss_buf *ret,
						    struct ss_err *err);
/* A certificate in PEM text, appended. */
SS_MUST_CHECK SS_NONNULL int crypto_cert_put_pem(struct ss_span der, struct ss_buf *ret,
						 struct ss_err *err);

#define CRYPTO_NO_PATH_LEN (-1)

struct crypto_issue {
	const char *organization;
	const char *common_name;
	const struct crypto_key *key; /* the subject's */
	/* A certificate in DER and its key; no issuer: the certificate signs itself. */
	struct ss_span issuer;
	const struct crypto_key *issuer_key;
	int64_t not_before; /* seconds since 1970, both moments included */
	int64_t not_after;
	bool is_ca;
	int path_len; /* of a CA */
	/* As OpenSSL's configuration spells it: "critical,keyCertSign". */
	const char *usage;
};

/* Appends the certificate in DER. */
SS_MUST_CHECK SS_NONNULL int crypto_issue_cert(const struct crypto_issue *i, struct ss_buf *ret,
					       struct ss_err *err);

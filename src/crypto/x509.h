/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "crypto/sign.h"

/*
 * X.509 certificates, as far as signing an EIF needs them: what one says of itself, and its key.
 * No chain is built here. A certificate is owned by whoever read it; crypto_cert_free() takes NULL.
 */
struct crypto_cert;

/* The first certificate in PEM text; text around it is passed over, as other readers do. */
SS_MUST_CHECK SS_NONNULL int crypto_cert_read_pem(struct ss_span pem, struct crypto_cert **ret,
						  struct ss_err *err);
/*
 * The same, of text that will be published as it stands: one or more certificates, white space,
 * and nothing else — no private key that happens to share the file.
 */
SS_MUST_CHECK SS_NONNULL int crypto_cert_read_pem_only(struct ss_span pem, struct crypto_cert **ret,
						       struct ss_err *err);
/* The same, for the DER of each: appended, in their order. */
SS_MUST_CHECK SS_NONNULL int crypto_certs_put_der(struct ss_span pem, struct ss_buf *ret,
						  size_t *ret_n, struct ss_err *err);
void crypto_cert_free(struct crypto_cert *c);

static inline void crypto_cert_freep(struct crypto_cert **c)
{
	crypto_cert_free(*c);
}
#define AUTO_CERT SS_CLEANUP(crypto_cert_freep)

/* Its DER, appended. */
SS_NONNULL void crypto_cert_der(const struct crypto_cert *c, struct ss_buf *ret);

/* Seconds since 1970, both moments included. */
SS_NONNULL int64_t crypto_cert_not_before(const struct crypto_cert *c);
SS_NONNULL int64_t crypto_cert_not_after(const struct crypto_cert *c);
/* "Jul  9 17:16:38 2024 GMT": how OpenSSL, and so nitro-cli, spells these dates. */
#define CRYPTO_DATE_SIZE 40u
SS_NONNULL void crypto_date_text(int64_t unix_s, char ret[CRYPTO_DATE_SIZE]);

/* Calls `put` with each pair of issuer or subject, long name ("commonName") and UTF-8 value. */
typedef void (*crypto_name_put)(void *ctx, const char *name, struct ss_span value);
SS_NONNULL void crypto_cert_issuer(const struct crypto_cert *c, crypto_name_put put, void *ctx);
SS_NONNULL void crypto_cert_subject(const struct crypto_cert *c, crypto_name_put put, void *ctx);
/* "ecdsa-with-SHA384": how the certificate itself is signed. */
SS_NONNULL void crypto_cert_algorithm(const struct crypto_cert *c, char *ret, size_t room);
/* The bytes of that signature, borrowed. */
SS_NONNULL struct ss_span crypto_cert_signature(const struct crypto_cert *c);

/* The curve of its key; an error for any other kind of key. */
SS_MUST_CHECK SS_NONNULL int crypto_cert_curve(const struct crypto_cert *c, enum crypto_curve *ret,
					       struct ss_err *err);
/* True if `k` is the private half of the certificate's key. */
SS_NONNULL bool crypto_cert_has_key(const struct crypto_cert *c, const struct crypto_key *k);
/*
 * Whether r ‖ s is an ECDSA signature of the digest by the certificate's key: 0, or SS_EVERIFY if
 * it is not.
 */
SS_MUST_CHECK SS_NONNULL int crypto_cert_verify(const struct crypto_cert *c, struct ss_span digest,
						struct ss_span rs, struct ss_err *err);

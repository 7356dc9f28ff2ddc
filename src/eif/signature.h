/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/x509.h"
#include "eif/measure.h"

/*
 * The signature section: CBOR that holds the certificate's PEM text and a COSE_Sign1 over PCR0,
 * both as arrays of integers, as nitro-cli writes them. The reader takes what the writer would
 * write and nothing else, except that the COSE_Sign1 may bear its tag.
 */
struct eif_signature {
	struct ss_buf pem;  /* the certificate file, verbatim */
	struct ss_buf cose; /* the COSE_Sign1; the spans below lie in it */
	bool tagged;
	enum crypto_curve curve; /* of the algorithm it names: ES256, ES384, ES512 */
	struct ss_span protected;
	struct ss_span payload;
	struct ss_span rs;
	uint32_t register_index; /* what the payload says: 0 for PCR0 … */
	uint8_t register_value[CRYPTO_SHA384_SIZE];
};

SS_MUST_CHECK SS_NONNULL int eif_signature_read(struct ss_span section, struct eif_signature *ret,
						struct ss_err *err);
void eif_signature_done(struct eif_signature *s); /* accepts a zeroed one */
#define AUTO_SIGNATURE SS_CLEANUP(eif_signature_done)
/* The section again. */
SS_NONNULL void eif_signature_write(const struct eif_signature *s, struct ss_buf *b);
const char *eif_signature_algorithm(enum crypto_curve c); /* "ES384" */

/* PCR8 of a file that this certificate signed. */
SS_NONNULL void eif_signature_pcr8(const struct crypto_cert *c, uint8_t ret[CRYPTO_SHA384_SIZE]);

/*
 * Whether the signature was made by the key of `c`, the certificate that crypto_cert_read_pem()
 * finds in s->pem, over the payload: 0, or SS_EVERIFY with the reason. Says nothing of dates and of
 * what the payload is.
 */
SS_MUST_CHECK SS_NONNULL int eif_signature_verify(const struct eif_signature *s,
						  const struct crypto_cert *c, struct ss_err *err);
/* Whether the payload is this PCR0: 0, or SS_EVERIFY. */
SS_MUST_CHECK SS_NONNULL int eif_signature_covers(const struct eif_signature *s,
						  const uint8_t pcr0[CRYPTO_SHA384_SIZE],
						  struct ss_err *err);
/* Whether `now`, seconds since 1970, lies within the certificate's dates: 0, or SS_EVERIFY. */
SS_MUST_CHECK SS_NONNULL int eif_signature_in_time(const struct crypto_cert *c, int64_t now,
						   struct ss_err *err);

/* Makes a section: over `pcr0`, with `pem` as it stands, whose first certificate has the key. */
SS_MUST_CHECK SS_NONNULL int eif_signature_make(struct ss_span pem, const struct crypto_key *key,
						const uint8_t pcr0[CRYPTO_SHA384_SIZE],
						struct ss_buf *ret, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/reader.h"
#include "eif/signature.h"
#include "eif/writer.h"

/*
 * Signing a file: one that is being written (the build), or one that exists, which is copied with
 * its signature replaced. The signature is either made with a key or a published one, which is
 * attached only after it was found to hold.
 */
struct eif_seal {
	struct ss_buf pem; /* what goes into the file, verbatim; empty for a published signature */
	struct crypto_cert *cert;
	struct crypto_key *key;
	struct ss_buf section; /* the published signature section */
};

/*
 * A certificate file and its private key. Refused: text that is not certificates only, dates that
 * do not hold `now` (seconds since 1970), a key of another kind or another certificate.
 */
SS_MUST_CHECK SS_NONNULL int eif_seal_load_key(const char *certificate, const char *key,
					       int64_t now, struct eif_seal *ret,
					       struct ss_err *err);
/* A signature section as `extract --signature` writes it. */
SS_MUST_CHECK SS_NONNULL int eif_seal_load_section(const char *path, struct eif_seal *ret,
						   struct ss_err *err);
/* The signature of a signed EIF. */
SS_MUST_CHECK SS_NONNULL int eif_seal_load_eif(const char *path, struct eif_seal *ret,
					       struct ss_err *err);
void eif_seal_done(struct eif_seal *s); /* accepts a zeroed one */
#define AUTO_SEAL SS_CLEANUP(eif_seal_done)

/*
 * The certificate of the signature: dates of a published one are for the caller to look at, since
 * an old signature is what a rebuild years later wants.
 */
static inline const struct crypto_cert *eif_seal_cert(const struct eif_seal *s)
{
	return s->cert;
}

/*
 * Adds the signature as the last section of a file whose other sections are all written; then
 * eif_writer_finish(). A published signature that is not over this PCR0 is SS_EVERIFY.
 */
SS_MUST_CHECK SS_NONNULL int eif_seal_add(const struct eif_seal *s, struct eif_writer *w,
					  struct ss_err *err);

/*
 * Copies `f` to `output`, which may be its own path, in one pass: every section but an old
 * signature, then the new one. The CRC of `f` must be right. Whatever stood at `output` survives
 * every failure.
 */
SS_MUST_CHECK SS_NONNULL int eif_file_seal(const struct eif_file *f, const struct eif_seal *s,
					   const char *output, struct eif_measurements *ret,
					   struct ss_err *err);

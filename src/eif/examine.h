/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/reader.h"
#include "eif/signature.h"

/*
 * What can be said of the signature of a measured file. Each question has its own answer, so that
 * a command can show all of them: an err with code SS_OK is a yes.
 */
struct eif_examined {
	bool is_signed;         /* false: nothing below is set */
	struct ss_err readable; /* section and certificate could be read; if not, that is all */
	struct eif_signature section; /* as it stands in the file */
	struct crypto_cert *cert;     /* its first certificate */
	struct ss_err holds;          /* made by the certificate's key */
	bool comparable;              /* PCR0 is known */
	struct ss_err covers;         /* the payload is the measured PCR0 */
	struct ss_err in_time;        /* the certificate's dates hold `now` */
};

/*
 * Sets m->pcr8 where the file is signed and the certificate can be read. -1 only if the file
 * itself cannot be read.
 */
SS_MUST_CHECK SS_NONNULL int eif_examine(const struct eif_file *f, struct eif_measurements *m,
					 int64_t now, struct eif_examined *ret, struct ss_err *err);
void eif_examined_done(struct eif_examined *x); /* accepts a zeroed one */
#define AUTO_EXAMINED SS_CLEANUP(eif_examined_done)

/* The first answer that is not yes, or NULL; an unsigned file has none. */
SS_NONNULL const struct ss_err *eif_examined_no(const struct eif_examined *x);
/* The signature itself, without the certificate's dates: nitro-cli's SignatureCheck. */
SS_NONNULL bool eif_examined_check(const struct eif_examined *x);

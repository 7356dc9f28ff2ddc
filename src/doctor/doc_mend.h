/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "doctor/doc_patch.h"
#include "doctor/doctor.h"
#include "doctor/lint.h"

/*
 * Mends that need no thought, as edits: a flag, a line, a file that is removed again. A finding is
 * only counted as mended if the linter finds one less of its kind with the edit; what needs a
 * choice (which version, which digest, which number) is left to people.
 */
#define DOC_MENDS_MAX 200u /* of one file at a time */

struct doc_mend {
	struct doc_patch patch;
	size_t mended; /* findings, or causes */
	size_t by_hand;
};

static inline void doc_mend_done(struct doc_mend *m)
{
	doc_patch_done(&m->patch);
}
#define AUTO_DOC_MEND SS_CLEANUP(doc_mend_done)

/* Edits of the Dockerfile `in` for what the linter found in it under `o`. *ret is the caller's. */
SS_MUST_CHECK SS_NONNULL int doc_mend_lint(struct ss_span in, const struct lint_options *o,
					   const struct lint_report *found, struct doc_mend *ret,
					   struct ss_err *err);

/* The same for causes that builds have shown: of the Dockerfile, and of the enclave.toml, whose
 * bytes are `toml`; NULL = there is none, and nothing is to be written there. */
SS_MUST_CHECK int doc_mend_causes(struct ss_span in, const struct ss_span *toml,
				  const struct doc_report *found, struct doc_mend *ret,
				  struct doc_mend *ret_toml, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_chain.h"
#include "attest/att_expect.h"
#include "base/buf.h"

#include <jansson.h>

/*
 * The question, and the only way to a yes.
 *
 * A verdict is made by att_verify() alone. It lists each check with the two values compared and the
 * source of the expectation, and what was not checked; it is yes only if every check that a yes
 * needs was made and held, so a check that is forgotten makes a no. What hands out secrets takes a
 * `const struct att_verified *`, which exists only inside a verdict that is yes.
 */
enum att_when { ATT_AT_TIME, ATT_AT_DOCUMENT };

struct att_options {
	struct att_root root;
	enum att_when when;
	int64_t at;              /* ATT_AT_TIME: seconds since 1970 */
	uint64_t leeway_s;       /* how far the document's clock may be ahead of `at` */
	bool allow_debug;        /* said in the first line of the verdict */
	bool allow_emulated;     /* the same */
	struct att_cache *cache; /* may be NULL */
};

struct att_verdict;

/* -1 only if the question is none (att_expect_check()); a no is a verdict. */
SS_MUST_CHECK SS_NONNULL int att_verify(struct ss_span document, const struct att_expect *e,
					const struct att_options *o, struct att_verdict **ret,
					struct ss_err *err);
void att_verdict_free(struct att_verdict *v); /* accepts NULL */

static inline void att_verdict_freep(struct att_verdict **v)
{
	att_verdict_free(*v);
}
#define AUTO_VERDICT SS_CLEANUP(att_verdict_freep)

/* The document, proven. NULL unless the verdict is yes; lives as long as verdict and document. */
struct att_verified;
SS_NONNULL const struct att_verified *att_verdict_yes(const struct att_verdict *v);
SS_NONNULL const struct att_doc *att_verified_doc(const struct att_verified *v);

/* The first no, or ATT_NO_NONE if the verdict is yes; the message is the verdict's. */
SS_NONNULL enum att_reason att_verdict_reason(const struct att_verdict *v);
SS_NONNULL const char *att_verdict_message(const struct att_verdict *v);

/* As text, escaped, whose first line says yes or no, why, and what was allowed; as JSON. */
SS_NONNULL void att_verdict_text(const struct att_verdict *v, struct ss_buf *b);
SS_NONNULL json_t *att_verdict_json(const struct att_verdict *v); /* the caller's */

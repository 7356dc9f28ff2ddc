/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "explain/explain.h"
#include "hermetic/view.h"

/*
 * What `doctor` varies between two builds of one project: a table. Most rows are a property of what
 * the steps see (hermetic/view.h); the rest is where the build works. What cannot be had on a
 * machine ends the build with the reason, and is never counted as varied.
 */
enum doc_variation {
	DOC_TIME,
	DOC_TIME_ZONE,
	DOC_LOCALE,
	DOC_UMASK,
	DOC_USER,
	DOC_HOST,
	DOC_DOMAIN,
	DOC_CPUS,
	DOC_MEMORY,
	DOC_KERNEL,
	DOC_PIDS,
	DOC_ENVIRONMENT,
	DOC_PATH,
	DOC_BUILD_PATH,
	DOC_FILE_SYSTEM,
	DOC_EXT4,
	DOC_ORDER,
	DOC_NETWORK,
	DOC_VARIATIONS
};

#define DOC_ALL ((1u << DOC_VARIATIONS) - 1)

struct doc_row {
	const char *name; /* of --only and --skip */
	const char *what; /* "three years later" */
};
SS_NONNULL const struct doc_row *doc_row(enum doc_variation v);
/* -1 = there is none of that name. */
SS_NONNULL int doc_find(const char *name);

/* Those that one build can have all at once; of one that is left out, *ret_why is why. Static. */
SS_NONNULL uint32_t doc_beside(uint32_t vary, const char **ret_why);

/* What the steps see under these variations (a set of bits), and where the build works: a folder
 * that is there now, or NULL for the usual one. The caller frees both. What has to be made for it
 * is made in `dir`, a private folder, until doc_conditions_end(), which comes after the build. */
SS_MUST_CHECK SS_NONNULL int doc_conditions(uint32_t vary, const char *dir, struct hm_view *ret,
					    char **ret_work, struct ss_err *err);
SS_NONNULL void doc_conditions_end(const char *dir);

/* Words that only what is varied is shown, and what they are the cause of. Static. */
SS_NONNULL const struct ex_known *doc_known(size_t *ret_n);

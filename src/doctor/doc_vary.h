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

/* What the steps see under these variations (a set of bits), and where the build works: a folder
 * that is there now, or NULL for the usual one. The caller frees both. */
SS_MUST_CHECK SS_NONNULL int doc_conditions(uint32_t vary, struct hm_view *ret, char **ret_work,
					    struct ss_err *err);

/* Words that only what is varied is shown, and what they are the cause of. Static. */
SS_NONNULL const struct ex_known *doc_known(size_t *ret_n);

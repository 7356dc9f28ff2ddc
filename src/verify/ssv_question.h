/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "verify/ssv_inner.h"
#include "verify/ssv_measurements.h"

/*
 * The inside of a question, for the files of this folder: ssv_question.c is told what is expected,
 * ssv_verdict.c asks. Everything in it is its own. Values and registers of the same index belong
 * together.
 */
#define SSV_REGISTERS_MAX 64u

struct ssv_value {
	uint8_t *p; /* NULL = not expected */
	size_t n;
};

/* What somebody measured. Never moved: the release points to the parts. */
struct ssv_image {
	struct att_release release; /* its name is that of a known image only */
	struct att_part parts[ATT_PARTS_MAX];
	char *source;
};

struct ssv_question {
	struct ss_err err; /* of the first setter that failed */
	char *error;       /* its message, escaped; NULL = none failed */

	struct ssv_policy *policies[SSV_POLICIES_MAX];
	size_t n_policies;
	struct ssv_image *images[SSV_IMAGES_MAX];
	size_t n_images;
	struct ssv_image *known[SSV_KNOWN_MAX];
	size_t n_known;
	uint8_t values[SSV_REGISTERS_MAX][ATT_PCR_SIZE];
	struct att_register registers[SSV_REGISTERS_MAX];
	char *sources[SSV_REGISTERS_MAX];
	size_t n_registers;

	struct ssv_value is[SSV_WHATS];

	bool is_endpoint;                /* no answer without a peer */
	const struct att_endpoint *peer; /* the caller's */

	bool has_time;
	bool has_max_age;
	uint64_t max_age_s;
	struct att_options o; /* its cache too */
};

/* The caller's: a message as it may be shown. */
SS_MUST_CHECK SS_NONNULL char *ssv_shown(const char *message);

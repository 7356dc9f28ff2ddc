/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_verify.h"
#include "cli/cli.h"
#include "config/policy.h"
#include "verify/ssv_measurements.h"
#include "verify/ssv_policy.h"

/*
 * The options of `verify` that say what is expected, and the files they name, as an att_expect. An
 * endpoint's key and nonce join it when they are known (verify_endpoint.h).
 */
struct cli_expect_opts {
	const char *eif;
	const char *measurements;
	const char *policy;
	struct cli_list known;
	struct cli_list pcr;
	const char *role;
	const char *instance;
	const char *signer;
	const char *nonce;
	const char *user_data;
	const char *public_key;
	struct cli_num max_age;
	bool is_endpoint; /* there will be a nonce, which is not given here */
};

#define CLI_EXPECT_KNOWN 16u
#define CLI_EXPECT_SETS 3u       /* --eif, --measurements, --policy */
#define CLI_EXPECT_REGISTERS 96u /* 32 by --pcr, 3 in words; 32, 2, 16 of a policy */
#define CLI_EXPECT_VALUE ((size_t)4096)

/* Owns what `e` borrows. */
struct cli_expect {
	struct att_expect e;
	struct att_releases sets[CLI_EXPECT_SETS];
	struct att_release eif;
	struct att_release measured;
	struct att_release known[CLI_EXPECT_KNOWN];
	struct att_part parts[CLI_EXPECT_KNOWN + 2][ATT_PARTS_MAX];
	size_t n_parts; /* rows of `parts` in use */
	struct att_register registers[CLI_EXPECT_REGISTERS];
	uint8_t values[CLI_EXPECT_REGISTERS][ATT_PCR_SIZE];
	size_t n_values;
	struct ss_buf nonce;
	struct ss_buf user_data;
	struct ss_buf public_key;
	struct cfg_policy policy;
	struct ssv_policy *json; /* the same, where it is JSON */
	char **texts;            /* sources */
	size_t n_texts;
};

/* ret is zeroed by the caller; cli_expect_done() after 0 and -1 alike. */
SS_MUST_CHECK SS_NONNULL int cli_expect_make(const struct cli_expect_opts *o, int64_t now,
					     struct cli_expect *ret, struct ss_err *err);
SS_NONNULL void cli_expect_done(struct cli_expect *x);

/* Whether a policy of this name is JSON: it ends in .json. */
SS_NONNULL bool cli_is_json(const char *path);
/* What somebody measured; `parts` has room for ATT_PARTS_MAX, and *ret borrows it. */
SS_MUST_CHECK SS_NONNULL int cli_measurements_load(const char *path, struct att_part *parts,
						   struct att_release *ret, struct ss_err *err);

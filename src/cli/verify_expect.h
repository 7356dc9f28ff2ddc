/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "config/policy.h"
#include "verify/ssv_inner.h"
#include "verify/ssv_measurements.h"

/*
 * The options of `verify` that say what is expected, and the files they name, as a question of
 * libselfsame-verify, through which all commands come to a verdict. An endpoint's key and nonce
 * join it when they are known (verify_peer.h).
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
	const char *root;
	struct cli_num leeway;
	bool allow_debug;
	bool allow_emulated;
};

#define CLI_EXPECT_VALUE ((size_t)4096)

/* `q` borrows what a policy in TOML says. */
struct cli_question {
	struct ssv_question *q;
	struct cfg_policy policy;
};

/*
 * Nothing is missing in the question then but, of an endpoint, what the endpoint itself says.
 * `now` is its time until another is chosen. ret is zeroed by the caller; cli_question_done() after
 * 0 and -1 alike.
 */
SS_MUST_CHECK SS_NONNULL int cli_question_make(const struct cli_expect_opts *o, bool is_endpoint,
					       int64_t now, struct cli_question *ret,
					       struct ss_err *err);
SS_NONNULL void cli_question_done(struct cli_question *x);

/* Whether a policy of this name is JSON: it ends in .json. */
SS_NONNULL bool cli_is_json(const char *path);
/* What somebody measured; `parts` has room for ATT_PARTS_MAX, and *ret borrows it. */
SS_MUST_CHECK SS_NONNULL int cli_measurements_load(const char *path, struct att_part *parts,
						   struct att_release *ret, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

/*
 * What the operator of a host lets `run` do there: a TOML file with one key,
 *
 *     policy = "production"     # or "development", as without the file
 *
 * "production" refuses debug mode, in which an enclave's console is open and its registers are
 * zero. A policy only ever refuses, so a second file cannot loosen the first.
 */
#define RUN_POLICY_FILE "/etc/selfsame/run.toml"

struct run_policy {
	bool production;
};

/* Adds a file to *p; one that is not there is an error only with `must_exist`. */
SS_MUST_CHECK SS_NONNULL int run_policy_add(struct run_policy *p, const char *path, bool must_exist,
					    struct ss_err *err);
/* Debug mode on a production policy is refused. */
SS_MUST_CHECK SS_NONNULL int run_policy_check_debug(const struct run_policy *p, bool debug,
						    struct ss_err *err);

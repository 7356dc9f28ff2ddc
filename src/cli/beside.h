/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/enclave_toml.h"

/* The enclave.toml beside a lock; all zero where there is none. cfg_enclave_done() frees it. */
SS_MUST_CHECK SS_NONNULL int cli_config_beside(const char *lock, struct cfg_enclave *ret,
					       struct ss_err *err);

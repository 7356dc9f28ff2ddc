/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * For the rest of its life, dataplane can do what carrying bytes takes: wait, read, write, connect,
 * accept, close. Any other system call, or one of another ABI, ends it (and with it the enclave).
 * It can open no file, start nothing, map no memory, and make no socket but of IPv4 and `family`,
 * the one towards the host.
 */
SS_MUST_CHECK SS_NONNULL int dp_seccomp(int family, struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * What the program with the key may ask of the kernel: bytes of descriptors that it was given,
 * memory that cannot be executed, random numbers, time, one request of one device. Nothing that
 * makes or names a peer, a file or a process. Whatever else it does ends it, and the enclave.
 */
#define KP_NSM_FD 5

SS_MUST_CHECK SS_NONNULL int kp_seccomp(struct ss_err *err);

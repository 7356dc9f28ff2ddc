/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What init does with the NSM at boot. Where there is none, init goes on only on the kernel of the
 * local profile, whose release, compiled into it and so measured, ends in "-local":
 * docs/decisions/0011.
 */
struct rt_nsm {
	int fd; /* -1: none */
	char pcr0[97];
	char module_id[129];
};

/* Opens the device and learns PCR0. *ret->fd is -1 where there is no device. */
SS_MUST_CHECK SS_NONNULL int rt_nsm_init(struct rt_nsm *ret, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rt_is_local_kernel(bool *ret, struct ss_err *err);
/* Gives the kernel's generator 256 bytes of the NSM, credited in full. */
SS_MUST_CHECK SS_NONNULL int rt_nsm_entropy(const struct rt_nsm *n, struct ss_err *err);
/* Extends PCR16 with "selfsame/1 nsm=0" or "selfsame/1 nsm=1" and locks it: says for ever whether
 * the application could ask the NSM itself. */
SS_MUST_CHECK SS_NONNULL int rt_nsm_policy(const struct rt_nsm *n, bool app_has_nsm,
					   struct ss_err *err);

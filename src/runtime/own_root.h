/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * The root that init lives in: a small tmpfs moved over the kernel's initial one, from which no
 * process could be moved away (pivot_root), with /proc, /sys, /dev, and the empty /app, /mnt,
 * RT_ATTEST and RT_SECRETS.
 */
#define RT_ATTEST "/attest"

SS_MUST_CHECK SS_NONNULL int rt_own_root(struct ss_err *err);
/* Before that: another program of ramdisk 0, open to be executed. */
SS_MUST_CHECK SS_NONNULL int rt_open_program(const char *path, int *ret, struct ss_err *err);
/*
 * The application's socket for documents, listening, in a file system of its own at RT_ATTEST,
 * which nobody can write to any more; beside it the folder where secrets are seen.
 */
SS_MUST_CHECK SS_NONNULL int rt_attest_socket(int *ret, struct ss_err *err);
/* Settings of the kernel that init relies upon, whatever the command line said. */
SS_MUST_CHECK SS_NONNULL int rt_kernel_settings(struct ss_err *err);
/* Writes to a file below /proc/sys; one that is not there has no need. */
SS_MUST_CHECK SS_NONNULL int rt_put_setting(const char *path, const char *value,
					    struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rt_loopback_up(struct ss_err *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * What a process gives up before it becomes somebody else. Sets of capabilities are bits, as the
 * kernel numbers them. The system calls, not the library's: there is one thread, and nothing to
 * synchronise.
 */
#define RT_CAP_KILL (UINT64_C(1) << 5)
#define RT_CAP_SETGID (UINT64_C(1) << 6)
#define RT_CAP_SETUID (UINT64_C(1) << 7)
#define RT_CAP_SETPCAP (UINT64_C(1) << 8)
#define RT_CAP_BIND (UINT64_C(1) << 10) /* NET_BIND_SERVICE: ports below 1024 */

/* Takes all but `keep` out of the set that no exec can go beyond. */
SS_MUST_CHECK SS_NONNULL int rt_caps_bound(uint64_t keep, struct ss_err *err);
/* Effective and permitted become exactly this, inheritable nothing. */
SS_MUST_CHECK SS_NONNULL int rt_caps_set(uint64_t caps, struct ss_err *err);
SS_MUST_CHECK int rt_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups,
			    struct ss_err *err);
/* The same, and the program of the next exec begins with exactly `caps`; no later one gains any. */
SS_MUST_CHECK SS_NONNULL int rt_become_with(uint64_t caps, uid_t uid, gid_t gid,
					    struct ss_err *err);
/* For the kernel when memory runs out: "-1000" never ends, "-999" last, "0" as anybody. */
SS_MUST_CHECK SS_NONNULL int rt_oom_score(const char *value, struct ss_err *err);
/* How willingly it lets others run first: the runtime less than the application, so that a machine
 * full of busy programs is still heard and stopped. For this process and who comes from it. */
#define RT_NICE_RUNTIME (-5)
#define RT_NICE_APPLICATION 0
SS_MUST_CHECK SS_NONNULL int rt_nice(int nice, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rt_no_new_privileges(struct ss_err *err);
/* No core is ever written; `soft` and `hard` are descriptors. */
SS_MUST_CHECK SS_NONNULL int rt_limits(uint64_t soft, uint64_t hard, struct ss_err *err);
/* No signal was ever given a handler or ignored by init, so this is a fresh start. */
SS_MUST_CHECK SS_NONNULL int rt_unblock_signals(struct ss_err *err);

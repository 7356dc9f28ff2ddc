/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What time it is. A hypervisor's clock that the kernel reads by itself (kvm-clock, PTP of KVM) is
 * taken where there is one, and then the host is not asked. Elsewhere the host's time is taken
 * once, before the application starts. Whatever it says later, it can move the clock by no more
 * than the measured bound in all, counted from the start, and only slowly (slewed, 1 s in 2000 s);
 * a time before or after that is refused, and said with its size.
 *
 * rt_clock_judge() decides, with all times given to it; the functions below it act. Times are
 * nanoseconds: `real` since 1970, `raw` of a clock that nobody moves.
 */
#define RT_CLOCK_PTP_BOUND_MS 10000u
#define RT_CLOCK_SAY_NS                                                                            \
	(UINT64_C(60) * 1000 * 1000 * 1000) /* a line of refusals at most so often */

enum rt_clock_source {
	RT_CLOCK_HOST,
	RT_CLOCK_KVM, /* the kernel has it from the hypervisor */
	RT_CLOCK_PTP, /* and compares again with a device */
};

struct rt_clock {
	enum rt_clock_source source;
	int ptp; /* the device, or -1 */
	uint32_t bound_ms;
	bool taken;      /* the host's first time */
	bool started;    /* the application: from now on nothing is set */
	int64_t base_ns; /* real - raw, as it was at the start */
	uint64_t said_ns;
	uint32_t unsaid; /* refusals since then */
};

struct rt_clock_now {
	uint64_t real, raw;
};

enum rt_clock_verdict {
	RT_CLOCK_IGNORE, /* the host is not asked */
	RT_CLOCK_SET,
	RT_CLOCK_SLEW,
	RT_CLOCK_REFUSE,
	RT_CLOCK_REFUSE_QUIETLY, /* it was said not long ago */
};

/* *ret_ns: for SLEW the offset from now; for a refusal how far it jumps (SET: nothing). */
SS_NONNULL enum rt_clock_verdict rt_clock_judge(struct rt_clock *c, uint64_t host_ns,
						struct rt_clock_now now, int64_t *ret_ns);
/* The application starts: what the clock says now is what the bound is counted from. */
SS_NONNULL void rt_clock_start(struct rt_clock *c, struct rt_clock_now now);

/* Finds the source; where it is PTP, sets the clock by it. */
SS_MUST_CHECK SS_NONNULL int rt_clock_init(uint32_t bound_ms, struct rt_clock *ret,
					   struct ss_err *err);
struct rt_clock_now rt_clock_now(void);
SS_MUST_CHECK SS_NONNULL int rt_clock_set(uint64_t real_ns, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rt_clock_slew(int64_t offset_ns, struct ss_err *err);
/* Reads the device and slews; *ret_ns is the offset, *ret_refused if it is over the bound. */
SS_MUST_CHECK SS_NONNULL int rt_clock_follow_ptp(const struct rt_clock *c, int64_t *ret_ns,
						 bool *ret_refused, struct ss_err *err);

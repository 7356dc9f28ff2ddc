/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/guest_clock.h"

#ifdef __x86_64__
#include <time.h>

/* The time that the clock is watched for. */
#define GUEST_CLOCK_NS 20000000u

/* The processor's clock and the system's at one moment: that of the quickest of some readings,
 * since one may be interrupted. */
static void read_both(uint64_t *ret_ticks, uint64_t *ret_ns)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 100; i++) {
		struct timespec t = { 0 };
		const uint64_t before = __builtin_ia32_rdtsc();
		uint64_t took;

		(void)clock_gettime(CLOCK_MONOTONIC_RAW, &t);
		took = __builtin_ia32_rdtsc() - before;
		if (took >= best)
			continue;
		best = took;
		*ret_ticks = before + took / 2;
		*ret_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	}
}
#endif

uint32_t guest_clock_khz(void)
{
#ifdef __x86_64__
	const struct timespec pause = { .tv_nsec = GUEST_CLOCK_NS };
	uint64_t t0 = 0, t1 = 0, from = 0, to = 0;

	read_both(&t0, &from);
	(void)nanosleep(&pause, NULL);
	read_both(&t1, &to);
	return to > from ? (uint32_t)((t1 - t0) * 1000000u / (to - from)) : 0;
#else
	return 0;
#endif
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/wall_clock.h"

#define SECOND UINT64_C(1000000000)
#define MS_NS 1000000
/* What cannot be meant: before this was written, and what Linux does not take any more. */
#define EARLIEST (UINT64_C(1577836800) * SECOND) /* 2020 */
#define LATEST (UINT64_C(7258118400) * SECOND)   /* 2200 */

static enum rt_clock_verdict refuse(struct rt_clock *c, uint64_t raw)
{
	if (c->said_ns != 0 && raw - c->said_ns < RT_CLOCK_SAY_NS) {
		if (c->unsaid < UINT32_MAX)
			c->unsaid++;
		return RT_CLOCK_REFUSE_QUIETLY;
	}
	c->said_ns = raw > 0 ? raw : 1;
	return RT_CLOCK_REFUSE;
}

enum rt_clock_verdict rt_clock_judge(struct rt_clock *c, uint64_t host_ns, struct rt_clock_now now,
				     int64_t *ret_ns)
{
	const int64_t bound = (int64_t)c->bound_ms * MS_NS;
	int64_t away;

	*ret_ns = 0;
	if (c->source != RT_CLOCK_HOST)
		return RT_CLOCK_IGNORE;
	/* All three are below 2^63, so no difference wraps. */
	if (host_ns < EARLIEST || host_ns > LATEST || now.real > LATEST || now.raw > LATEST)
		return refuse(c, now.raw);
	if (!c->started && !c->taken) {
		c->taken = true;
		c->base_ns = (int64_t)(host_ns - now.raw);
		return RT_CLOCK_SET;
	}
	away = (int64_t)host_ns - (int64_t)now.raw - c->base_ns;
	if (away > bound || away < -bound) {
		*ret_ns = away;
		return refuse(c, now.raw);
	}
	*ret_ns = (int64_t)host_ns - (int64_t)now.real;
	return RT_CLOCK_SLEW;
}

void rt_clock_start(struct rt_clock *c, struct rt_clock_now now)
{
	c->started = true;
	if (!c->taken)
		c->base_ns = (int64_t)now.real - (int64_t)now.raw;
}

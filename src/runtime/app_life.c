/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/app_life.h"

#include <sys/wait.h>

void rt_life_init(struct rt_life *l, enum mc_restart restart, uint32_t grace_ms)
{
	*l = (struct rt_life){ .restart = restart,
			       .grace_ms = grace_ms,
			       .state = RT_LIFE_NEW,
			       .pause_ms = RT_LIFE_PAUSE_MS,
			       .due = RT_LIFE_NEVER };
}

static enum rt_life_do start(struct rt_life *l, uint64_t now)
{
	l->state = RT_LIFE_RUNS;
	l->since = now;
	l->due = RT_LIFE_NEVER;
	if (l->starts < UINT32_MAX)
		l->starts++;
	return RT_LIFE_START;
}

static enum rt_life_do end(struct rt_life *l)
{
	l->state = RT_LIFE_OVER;
	l->due = RT_LIFE_NEVER;
	return RT_LIFE_END;
}

enum rt_life_do rt_life_begin(struct rt_life *l, uint64_t now)
{
	return l->state == RT_LIFE_NEW ? start(l, now) : RT_LIFE_WAIT;
}

static bool is_wanted_again(const struct rt_life *l)
{
	switch (l->restart) {
	case MC_RESTART_NEVER:
		return false;
	case MC_RESTART_ON_FAILURE:
		return !WIFEXITED(l->status) || WEXITSTATUS(l->status) != 0;
	case MC_RESTART_ALWAYS:
		return true;
	}
	return false;
}

static uint32_t next_pause(const struct rt_life *l, uint64_t now)
{
	if (l->starts <= 1 || now - l->since >= RT_LIFE_SETTLED_MS)
		return RT_LIFE_PAUSE_MS;
	return l->pause_ms < RT_LIFE_PAUSE_MAX_MS / 2 ? 2 * l->pause_ms : RT_LIFE_PAUSE_MAX_MS;
}

enum rt_life_do rt_life_ended(struct rt_life *l, int status, uint64_t now)
{
	l->ran = true;
	l->status = status;
	if (l->state != RT_LIFE_RUNS || !is_wanted_again(l))
		return end(l);
	l->pause_ms = next_pause(l, now);
	l->state = RT_LIFE_PAUSES;
	l->due = now + l->pause_ms;
	return RT_LIFE_PAUSE;
}

enum rt_life_do rt_life_stop(struct rt_life *l, uint64_t grace_ms, uint64_t now)
{
	const uint64_t grace = grace_ms != 0 ? grace_ms : l->grace_ms;
	const uint64_t due = grace < RT_LIFE_NEVER - now ? now + grace : RT_LIFE_NEVER;

	switch (l->state) {
	case RT_LIFE_RUNS:
		l->state = RT_LIFE_STOPS;
		l->due = due;
		return RT_LIFE_SIGNAL;
	case RT_LIFE_STOPS:
		if (due < l->due)
			l->due = due;
		return RT_LIFE_WAIT;
	case RT_LIFE_NEW:
	case RT_LIFE_PAUSES:
		return end(l);
	case RT_LIFE_OVER:
		return RT_LIFE_WAIT;
	}
	return RT_LIFE_WAIT;
}

enum rt_life_do rt_life_tick(struct rt_life *l, uint64_t now)
{
	if (now < l->due)
		return RT_LIFE_WAIT;
	if (l->state == RT_LIFE_PAUSES)
		return start(l, now);
	l->due = RT_LIFE_NEVER; /* a grace is over once */
	return l->state == RT_LIFE_STOPS ? RT_LIFE_KILL : RT_LIFE_WAIT;
}

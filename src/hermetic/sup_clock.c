/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

/*
 * A frozen clock moves when the step sleeps: to the time at which the sleeper was to wake, so that
 * two that sleep side by side move it once. Sleeps under a second move nothing, for programs
 * take many of them while they wait for others, never the same number twice. But who sleeps and
 * asks for the time, again and again, waits for the clock, and a clock that stands for ever would
 * keep it waiting: after TURNS of those rounds its short sleeps count. One that only asks gets a
 * second each READS times.
 */
#define TURNS 8u
#define READS 65536u
#define CHILD_READS 8u /* what a program that read the clock counts for who started it */
#define SHORT SUP_SECOND

void sup_clock_init(const struct hm_view *v, struct sup_clock *ret)
{
	*ret = (struct sup_clock){ .frozen = v->clock_frozen.set,
				   .now = v->clock_frozen.v * SUP_SECOND,
				   .offset = v->clock_offset.v * SUP_SECOND };
}

static int64_t true_now(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SUP_SECOND + ts.tv_nsec;
}

int64_t sup_clock_now(const struct sup_clock *c)
{
	return c->frozen ? c->now : true_now() + c->offset;
}

int64_t sup_clock_true(const struct sup_clock *c, int64_t at)
{
	int64_t ret = c->frozen ? true_now() : 0;

	if (__builtin_add_overflow(ret, at - (c->frozen ? c->now : c->offset), &ret) || ret < 0)
		return 0;
	return ret;
}

void sup_clock_reach(struct sup_clock *c, int64_t at)
{
	if (c->frozen && at > c->now)
		c->now = at;
}

/* Enough rounds, or enough questions: it waits for the clock. */
static void move_for(struct sup_clock *c, struct sup_task *t)
{
	if (t->turns >= TURNS && t->short_sleep > 0) {
		c->now += t->short_sleep;
		t->short_sleep = 0;
		t->reads = 0;
	}
	if (t->reads >= READS) {
		c->now += SUP_SECOND;
		t->reads = 0;
	}
}

static void take_turn(struct sup_task *t)
{
	if (t->slept && t->turns < TURNS)
		t->turns++;
	t->slept = false;
}

int64_t sup_clock_read(struct sup_clock *c, struct sup_task *t)
{
	if (!c->frozen)
		return sup_clock_now(c);
	t->reads++;
	take_turn(t);
	move_for(c, t);
	return c->now;
}

void sup_clock_slept(struct sup_clock *c, struct sup_task *t, int64_t from, int64_t ns)
{
	int64_t until;

	if (!c->frozen || ns <= 0)
		return;
	if (ns < SHORT) {
		t->short_sleep += ns;
		t->slept = true;
	} else if (!__builtin_add_overflow(from, ns, &until)) {
		sup_clock_reach(c, until);
	}
}

void sup_clock_inherit(struct sup_clock *c, struct sup_task *maker, const struct sup_task *ended)
{
	if (!c->frozen)
		return;
	if (ended->reads > 0) {
		maker->reads += CHILD_READS;
		take_turn(maker);
	}
	if (ended->short_sleep > 0) {
		maker->short_sleep += ended->short_sleep;
		maker->slept = true;
	}
	move_for(c, maker);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

/*
 * Calls that wait. A deadline on the step's clock becomes one on the true clock while the call
 * runs: beside the step's stack, or in its place where nothing else is mapped. A wait that is over
 * moves a frozen clock.
 */
#define RED_ZONE 128u
#define ROUND INT64_C(10000000) /* a length that somebody worked out from a running clock */
#define RESTART_BLOCK 516       /* the kernel's ERESTART_RESTARTBLOCK, seen by tracers only */

static bool read_time(pid_t tid, uint64_t at, int64_t unit, int64_t *ret)
{
	int64_t v[2];

	if (at == 0 || !sup_read(tid, at, v, sizeof(v)) || v[0] < 0 || v[1] < 0 || v[1] >= unit)
		return false;
	return !__builtin_mul_overflow(v[0], SUP_SECOND, ret) &&
	       !__builtin_add_overflow(*ret, v[1] * (SUP_SECOND / unit), ret);
}

/* --- deadlines -------------------------------------------------------------------------------- */

/* Argument `arg` shall point to these `n` bytes until the call is over. */
static void swap_arg(struct sup_task *t, unsigned arg, const uint64_t *bytes, size_t n)
{
	struct sup_swap *w = &t->swap;
	bool narrow;
	uint64_t sp;

	*w = (struct sup_swap){ .arg = arg, .value = t->args[arg], .n = n };
	if (sup_regs_sp(t->tid, &sp, &narrow) && !narrow) {
		const uint64_t at = (sp - RED_ZONE - 64) & ~(uint64_t)15;

		if (sup_write(t->tid, at, bytes, n)) {
			sup_regs_set_arg(t->tid, arg, at);
			w->is = true;
			return;
		}
	}
	w->in_place =
		sup_read(t->tid, w->value, w->was, n) && sup_write(t->tid, w->value, bytes, n);
	w->is = w->in_place;
}

static void swap_back(struct sup_task *t)
{
	if (t->swap.is && t->swap.in_place)
		(void)sup_write(t->tid, t->swap.value, t->swap.was, t->swap.n);
	else if (t->swap.is)
		sup_regs_set_arg(t->tid, t->swap.arg, t->swap.value);
	t->swap.is = false;
}

/* A deadline in argument `arg`; the wait ends with it. */
static bool until(struct sup *s, struct sup_task *t, unsigned arg, bool on_timeout)
{
	int64_t deadline, real;
	uint64_t ts[2];

	if (!read_time(t->tid, t->args[arg], SUP_SECOND, &deadline))
		return false;
	real = sup_clock_true(&s->clock, deadline);
	ts[0] = (uint64_t)(real / SUP_SECOND);
	ts[1] = (uint64_t)(real % SUP_SECOND);
	swap_arg(t, arg, ts, sizeof(ts));
	t->wait = (struct sup_wait){
		.is = true, .has_until = true, .until = deadline, .on_timeout = on_timeout
	};
	return true;
}

static bool futex_has_deadline(uint64_t op)
{
	switch ((int)op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_LOCK_PI:
#ifdef FUTEX_LOCK_PI2
	case FUTEX_LOCK_PI2:
#endif
		return true;
	default:
		return false;
	}
}

/* --- timers ----------------------------------------------------------------------------------- */

static bool load_text(const char *path, char *ret, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, ret, size - 1);
	(void)close(fd);
	ret[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The clock whose number stands behind `name`: is it the wall's? */
static bool is_wall(const char *text, const char *name)
{
	const char *at = text != NULL ? strstr(text, name) : NULL;
	unsigned long clock;

	if (at == NULL)
		return false;
	clock = strtoul(at + strlen(name), NULL, 10);
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static bool timer_is_wall(pid_t tid, uint64_t id)
{
	char path[64], text[4096], mark[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/timers", tid);
	(void)snprintf(mark, sizeof(mark), "ID: %u\n", (unsigned)id);
	return load_text(path, text, sizeof(text)) && is_wall(strstr(text, mark), "ClockID: ");
}

static bool timerfd_is_wall(pid_t tid, uint64_t fd)
{
	char path[64], text[1024];

	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%u", tid, (unsigned)fd);
	return load_text(path, text, sizeof(text)) && is_wall(text, "clockid: ");
}

static bool timer(struct sup *s, struct sup_task *t)
{
	uint64_t spec[4]; /* interval, value */
	int64_t at, real;

	if (!(t->call == SUP_TIMERFD ? timerfd_is_wall(t->tid, t->args[0])
				     : timer_is_wall(t->tid, t->args[0])))
		return false;
	if (!sup_read(t->tid, t->args[2], spec, sizeof(spec)) ||
	    !read_time(t->tid, t->args[2] + 16, SUP_SECOND, &at) || at == 0)
		return false;
	real = sup_clock_true(&s->clock, at);
	spec[2] = (uint64_t)(real / SUP_SECOND);
	spec[3] = real == 0 ? 1 : (uint64_t)(real % SUP_SECOND); /* 0 would put it out */
	swap_arg(t, 2, spec, sizeof(spec));
	return t->swap.is;
}

/* --- sleeps ----------------------------------------------------------------------------------- */

static bool sleeps(struct sup *s, struct sup_task *t, int64_t ns)
{
	if (!s->clock.frozen || ns <= 0)
		return false;
	t->wait = (struct sup_wait){ .is = true, .from = s->clock.now, .length = ns };
	if (s->view->monotonic.set && sup_mono_ahead(s, t) > 0)
		t->wait.mono = sup_mono_read(s, t);
	return true;
}

static bool sleeps_for(struct sup *s, struct sup_task *t, unsigned arg, int64_t unit)
{
	int64_t ns;

	return read_time(t->tid, t->args[arg], unit, &ns) && sleeps(s, t, ns);
}

/* A deadline on a clock that is so far ahead; what is left of the time till then. */
static int64_t wake_earlier(struct sup_task *t, int64_t ns, int64_t ahead)
{
	int64_t deadline;
	uint64_t ts[2];

	if (ahead == 0 || !read_time(t->tid, t->args[2], SUP_SECOND, &deadline) || deadline < ahead)
		return ns;
	deadline -= ahead;
	ts[0] = (uint64_t)(deadline / SUP_SECOND);
	ts[1] = (uint64_t)(deadline % SUP_SECOND);
	swap_arg(t, 2, ts, sizeof(ts));
	return ns - ahead;
}

static bool clock_nanosleep_begin(struct sup *s, struct sup_task *t)
{
	const int clock = (int)t->args[0];
	struct timespec now;
	int64_t ns;

	if ((t->args[1] & TIMER_ABSTIME) == 0)
		return sleeps_for(s, t, 2, SUP_SECOND);
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI)
		return until(s, t, 2, false);
	if ((clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME) ||
	    !read_time(t->tid, t->args[2], SUP_SECOND, &ns) || clock_gettime(clock, &now) < 0)
		return false;
	ns -= now.tv_sec * SUP_SECOND + now.tv_nsec;
	if (clock == CLOCK_MONOTONIC && s->view->monotonic.set)
		ns = wake_earlier(t, ns, sup_mono_ahead(s, t));
	return sleeps(s, t, (ns + ROUND / 2) / ROUND * ROUND) || t->swap.is;
}

bool sup_wait_begin(struct sup *s, struct sup_task *t)
{
	if (t->call == SUP_RESTART)
		return t->wait.is;
	t->wait.is = false;
	switch ((int)t->call) {
	case SUP_NANOSLEEP:
		return sleeps_for(s, t, 0, SUP_SECOND);
	case SUP_CLOCK_NANOSLEEP:
		return clock_nanosleep_begin(s, t);
	case SUP_SELECT:
		return sleeps_for(s, t, 4, 1000000);
	case SUP_PSELECT:
		return sleeps_for(s, t, 4, SUP_SECOND);
	case SUP_POLL:
		return sleeps(s, t, (int64_t)(int)t->args[2] * 1000000);
	case SUP_PPOLL:
		return sleeps_for(s, t, 2, SUP_SECOND);
	case SUP_FUTEX:
		return futex_has_deadline(t->args[1]) && until(s, t, 3, true);
	case SUP_MQ:
		return until(s, t, 4, true);
	default:
		return timer(s, t);
	}
}

void sup_wait_end(struct sup *s, struct sup_task *t, int64_t result)
{
	struct sup_wait *w = &t->wait;

	swap_back(t);
	if (!w->is || result == -RESTART_BLOCK)
		return; /* it goes on with restart_syscall */
	w->is = false;
	if (result != (w->on_timeout ? -ETIMEDOUT : 0))
		return;
	if (w->has_until) {
		sup_clock_reach(&s->clock, w->until);
		return;
	}
	sup_clock_slept(&s->clock, t, w->from, w->length);
	sup_mono_slept(s, t, w->mono, w->length);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/utsname.h>

/* What a step's calls are told. Waits are in sup_wait.c. */

#define GETRANDOM_MAX ((uint64_t)32 * 1024 * 1024)
#define GETRANDOM_FLAGS 7u
#define MEMORY_MIB 4096u /* what a machine has, if nothing else is said */

static int64_t seconds_of(int64_t ns)
{
	const int64_t s = ns / SUP_SECOND;

	return ns % SUP_SECOND < 0 ? s - 1 : s;
}

/* Writes a time as two numbers of `size` bytes, the second in 1/`unit` of a second. */
static int64_t put_time(pid_t tid, uint64_t at, int64_t ns, int64_t unit, size_t size)
{
	const int64_t s = seconds_of(ns), part = (ns - s * SUP_SECOND) / (SUP_SECOND / unit);
	const int64_t wide[2] = { s, part };
	const int32_t narrow[2] = { (int32_t)s, (int32_t)part };

	return sup_write(tid, at, size == 8 ? (const void *)wide : narrow, 2 * size) ? 0 : -EFAULT;
}

static int64_t tell_gettimeofday(const struct sup_task *t, int64_t now, size_t size)
{
	static const int32_t no_zone[2];
	int64_t rc = 0;

	if (t->args[0] != 0)
		rc = put_time(t->tid, t->args[0], now, 1000000, size);
	if (rc == 0 && t->args[1] != 0 && !sup_write(t->tid, t->args[1], no_zone, sizeof(no_zone)))
		rc = -EFAULT;
	return rc;
}

static int64_t tell_time(const struct sup_task *t, int64_t now, size_t size)
{
	const int64_t wide = seconds_of(now);
	const int32_t narrow = (int32_t)wide;

	if (t->args[0] != 0 &&
	    !sup_write(t->tid, t->args[0], size == 8 ? (const void *)&wide : &narrow, size))
		return -EFAULT;
	return wide;
}

static int64_t tell_random(struct sup_task *t)
{
	const uint64_t all = t->args[1] < GETRANDOM_MAX ? t->args[1] : GETRANDOM_MAX;
	uint8_t bytes[4096];

	if ((t->args[2] & ~(uint64_t)GETRANDOM_FLAGS) != 0)
		return -EINVAL;
	for (uint64_t done = 0; done < all;) {
		const size_t n = all - done < sizeof(bytes) ? (size_t)(all - done) : sizeof(bytes);

		sup_task_random(t, bytes, n);
		if (!sup_write(t->tid, t->args[0] + done, bytes, n))
			return done > 0 ? (int64_t)done : -EFAULT;
		done += n;
	}
	return (int64_t)all;
}

static void patch_uname(const struct sup *s, const struct sup_task *t)
{
	struct utsname u;

	if (!sup_read(t->tid, t->args[0], &u, sizeof(u)))
		return;
	if (s->view->kernel_release.s[0] != '\0') {
		memset(u.release, 0, sizeof(u.release));
		(void)snprintf(u.release, sizeof(u.release), "%.64s", s->view->kernel_release.s);
	}
	if (s->view->kernel_version.s[0] != '\0') {
		memset(u.version, 0, sizeof(u.version));
		(void)snprintf(u.version, sizeof(u.version), "%.64s", s->view->kernel_version.s);
	}
	(void)sup_write(t->tid, t->args[0], &u, sizeof(u));
}

static void patch_sysinfo(const struct sup *s, const struct sup_task *t)
{
	const uint64_t mib = s->view->memory_mib.set ? (uint64_t)s->view->memory_mib.v : MEMORY_MIB;
	struct sysinfo i;

	if (!sup_read(t->tid, t->args[0], &i, sizeof(i)))
		return;
	i.mem_unit = 1;
	i.totalram = mib * 1024 * 1024;
	if (s->view->proc.set) {
		i.uptime = 3600;
		memset(i.loads, 0, sizeof(i.loads));
		i.freeram = i.totalram / 2;
		i.sharedram = i.bufferram = i.totalswap = i.freeswap = 0;
		i.totalhigh = i.freehigh = 0;
		i.procs = 1;
	}
	(void)sup_write(t->tid, t->args[0], &i, sizeof(i));
}

/* The call brought `n` bytes: all that a step may run on are as many as it is told. */
static void patch_affinity(const struct sup *s, const struct sup_task *t, size_t n)
{
	const uint64_t all = UINT64_MAX >> (HM_PROCESSORS_MAX - s->view->processors.v);
	cpu_set_t now;

	CPU_ZERO(&now);
	if (n > sizeof(now))
		n = sizeof(now);
	if (n < sizeof(all) || !sup_read(t->tid, t->args[2], &now, n) || !CPU_EQUAL(&now, &s->cpus))
		return;
	CPU_ZERO(&now);
	memcpy(&now, &all, sizeof(all));
	(void)sup_write(t->tid, t->args[2], &now, n);
}

/* --- at a call and behind it ------------------------------------------------------------------ */

int64_t sup_call_answer(struct sup *s, struct sup_task *t, enum sup_call call)
{
	const bool mono = call == SUP_CLOCK_GETTIME && (int)t->args[0] == CLOCK_MONOTONIC;
	const int64_t now = call == SUP_GETRANDOM ? 0
			    : mono                ? sup_mono_read(s, t)
						  : sup_clock_read(&s->clock, t);

	switch ((int)call) {
	case SUP_CLOCK_GETTIME:
	case SUP_CLOCK_GETTIME_64:
		return put_time(t->tid, t->args[1], now, SUP_SECOND, 8);
	case SUP_CLOCK_GETTIME_32:
		return put_time(t->tid, t->args[1], now, SUP_SECOND, 4);
	case SUP_GETTIMEOFDAY:
		return tell_gettimeofday(t, now, 8);
	case SUP_GETTIMEOFDAY_32:
		return tell_gettimeofday(t, now, 4);
	case SUP_TIME:
		return tell_time(t, now, 8);
	case SUP_TIME_32:
		return tell_time(t, now, 4);
	default:
		return tell_random(t);
	}
}

bool sup_call_begin(struct sup *s, struct sup_task *t)
{
	enum sup_call call = SUP_NONE;

	t->call = SUP_NONE;
	if (!sup_regs_args(t, &call))
		return false;
	switch (call) {
	case SUP_CLOCK_GETTIME:
	case SUP_GETTIMEOFDAY:
	case SUP_TIME:
	case SUP_GETRANDOM:
	case SUP_CLOCK_GETTIME_32:
	case SUP_CLOCK_GETTIME_64:
	case SUP_GETTIMEOFDAY_32:
	case SUP_TIME_32:
		sup_regs_skip(t->tid, sup_call_answer(s, t, call));
		return false;
	case SUP_UNAME:
	case SUP_SYSINFO:
	case SUP_STAT:
	case SUP_LSTAT:
	case SUP_FSTAT:
	case SUP_NEWFSTATAT:
	case SUP_STATX:
	case SUP_GETDENTS:
	case SUP_GETDENTS64:
	case SUP_AFFINITY:
		t->call = call;
		return true;
	case SUP_CONNECT:
		sup_late_begin(s, t);
		return false;
	case SUP_NANOSLEEP:
	case SUP_CLOCK_NANOSLEEP:
	case SUP_SELECT:
	case SUP_PSELECT:
	case SUP_POLL:
	case SUP_PPOLL:
	case SUP_FUTEX:
	case SUP_MQ:
	case SUP_TIMERFD:
	case SUP_TIMER:
	case SUP_RESTART:
		t->call = call;
		return sup_wait_begin(s, t);
	case SUP_ODD:
		t->odd = t->odd || s->began_main;
		return false;
	case SUP_ROOT:
		s->other_root = s->other_root || s->began_main;
		return false;
	case SUP_NONE:
		break;
	}
	return false;
}

void sup_call_end(struct sup *s, struct sup_task *t)
{
	const enum sup_call call = t->call;
	int64_t result;

	t->call = SUP_NONE;
	t->slow = SUP_SLOW_NO;
	if (!sup_regs_result(t->tid, &result))
		return;
	if (t->wait.is || t->swap.is) {
		sup_wait_end(s, t, result);
		return;
	}
	/* struct linux_dirent has its type behind the name, linux_dirent64 before it. */
	if (result > 0 && (call == SUP_GETDENTS || call == SUP_GETDENTS64))
		sup_order(s, t, call == SUP_GETDENTS64 ? 19 : 18, (size_t)result);
	if (result > 0 && call == SUP_AFFINITY)
		patch_affinity(s, t, (size_t)result);
	if (result != 0)
		return;
	if (call == SUP_UNAME)
		patch_uname(s, t);
	else if (call == SUP_SYSINFO)
		patch_sysinfo(s, t);
	else
		sup_stat_patch(s, t, call);
}

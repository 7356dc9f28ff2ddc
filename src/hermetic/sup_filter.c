/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Calls of later kernels than these headers. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define X32_BIT 0x40000000u

/* Where libraries are at least: the upper half of an address. */
#ifdef __x86_64__
#define LIBRARIES 0x7f00u
#else
#define LIBRARIES 0xff00u
#endif

/* When a call concerns us. */
enum when {
	ALWAYS,
	WALL_CLOCK, /* argument 0 is a clock of the wall */
	IS_ZERO,    /* the low half of argument `arg` */
	HAS_BITS,   /* argument `arg` has one of `bits` */
	IS_SET,     /* argument `arg` is not NULL */
	LOSES,      /* prctl: takes capabilities from a root that executes */
	DEADLINE,   /* futex: argument 1 is an operation on the wall clock, 3 is not NULL */
	REFUSED,    /* with the error `bits`, unseen */
};

/* What of a view makes it concern us. */
#define IF_CLOCK 1u /* frozen or moved */
#define IF_FROZEN 2u
#define IF_SEED 4u
#define IF_KERNEL 8u
#define IF_PROC 16u
#define IF_STAT 32u
#define IF_ANY 64u
#define IF_ORDER 128u
#define IF_LATE 256u
#define IF_ANSWERED 512u /* stat is, by the listener */
#define IF_PROCESSORS 1024u

struct row {
	unsigned nr;
	enum sup_call call;
	unsigned view;
	enum when when;
	unsigned arg;
	unsigned bits;
};

static const struct row native[] = {
	{ SYS_clock_gettime, SUP_CLOCK_GETTIME, IF_CLOCK, WALL_CLOCK, 0, 0 },
	{ SYS_gettimeofday, SUP_GETTIMEOFDAY, IF_CLOCK, ALWAYS, 0, 0 },
	{ SYS_clock_nanosleep, SUP_CLOCK_NANOSLEEP, IF_CLOCK, ALWAYS, 0, 0 },
	{ SYS_nanosleep, SUP_NANOSLEEP, IF_FROZEN, ALWAYS, 0, 0 },
	{ SYS_pselect6, SUP_PSELECT, IF_FROZEN, IS_ZERO, 0, 0 },
	{ SYS_ppoll, SUP_PPOLL, IF_FROZEN, IS_ZERO, 1, 0 },
	{ SYS_futex, SUP_FUTEX, IF_CLOCK, DEADLINE, 0, 0 },
	{ SYS_mq_timedsend, SUP_MQ, IF_CLOCK, IS_SET, 4, 0 },
	{ SYS_mq_timedreceive, SUP_MQ, IF_CLOCK, IS_SET, 4, 0 },
	{ SYS_timerfd_settime, SUP_TIMERFD, IF_CLOCK, HAS_BITS, 1, 1 },
	{ SYS_timer_settime, SUP_TIMER, IF_CLOCK, HAS_BITS, 1, 1 },
	{ SYS_restart_syscall, SUP_RESTART, IF_CLOCK, ALWAYS, 0, 0 },
	{ SYS_futex_waitv, SUP_NONE, IF_CLOCK, REFUSED, 0, ENOSYS },
	{ SYS_adjtimex, SUP_NONE, IF_CLOCK, REFUSED, 0, EPERM },
	{ SYS_clock_adjtime, SUP_NONE, IF_CLOCK, REFUSED, 0, EPERM },
	{ SYS_getrandom, SUP_GETRANDOM, IF_SEED, ALWAYS, 0, 0 },
	{ SYS_uname, SUP_UNAME, IF_KERNEL, ALWAYS, 0, 0 },
	{ SYS_sysinfo, SUP_SYSINFO, IF_PROC, ALWAYS, 0, 0 },
	{ SYS_newfstatat, SUP_NEWFSTATAT, IF_STAT, ALWAYS, 0, 0 },
	{ SYS_fstat, SUP_FSTAT, IF_STAT, ALWAYS, 0, 0 },
	{ SYS_statx, SUP_STATX, IF_STAT, ALWAYS, 0, 0 },
	{ SYS_getdents64, SUP_GETDENTS64, IF_ORDER | IF_STAT, ALWAYS, 0, 0 },
	{ SYS_sched_getaffinity, SUP_AFFINITY, IF_PROCESSORS, ALWAYS, 0, 0 },
	{ SYS_connect, SUP_CONNECT, IF_LATE, ALWAYS, 0, 0 },
	{ SYS_setuid, SUP_ODD, IF_ANSWERED, ALWAYS, 0, 0 },
	{ SYS_setreuid, SUP_ODD, IF_ANSWERED, ALWAYS, 0, 0 },
	{ SYS_setresuid, SUP_ODD, IF_ANSWERED, ALWAYS, 0, 0 },
	{ SYS_setfsuid, SUP_ODD, IF_ANSWERED, ALWAYS, 0, 0 },
	{ SYS_capset, SUP_ODD, IF_ANSWERED, ALWAYS, 0, 0 },
	{ SYS_prctl, SUP_ODD, IF_ANSWERED, LOSES, 0, 0 },
	{ SYS_setns, SUP_ODD, IF_ANSWERED, ALWAYS, 0, 0 },
	{ SYS_unshare, SUP_ODD, IF_ANSWERED, HAS_BITS, 0, CLONE_NEWNS | CLONE_NEWUSER },
	{ SYS_chroot, SUP_ROOT, IF_ANSWERED, ALWAYS, 0, 0 },
	{ SYS_pivot_root, SUP_ROOT, IF_ANSWERED, ALWAYS, 0, 0 },
	{ SYS_io_uring_setup, SUP_NONE, IF_ANY, REFUSED, 0, ENOSYS },
	{ SYS_io_uring_enter, SUP_NONE, IF_ANY, REFUSED, 0, ENOSYS },
	{ SYS_io_uring_register, SUP_NONE, IF_ANY, REFUSED, 0, ENOSYS },
	/* Who is not traced would get ENOSYS from all of the above. */
	{ SYS_clone, SUP_NONE, IF_ANY, REFUSED, 0, EINVAL },
#ifdef __x86_64__
	{ SYS_time, SUP_TIME, IF_CLOCK, ALWAYS, 0, 0 },
	{ SYS_select, SUP_SELECT, IF_FROZEN, IS_ZERO, 0, 0 },
	{ SYS_poll, SUP_POLL, IF_FROZEN, IS_ZERO, 1, 0 },
	{ SYS_getdents, SUP_GETDENTS, IF_ORDER | IF_STAT, ALWAYS, 0, 0 },
	{ SYS_stat, SUP_STAT, IF_STAT, ALWAYS, 0, 0 },
	{ SYS_lstat, SUP_LSTAT, IF_STAT, ALWAYS, 0, 0 },
#endif
};

#ifdef __x86_64__
#define AUDIT_NATIVE AUDIT_ARCH_X86_64
static const struct row i386[] = {
	{ 13, SUP_TIME_32, IF_CLOCK, ALWAYS, 0, 0 },
	{ 78, SUP_GETTIMEOFDAY_32, IF_CLOCK, ALWAYS, 0, 0 },
	{ 265, SUP_CLOCK_GETTIME_32, IF_CLOCK, WALL_CLOCK, 0, 0 },
	{ 403, SUP_CLOCK_GETTIME_64, IF_CLOCK, WALL_CLOCK, 0, 0 },
	{ 355, SUP_GETRANDOM, IF_SEED, ALWAYS, 0, 0 },
	{ 425, SUP_NONE, IF_ANY, REFUSED, 0, ENOSYS },
};
#else
#define AUDIT_NATIVE AUDIT_ARCH_AARCH64
#endif

/* --- writing the program ---------------------------------------------------------------------- */

#define PROGRAM_MAX 400u

struct program {
	struct sock_filter v[PROGRAM_MAX];
	unsigned short n;
	unsigned notify;
	bool monotonic;
};

static void put(struct program *p, unsigned code, unsigned k, unsigned yes, unsigned no)
{
	p->v[p->n++] = (struct sock_filter){ (unsigned short)code, (unsigned char)yes,
					     (unsigned char)no, k };
}

static void load_arg(struct program *p, unsigned i, bool high)
{
	put(p, BPF_LD | BPF_W | BPF_ABS,
	    (unsigned)(offsetof(struct seccomp_data, args) + (size_t)8 * i + (high ? 4 : 0)), 0, 0);
}

static void allow(struct program *p)
{
	put(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static bool is_answered(enum sup_call call)
{
	return call == SUP_CLOCK_GETTIME || call == SUP_GETTIMEOFDAY || call == SUP_TIME ||
	       call == SUP_GETRANDOM;
}

bool sup_filter_tells(enum sup_call call)
{
	return sup_is_stat(call) || is_answered(call);
}

/* To the listener, or to the tracer. */
static void tell(struct program *p, enum sup_call call)
{
	if (((p->notify & SUP_NOTIFY) != 0 && is_answered(call)) ||
	    ((p->notify & SUP_NOTIFY_STAT) != 0 && sup_is_stat(call)))
		put(p, BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF, 0, 0);
	else
		put(p, BPF_RET | BPF_K, SECCOMP_RET_TRACE | (unsigned)call, 0, 0);
}

/* Goes on only if the argument is not NULL; else allows. */
static void unless_null(struct program *p, unsigned arg)
{
	load_arg(p, arg, false);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
	load_arg(p, arg, true);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	allow(p);
}

/* A clock of the wall; the monotonic one only where the C library asks, whose place is behind all
 * programs: Go's ask a thousand times a second, and make no names of it. */
static void put_clocks(struct program *p)
{
	static const unsigned place = offsetof(struct seccomp_data, instruction_pointer) + 4;
	const unsigned char more = p->monotonic ? 3 : 0;

	load_arg(p, 0, false);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, CLOCK_REALTIME, 4u + more, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, CLOCK_REALTIME_COARSE, 3u + more, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, CLOCK_REALTIME_ALARM, 2u + more, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, CLOCK_TAI, 1u + more, 0);
	if (p->monotonic) {
		put(p, BPF_JMP | BPF_JEQ | BPF_K, CLOCK_MONOTONIC, 0, 2);
		put(p, BPF_LD | BPF_W | BPF_ABS, place, 0, 0);
		put(p, BPF_JMP | BPF_JGE | BPF_K, LIBRARIES, 1, 0);
	}
	allow(p);
}

static void put_condition(struct program *p, const struct row *r)
{
	switch (r->when) {
	case ALWAYS:
	case REFUSED:
		return;
	case WALL_CLOCK:
		put_clocks(p);
		return;
	case IS_ZERO:
		load_arg(p, r->arg, false);
		put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
		allow(p);
		return;
	case LOSES:
		load_arg(p, 0, false);
		put(p, BPF_JMP | BPF_JEQ | BPF_K, PR_CAPBSET_DROP, 2, 0);
		put(p, BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECUREBITS, 1, 0);
		allow(p);
		return;
	case HAS_BITS:
		load_arg(p, r->arg, false);
		put(p, BPF_JMP | BPF_JSET | BPF_K, r->bits, 1, 0);
		allow(p);
		return;
	case IS_SET:
		unless_null(p, r->arg);
		return;
	case DEADLINE:
		load_arg(p, 1, false);
		put(p, BPF_JMP | BPF_JSET | BPF_K, FUTEX_CLOCK_REALTIME, 3, 0);
		put(p, BPF_ALU | BPF_AND | BPF_K, (unsigned)FUTEX_CMD_MASK, 0, 0);
		put(p, BPF_JMP | BPF_JEQ | BPF_K, FUTEX_LOCK_PI, 1, 0);
		allow(p);
		unless_null(p, 3);
		return;
	}
}

static void put_row(struct program *p, const struct row *r)
{
	const unsigned short at = p->n;

	put(p, BPF_JMP | BPF_JEQ | BPF_K, r->nr, 0, 0);
	put_condition(p, r);
	if (r->nr == SYS_clone && r->when == REFUSED) {
		load_arg(p, 0, false);
		put(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_UNTRACED, 1, 0);
		allow(p);
	}
	if (r->when == REFUSED)
		put(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | r->bits, 0, 0);
	else
		tell(p, r->call);
	p->v[at].jf = (unsigned char)(p->n - at - 1);
}

static void put_rows(struct program *p, const struct row *rows, size_t n, unsigned view)
{
	for (size_t i = 0; i < n; i++)
		if ((rows[i].view & view) != 0)
			put_row(p, &rows[i]);
	allow(p);
}

static unsigned view_bits(const struct hm_view *v)
{
	return IF_ANY | (v->clock_frozen.set || v->clock_offset.set ? IF_CLOCK : 0) |
	       (v->clock_frozen.set ? IF_FROZEN : 0) | (v->has_seed ? IF_SEED : 0) |
	       (v->kernel_release.s[0] != '\0' || v->kernel_version.s[0] != '\0' ? IF_KERNEL : 0) |
	       (v->proc.set || v->memory_mib.set ? IF_PROC : 0) | (v->stat.set ? IF_STAT : 0) |
	       (v->order.set ? IF_ORDER : 0) | (v->connect_ms.set ? IF_LATE : 0) |
	       (v->processors.set ? IF_PROCESSORS : 0);
}

static void write_program(struct program *p, unsigned view)
{
	static const unsigned nr = offsetof(struct seccomp_data, nr);

	put(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_NATIVE, 1, 0);
#ifdef __x86_64__
	{
		const unsigned short jump = p->n;

		put(p, BPF_JMP | BPF_JA, 0, 0, 0);
		put(p, BPF_LD | BPF_W | BPF_ABS, nr, 0, 0);
		put(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
		put(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
		put_rows(p, native, SS_NELEMS(native), view);
		p->v[jump].k = (unsigned)(p->n - jump - 1);
		put(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 1, 0);
		allow(p);
		put(p, BPF_LD | BPF_W | BPF_ABS, nr, 0, 0);
		put_rows(p, i386, SS_NELEMS(i386), view);
	}
#else
	allow(p);
	put(p, BPF_LD | BPF_W | BPF_ABS, nr, 0, 0);
	put_rows(p, native, SS_NELEMS(native), view);
#endif
}

enum sup_call sup_filter_call(int nr)
{
	for (size_t i = 0; i < SS_NELEMS(native); i++)
		if (nr >= 0 && native[i].nr == (unsigned)nr)
			return native[i].call;
	return SUP_NONE;
}

int sup_filter_install(const struct hm_view *v, unsigned notify, int *ret_listener,
		       struct ss_err *err)
{
	struct program p = { .n = 0, .notify = notify, .monotonic = v->monotonic.set };
	struct sock_fprog prog;
	long rc = -1;

	write_program(&p, view_bits(v) | ((notify & SUP_NOTIFY_STAT) != 0 ? IF_ANSWERED : 0));
	prog = (struct sock_fprog){ p.n, p.v };
	*ret_listener = -1;
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     notify != 0 ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &prog);
	/* Another filter around us may have a listener: there is one at most. */
	if (rc < 0 && notify != 0)
		return sup_filter_install(v, 0, ret_listener, err);
	if (rc < 0)
		return ss_fail_sys(err, "cannot filter the step's system calls");
	if (notify != 0)
		*ret_listener = (int)rc;
	return 0;
}

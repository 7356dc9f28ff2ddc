/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

/* What differs between processors. A task that died meanwhile answers nothing; nobody asks again.
 */

bool sup_read(pid_t tid, uint64_t at, void *p, size_t n)
{
	const struct iovec here = { p, n };
	const struct iovec there = { sup_pointer(at), n };

	return process_vm_readv(tid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

bool sup_write(pid_t tid, uint64_t at, const void *p, size_t n)
{
	struct iovec here = { .iov_len = n };
	const struct iovec there = { sup_pointer(at), n };

	memcpy(&here.iov_base, &p, sizeof(p)); /* it is only read */
	return process_vm_writev(tid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

static long info_of(pid_t tid, struct __ptrace_syscall_info *ret)
{
	return ptrace(PTRACE_GET_SYSCALL_INFO, tid, sup_pointer(sizeof(*ret)), ret);
}

bool sup_regs_args(struct sup_task *t, enum sup_call *ret_call)
{
	struct __ptrace_syscall_info i = { 0 };

	if (info_of(t->tid, &i) <= 0 || i.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return false;
	t->ip = i.instruction_pointer;
	for (unsigned k = 0; k < 6; k++)
		t->args[k] = i.seccomp.args[k];
	*ret_call = (enum sup_call)i.seccomp.ret_data;
	return true;
}

bool sup_regs_result(pid_t tid, int64_t *ret)
{
	struct __ptrace_syscall_info i = { 0 };

	if (info_of(tid, &i) <= 0 || i.op != PTRACE_SYSCALL_INFO_EXIT)
		return false;
	*ret = i.exit.rval;
	return true;
}

void sup_regs_poke(pid_t tid, uint64_t at, uint64_t code)
{
	(void)ptrace(PTRACE_POKEDATA, tid, sup_pointer(at), sup_pointer(code));
}

bool sup_regs_entry(struct sup_task *t, int *ret_nr)
{
	struct __ptrace_syscall_info i = { 0 };

	if (info_of(t->tid, &i) <= 0 || i.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	t->ip = i.instruction_pointer;
	for (unsigned k = 0; k < 6; k++)
		t->args[k] = i.entry.args[k];
	*ret_nr = (int)i.entry.nr;
	return true;
}

#if defined(__x86_64__)

#define USER_CS_I386 0x23u
#define RESTART_SYS ((uint64_t)-512)    /* the kernel's ERESTARTSYS, seen by tracers only: */
#define RESTART_NOINTR ((uint64_t)-513) /* the handler decides; ERESTARTNOINTR: it does not */

/* None of the calls that a listener is told gives that number by itself. */
void sup_regs_again(pid_t tid)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &r) < 0 || r.cs == USER_CS_I386 ||
	    r.rax != RESTART_SYS || !sup_filter_tells(sup_filter_call((int)r.orig_rax)))
		return;
	r.rax = RESTART_NOINTR;
	(void)ptrace(PTRACE_SETREGS, tid, NULL, &r);
}

bool sup_regs_makes_space(pid_t tid)
{
	const uint64_t spaces = CLONE_NEWNS | CLONE_NEWUSER;
	struct user_regs_struct r;
	uint64_t flags;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &r) < 0 || r.cs == USER_CS_I386)
		return true;
	flags = r.orig_rax == SYS_clone ? r.rdi : 0;
	if (r.orig_rax == SYS_clone3 && !sup_read(tid, r.rdi, &flags, sizeof(flags)))
		return true;
	return (flags & spaces) != 0;
}

void sup_regs_skip(pid_t tid, int64_t result)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &r) < 0)
		return;
	r.orig_rax = UINT64_MAX;
	r.rax = (uint64_t)result;
	(void)ptrace(PTRACE_SETREGS, tid, NULL, &r);
}

void sup_regs_set_arg(pid_t tid, unsigned i, uint64_t v)
{
	struct user_regs_struct r;
	unsigned long long *const at[] = { &r.rdi, &r.rsi, &r.rdx, &r.r10, &r.r8, &r.r9 };

	if (ptrace(PTRACE_GETREGS, tid, NULL, &r) < 0)
		return;
	*at[i] = v;
	(void)ptrace(PTRACE_SETREGS, tid, NULL, &r);
}

bool sup_regs_sp(pid_t tid, uint64_t *ret, bool *ret_narrow)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &r) < 0)
		return false;
	*ret = r.rsp;
	*ret_narrow = r.cs == USER_CS_I386;
	return true;
}

/* A count that moves on at each reading: who waits for it waits for a while only. */
#define TSC_STEP 65536u

/* As many bytes as there are on its page, of eight; the longest that we know has three. */
static bool read_code(pid_t tid, uint64_t at, uint8_t code[8])
{
	return sup_read(tid, at, code, 8) || sup_read(tid, at, code, 3) ||
	       sup_read(tid, at, code, 2);
}

/* Whose counter: the loader's own, or the program's. */
static uint64_t *count_of(struct sup_tsc_sites *all, struct sup_task *t, uint64_t at,
			  const uint8_t code[8], bool with_cpu)
{
	uint64_t whole;

	if (t->loader == 0 || at - t->loader >= SUP_LOADER_SIZE)
		return &t->tsc;
	memcpy(&whole, code, sizeof(whole));
	if (!with_cpu)
		sup_tsc_learn(all, at - t->loader, whole);
	return &t->loader_tsc;
}

bool sup_regs_tsc(struct sup_tsc_sites *all, struct sup_task *t)
{
	struct user_regs_struct r;
	uint8_t code[8] = { 0 };
	uint64_t *count;
	bool with_cpu;

	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &r) < 0 || !read_code(t->tid, r.rip, code))
		return false;
	with_cpu = code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xf9; /* rdtscp */
	if (!with_cpu && (code[0] != 0x0f || code[1] != 0x31))
		return false;
	count = count_of(all, t, r.rip, code, with_cpu);
	*count += TSC_STEP;
	r.rax = (uint32_t)*count;
	r.rdx = *count >> 32;
	if (with_cpu)
		r.rcx = 0;
	r.rip += with_cpu ? 3 : 2;
	return ptrace(PTRACE_SETREGS, t->tid, NULL, &r) == 0;
}

#elif defined(__aarch64__)

static bool get(pid_t tid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof(*r) };

	return ptrace(PTRACE_GETREGSET, tid, sup_pointer(NT_PRSTATUS), &v) == 0 &&
	       v.iov_len == sizeof(*r);
}

static void set(pid_t tid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof(*r) };

	(void)ptrace(PTRACE_SETREGSET, tid, sup_pointer(NT_PRSTATUS), &v);
}

void sup_regs_skip(pid_t tid, int64_t result)
{
	struct user_regs_struct r;
	int none = -1;
	struct iovec v = { &none, sizeof(none) };

	if (!get(tid, &r))
		return;
	(void)ptrace(PTRACE_SETREGSET, tid, sup_pointer(NT_ARM_SYSTEM_CALL), &v);
	r.regs[0] = (uint64_t)result;
	set(tid, &r);
}

void sup_regs_set_arg(pid_t tid, unsigned i, uint64_t v)
{
	struct user_regs_struct r;

	if (!get(tid, &r))
		return;
	r.regs[i] = v;
	set(tid, &r);
}

bool sup_regs_sp(pid_t tid, uint64_t *ret, bool *ret_narrow)
{
	struct user_regs_struct r;

	*ret_narrow = false;
	if (!get(tid, &r)) /* a 32-bit program has another set */
		return false;
	*ret = r.sp;
	return true;
}

/* The kernel has chosen how a call goes on before a tracer sees the signal: nothing is told to a
 * listener here (sup_notify.c). */
void sup_regs_again(pid_t tid)
{
	(void)tid;
}

bool sup_regs_makes_space(pid_t tid)
{
	(void)tid;
	return true;
}

/* Its counter cannot be trapped from here. */
bool sup_regs_tsc(struct sup_tsc_sites *all, struct sup_task *t)
{
	(void)all;
	(void)t;
	return false;
}

#else
#error "selfsame-step knows x86_64 and aarch64"
#endif

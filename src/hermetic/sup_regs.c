/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
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

bool sup_regs_args(pid_t tid, uint64_t ret[6], enum sup_call *ret_call)
{
	struct __ptrace_syscall_info i = { 0 };

	if (info_of(tid, &i) <= 0 || i.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return false;
	for (unsigned k = 0; k < 6; k++)
		ret[k] = i.seccomp.args[k];
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

#if defined(__x86_64__)

#define USER_CS_I386 0x23u

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

bool sup_regs_tsc(struct sup_task *t)
{
	struct user_regs_struct r;
	uint8_t code[3] = { 0 };
	bool with_cpu;

	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &r) < 0 ||
	    !(sup_read(t->tid, r.rip, code, sizeof(code)) || sup_read(t->tid, r.rip, code, 2)))
		return false;
	with_cpu = code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xf9; /* rdtscp */
	if (!with_cpu && (code[0] != 0x0f || code[1] != 0x31))
		return false;
	t->tsc += TSC_STEP;
	r.rax = (uint32_t)t->tsc;
	r.rdx = t->tsc >> 32;
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

/* Its counter cannot be trapped from here. */
bool sup_regs_tsc(struct sup_task *t)
{
	(void)t;
	return false;
}

#else
#error "selfsame-step knows x86_64 and aarch64"
#endif

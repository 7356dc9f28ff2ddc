/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_seccomp.h"

#include "nsm/nsm.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* linux/filter.h, linux/seccomp.h, linux/audit.h: the kernel's headers are not needed. */
struct filter {
	uint16_t code;
	uint8_t yes, no; /* instructions to jump over */
	uint32_t k;
};
struct program {
	unsigned short n;
	struct filter *v;
};
struct call {
	int32_t number;
	uint32_t arch;
	uint64_t pointer;
	uint64_t args[6];
};
#define LOAD 0x20u  /* BPF_LD | BPF_W | BPF_ABS */
#define EQUAL 0x15u /* BPF_JMP | BPF_JEQ | BPF_K */
#define BITS 0x45u  /* BPF_JMP | BPF_JSET | BPF_K */
#define RETURN 0x06u
#define KILL 0x80000000u  /* SECCOMP_RET_KILL_PROCESS */
#define ALLOW 0x7fff0000u /* SECCOMP_RET_ALLOW */
#define FILTER_MODE 2     /* SECCOMP_MODE_FILTER */
#if defined(__x86_64__)
#define ARCH 0xc000003eu
#elif defined(__aarch64__)
#define ARCH 0xc00000b7u
#else
#error "no filter for this architecture"
#endif
/* The lower half of an argument, which comes first on these machines. */
#define ARG(i) (offsetof(struct call, args) + sizeof(uint64_t) * (i))

/* The frequent ones first. */
static const uint32_t calls[] = {
	SYS_recvfrom,      SYS_sendto,     SYS_epoll_pwait,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
	SYS_epoll_ctl,     SYS_recvmsg,    SYS_sendmsg,         SYS_shutdown,
	SYS_close,         SYS_setsockopt, SYS_getsockopt,      SYS_accept4,
	SYS_clock_gettime, SYS_getrandom,  SYS_munmap,          SYS_mremap,
	SYS_madvise,       SYS_brk,        SYS_getpid,          SYS_write,
	SYS_exit,          SYS_exit_group, SYS_restart_syscall,
};
/* With a protection as third argument, which must not let anything be executed. */
static const uint32_t maps[] = { SYS_mmap, SYS_mprotect };

#define ROOM (2 * SS_NELEMS(calls) + 4 * SS_NELEMS(maps) + 16)

int kp_seccomp(struct ss_err *err)
{
	struct filter v[ROOM];
	struct program p = { .v = v };
	unsigned short n = 0;

	v[n++] = (struct filter){ LOAD, 0, 0, offsetof(struct call, arch) };
	v[n++] = (struct filter){ EQUAL, 1, 0, ARCH };
	v[n++] = (struct filter){ RETURN, 0, 0, KILL };
	v[n++] = (struct filter){ LOAD, 0, 0, offsetof(struct call, number) };
	for (size_t i = 0; i < SS_NELEMS(calls); i++) {
		v[n++] = (struct filter){ EQUAL, 0, 1, calls[i] };
		v[n++] = (struct filter){ RETURN, 0, 0, ALLOW };
	}
	for (size_t i = 0; i < SS_NELEMS(maps); i++) {
		v[n++] = (struct filter){ EQUAL, 0, 4, maps[i] };
		v[n++] = (struct filter){ LOAD, 0, 0, ARG(2) };
		v[n++] = (struct filter){ BITS, 0, 1, PROT_EXEC };
		v[n++] = (struct filter){ RETURN, 0, 0, KILL };
		v[n++] = (struct filter){ RETURN, 0, 0, ALLOW };
	}
	v[n++] = (struct filter){ EQUAL, 1, 0, SYS_ioctl };
	v[n++] = (struct filter){ RETURN, 0, 0, KILL };
	v[n++] = (struct filter){ LOAD, 0, 0, ARG(0) };
	v[n++] = (struct filter){ EQUAL, 1, 0, KP_NSM_FD };
	v[n++] = (struct filter){ RETURN, 0, 0, KILL };
	v[n++] = (struct filter){ LOAD, 0, 0, ARG(1) };
	v[n++] = (struct filter){ EQUAL, 0, 1, (uint32_t)NSM_IOCTL };
	v[n++] = (struct filter){ RETURN, 0, 0, ALLOW };
	v[n++] = (struct filter){ RETURN, 0, 0, KILL };
	p.n = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, FILTER_MODE, &p, 0, 0) < 0)
		return ss_fail_sys(err, "seccomp");
	return 0;
}

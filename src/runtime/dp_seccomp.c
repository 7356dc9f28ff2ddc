/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_seccomp.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

/* The frequent ones first. */
static const uint32_t calls[] = {
	SYS_recvfrom,   SYS_sendto,      SYS_epoll_pwait,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
	SYS_splice,     SYS_read,        SYS_write,         SYS_writev,          SYS_sendmsg,
	SYS_recvmsg,    SYS_epoll_ctl,   SYS_clock_gettime, /* where the vDSO cannot tell */
	SYS_close,      SYS_accept4,     SYS_connect,       SYS_shutdown,        SYS_getsockopt,
	SYS_setsockopt, SYS_getsockname, SYS_getpeername,   SYS_restart_syscall, SYS_exit,
	SYS_exit_group, SYS_mincore,     SYS_sysinfo, /* metrics */
};

#define ROOM (2 * SS_NELEMS(calls) + 16)

int dp_seccomp(int family, struct ss_err *err)
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
	v[n++] = (struct filter){ EQUAL, 1, 0, SYS_socket };
	v[n++] = (struct filter){ RETURN, 0, 0, KILL };
	/* The kernel takes an int: the lower half, which comes first on these machines. */
	v[n++] = (struct filter){ LOAD, 0, 0, offsetof(struct call, args) };
	v[n++] = (struct filter){ EQUAL, 1, 0, AF_INET };
	v[n++] = (struct filter){ EQUAL, 0, 1, (uint32_t)family };
	v[n++] = (struct filter){ RETURN, 0, 0, ALLOW };
	v[n++] = (struct filter){ RETURN, 0, 0, KILL };
	p.n = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, FILTER_MODE, &p, 0, 0) < 0)
		return ss_fail_sys(err, "seccomp");
	return 0;
}

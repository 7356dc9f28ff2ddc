/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/app_filter.h"

#include "base/attr.h"
#include "runtime/kernel_abi.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/bpf_common.h, linux/seccomp.h and linux/audit.h */
#define LOAD 0x20u        /* BPF_LD | BPF_W | BPF_ABS */
#define IF_EQUAL 0x15u    /* BPF_JMP | BPF_JEQ | BPF_K */
#define IF_AT_LEAST 0x35u /* BPF_JMP | BPF_JGE | BPF_K */
#define RETURN 0x06u      /* BPF_RET | BPF_K */
#define ALLOW 0x7fff0000u
#define FAIL 0x00050000u /* and an errno */
#define KILL 0x80000000u /* the whole process */
#define SET_FILTER 1u
#if defined(__x86_64__)
#define ARCH 0xc000003eu
#define X32_BIT 0x40000000u
#elif defined(__aarch64__)
#define ARCH 0xc00000b7u
#else
#error "no such architecture"
#endif

static const struct {
	uint32_t nr;
	uint16_t answer;
} refused[] = {
	/* The kernel has none of them; so it stays with a kernel that has. */
	{ SYS_io_uring_setup, ENOSYS },
	{ SYS_io_uring_enter, ENOSYS },
	{ SYS_io_uring_register, ENOSYS },
	{ SYS_bpf, ENOSYS },
	{ SYS_userfaultfd, ENOSYS },
	{ SYS_add_key, ENOSYS },
	{ SYS_request_key, ENOSYS },
	{ SYS_keyctl, ENOSYS },
	{ SYS_kexec_load, ENOSYS },
	{ SYS_kexec_file_load, ENOSYS },
	{ SYS_init_module, ENOSYS },
	{ SYS_finit_module, ENOSYS },
	{ SYS_delete_module, ENOSYS },
#if defined(__x86_64__)
	{ SYS_iopl, ENOSYS },
	{ SYS_ioperm, ENOSYS },
	{ SYS_modify_ldt, ENOSYS },
	{ SYS_uselib, ENOSYS },
#endif
	/* x86 cannot be built without it. */
	{ SYS_perf_event_open, ENOSYS },
	/* For who owns a mount namespace or the machine; the application does not. */
	{ SYS_mount, EPERM },
	{ SYS_umount2, EPERM },
	{ SYS_pivot_root, EPERM },
	{ RT_SYS_OPEN_TREE, EPERM },
	{ RT_SYS_MOVE_MOUNT, EPERM },
	{ SYS_fsopen, EPERM },
	{ SYS_fsconfig, EPERM },
	{ SYS_fsmount, EPERM },
	{ SYS_fspick, EPERM },
	{ RT_SYS_MOUNT_SETATTR, EPERM },
	{ SYS_swapon, EPERM },
	{ SYS_swapoff, EPERM },
	{ SYS_acct, EPERM },
	{ SYS_quotactl, EPERM },
	{ SYS_reboot, EPERM },
	{ SYS_open_by_handle_at, EPERM },
};

_Static_assert(2 * SS_NELEMS(refused) + 16 <= RT_FILTER_MAX, "the program has room");

static const uint32_t families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

struct program {
	struct rt_bpf *v;
	size_t n;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	p->v[p->n++] = (struct rt_bpf){ .code = code, .jt = jt, .jf = jf, .k = k };
}

/* "if nr is this, then answer" */
static void put_answer(struct program *p, uint32_t nr, uint32_t answer)
{
	put(p, IF_EQUAL, nr, 0, 1);
	put(p, RETURN, answer, 0, 0);
}

/* The kernel takes the family as an int, so the upper half of the register says nothing. */
static void put_families(struct program *p)
{
	const uint8_t n = (uint8_t)SS_NELEMS(families);

	put(p, IF_EQUAL, SYS_socket, 1, 0);
	put(p, IF_EQUAL, SYS_socketpair, 0, (uint8_t)(n + 2));
	put(p, LOAD, offsetof(struct rt_call, args), 0, 0);
	for (uint8_t i = 0; i < n; i++)
		put(p, IF_EQUAL, families[i], (uint8_t)(n - i), 0);
	put(p, RETURN, FAIL | EAFNOSUPPORT, 0, 0);
	put(p, RETURN, ALLOW, 0, 0);
}

size_t rt_filter_make(struct rt_bpf ret[RT_FILTER_MAX])
{
	struct program p = { .v = ret };

	put(&p, LOAD, offsetof(struct rt_call, arch), 0, 0);
	put(&p, IF_EQUAL, ARCH, 1, 0);
	put(&p, RETURN, KILL, 0, 0);
	put(&p, LOAD, offsetof(struct rt_call, nr), 0, 0);
#if defined(__x86_64__)
	put(&p, IF_AT_LEAST, X32_BIT, 0, 1);
	put(&p, RETURN, KILL, 0, 0);
#endif
	for (size_t i = 0; i < SS_NELEMS(refused); i++)
		put_answer(&p, refused[i].nr, FAIL | refused[i].answer);
	put_families(&p);
	return p.n;
}

int rt_filter_apply(struct ss_err *err)
{
	static struct rt_bpf v[RT_FILTER_MAX];
	const struct {
		uint16_t n;
		const struct rt_bpf *v;
	} program = { .n = (uint16_t)rt_filter_make(v), .v = v };

	if (syscall(SYS_seccomp, SET_FILTER, 0, &program) < 0)
		return ss_fail_sys(err, "cannot filter system calls");
	return 0;
}

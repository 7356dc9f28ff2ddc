/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/app_filter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALLOW 0x7fff0000u
#define FAIL 0x00050000u
#define KILL 0x80000000u
#if defined(__x86_64__)
#define OURS 0xc000003eu
#define OTHERS 0x40000003u /* i386 */
#else
#define OURS 0xc00000b7u
#define OTHERS 0x40000028u /* arm */
#endif

static struct rt_bpf v[RT_FILTER_MAX];
static size_t n;

/* The instructions that classic BPF has for seccomp and this program uses, done again. */
static uint32_t answer_to(const struct rt_call *c)
{
	uint32_t a = 0;

	for (size_t at = 0; at < n; at++) {
		const struct rt_bpf *i = &v[at];

		switch (i->code) {
		case 0x20:
			assert_true(i->k % 4 == 0 && i->k + 4 <= sizeof(*c));
			memcpy(&a, (const uint8_t *)c + i->k, 4);
			break;
		case 0x15:
			at += a == i->k ? i->jt : i->jf;
			break;
		case 0x35:
			at += a >= i->k ? i->jt : i->jf;
			break;
		case 0x06:
			return i->k;
		default:
			fail_msg("instruction %#x", i->code);
		}
	}
	fail_msg("the program runs off its end");
	return 0;
}

static uint32_t answer(int32_t nr, uint64_t arg)
{
	return answer_to(&(struct rt_call){ .nr = nr, .arch = OURS, .args = { arg } });
}

static int make(void **state)
{
	(void)state;
	n = rt_filter_make(v);
	return n > 0 && n <= RT_FILTER_MAX ? 0 : -1;
}

static void filter_kills_who_calls_by_another_abi(void **state)
{
	const struct rt_call foreign = { .nr = SYS_getpid, .arch = OTHERS };

	(void)state;
	assert_int_equal(answer_to(&foreign), KILL);
	assert_int_equal(answer_to(&(struct rt_call){ 0 }), KILL);
#if defined(__x86_64__)
	assert_int_equal(answer(0x40000000 | SYS_getpid, 0), KILL); /* x32 */
	assert_int_equal(answer(-1, 0), KILL);
#endif
}

static void filter_leaves_four_families_of_sockets(void **state)
{
	(void)state;
	for (uint32_t f = 0; f < 64; f++) {
		const bool may = f == AF_UNIX || f == AF_INET || f == AF_INET6 || f == AF_NETLINK;
		const uint32_t want = may ? ALLOW : FAIL | EAFNOSUPPORT;

		assert_int_equal(answer(SYS_socket, f), want);
		assert_int_equal(answer(SYS_socketpair, f), want);
		/* What stands in the upper half is not looked at by the kernel either. */
		assert_int_equal(answer(SYS_socket, f | UINT64_C(0xffffffff00000000)), want);
		assert_int_equal(answer(SYS_connect, f), ALLOW);
	}
}

static void filter_refuses_what_is_listed_and_nothing_else(void **state)
{
	static const int refused[][2] = {
		{ SYS_io_uring_setup, ENOSYS },
		{ SYS_io_uring_enter, ENOSYS },
		{ SYS_bpf, ENOSYS },
		{ SYS_userfaultfd, ENOSYS },
		{ SYS_keyctl, ENOSYS },
		{ SYS_perf_event_open, ENOSYS },
		{ SYS_mount, EPERM },
		{ SYS_open_by_handle_at, EPERM },
	};
	unsigned denied = 0;

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(refused); i++)
		assert_int_equal(answer(refused[i][0], 0), FAIL | (uint32_t)refused[i][1]);
	for (int32_t nr = 0; nr < 1024; nr++) {
		const uint32_t a = answer(nr, AF_UNIX);

		assert_true(a == ALLOW || a == (FAIL | ENOSYS) || a == (FAIL | EPERM));
		denied += a != ALLOW;
	}
	/* Each call that is refused is two instructions. */
	assert_int_equal(denied, (n - 4 - 9 - 2 * (OURS == 0xc000003eu)) / 2);
	assert_in_range(denied, 25, 40);
	for (int32_t nr = 0; nr < 25; nr++) /* read, write, open … */
		assert_int_equal(answer(nr, 0), ALLOW);
}

/* By the kernel itself: a child under the filter. */
static int child(int (*f)(void))
{
	int status;
	const pid_t pid = fork();

	if (pid == 0) {
		struct ss_err err = { 0 };

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || rt_filter_apply(&err) < 0)
			_exit(100);
		_exit(f());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int try_sockets(void)
{
	if (socket(AF_INET, SOCK_STREAM, 0) < 0 || socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		return 1;
	if (socket(40 /* AF_VSOCK */, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT)
		return 2;
	if (syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno != ENOSYS)
		return 3;
	return syscall(SYS_keyctl, 0, 0, 0, 0, 0) < 0 && errno == ENOSYS ? 0 : 4;
}

#if defined(__x86_64__)
static int call_x32(void)
{
	(void)syscall(0x40000000 | SYS_getpid);
	return 0;
}
#endif

static void filter_holds_in_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(child(try_sockets), 0);
#if defined(__x86_64__)
	assert_int_equal(WTERMSIG(child(call_x32)), 31 /* SIGSYS */);
#endif
}

static void filter_needs_no_new_privs_from_others_than_root(void **state)
{
	struct ss_err err = { 0 };
	int status;
	const pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (geteuid() == 0 && setuid(65534) < 0)
			_exit(2);
		_exit(rt_filter_apply(&err) < 0 &&
				      strcmp(err.msg, "cannot filter system calls: Permission "
						      "denied") == 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_kills_who_calls_by_another_abi),
		cmocka_unit_test(filter_leaves_four_families_of_sockets),
		cmocka_unit_test(filter_refuses_what_is_listed_and_nothing_else),
		cmocka_unit_test(filter_holds_in_the_kernel),
		cmocka_unit_test(filter_needs_no_new_privs_from_others_than_root),
	};

	return cmocka_run_group_tests_name("rt_filter", tests, make, NULL);
}

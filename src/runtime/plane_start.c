/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "runtime/format.h"
#include "runtime/kernel_abi.h"
#include "runtime/plane_link.h"
#include "runtime/privileges.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { FD_NULL, FD_OUT, FD_ERR, FD_PAIR, FD_CONFIG, FD_TUN, FDS };
#define FD_ASIDE 32 /* from here on no number is one of these */

#define ON_EXEC (1u << 2) /* CLOSE_RANGE_CLOEXEC */

/* What the child needs of its parent. */
struct child {
	const struct rt_plane_start *s;
	int pair;
	int config;
};

static int make_config(struct ss_span bytes, int *ret, struct ss_err *err)
{
	AUTO_CLOSE int fd = memfd_create("config", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n ||
	    lseek(fd, 0, SEEK_SET) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return ss_fail_sys(err, "cannot hand the config to the dataplane");
	*ret = ss_take_fd(&fd);
	return 0;
}

/* A root that holds nothing and takes nothing. */
static int enter_nowhere(struct ss_err *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/mnt", "tmpfs", MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC,
		  "mode=0555,size=4k,nr_inodes=1") < 0)
		return ss_fail_sys(err, "cannot make its root");
	if (chdir("/mnt") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return ss_fail_sys(err, "cannot move into its root");
	return 0;
}

/* Numbers 0 to 5 as plane.h has them, and nothing else after exec. */
static int arrange(const struct child *c, int *ret_program, struct ss_err *err)
{
	int from[FDS] = { -1, FD_OUT, FD_ERR, c->pair, c->config, c->s->tun };

	from[FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < FDS; i++)
		if (from[i] >= 0 && (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_ASIDE)) < 0)
			return ss_fail_sys(err, "cannot arrange its descriptors");
	*ret_program = fcntl(c->s->program, F_DUPFD_CLOEXEC, FD_ASIDE);
	if (*ret_program < 0 || from[FD_NULL] < 0)
		return ss_fail_sys(err, "cannot arrange its descriptors");
	for (int i = 0; i < FDS; i++) {
		(void)close(i);
		if (from[i] >= 0 && dup2(from[i], i) < 0)
			return ss_fail_sys(err, "cannot arrange its descriptors");
	}
	if (syscall(SYS_close_range, FDS, ~0u, ON_EXEC) < 0)
		return ss_fail_sys(err, "cannot close what it may not have");
	return 0;
}

/* What is left, it gives up itself when its listeners are there. */
static int give_up_rights(struct ss_err *err)
{
	if (rt_become_with(RT_CAP_BIND, RT_PLANE_ID, RT_PLANE_ID, err) < 0 ||
	    rt_no_new_privileges(err) < 0)
		return -1;
	return 0;
}

/* Returns only if it fails. */
static int become(const struct child *c, struct ss_err *err)
{
	static char name[] = "dataplane", memory[24];
	char *const argv[] = { name, memory, NULL };
	char *const envp[] = { NULL };
	int program;

	(void)rt_format(memory, sizeof(memory), "%llu", (unsigned long long)c->s->memory);
	if (setsid() < 0)
		return ss_fail_sys(err, "cannot start a session");
	if (rt_oom_score("-1000", err) < 0 || rt_limits(RT_PLANE_FILES, RT_PLANE_FILES, err) < 0 ||
	    arrange(c, &program, err) < 0 || enter_nowhere(err) < 0 || give_up_rights(err) < 0 ||
	    rt_unblock_signals(err) < 0)
		return -1;
	(void)syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
	return ss_fail_sys(err, "cannot start");
}

SS_NORETURN static void run_child(const struct child *c)
{
	struct ss_err err = { 0 };
	char line[SS_ERR_MSG_MAX + 32];
	size_t n;

	(void)become(c, &err);
	n = rt_format(line, sizeof(line), "dataplane: %s\n", err.msg);
	(void)!write(FD_ERR, line, n);
	_exit(1);
}

int rt_plane_start(const struct rt_plane_start *s, struct rt_plane *ret, struct ss_err *err)
{
	struct child c = { .s = s, .config = -1 };
	int pair[2];

	if (make_config(s->config, &c.config, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ss_fail_sys(err, "cannot make the pair to the dataplane");
	if (rt_plane_init(ret, pair[0], err) < 0)
		return -1;
	c.pair = pair[1];
	ret->pid = (pid_t)syscall(
		SYS_clone, SIGCHLD | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS, 0, 0,
		0, 0);
	if (ret->pid == 0)
		run_child(&c);
	if (ret->pid < 0)
		return ss_fail_sys(err, "cannot make the dataplane's namespaces");
	(void)close(c.pair);
	(void)close(c.config);
	return 0;
}

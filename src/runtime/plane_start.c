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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { FD_NULL, FD_OUT, FD_ERR, FD_PAIR, FD_CONFIG, FD_DEVICE, FD_SECOND, FD_THIRD, FDS };
#define FD_ASIDE 32 /* from here on no number is one of these */

#define ON_EXEC (1u << 2) /* CLOSE_RANGE_CLOEXEC */
#define APART (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)

/* One of the two programs that init starts beside the application; what the child needs. */
struct part {
	const char *name;
	int program;
	int fd[FDS]; /* -1: none; those of null, out and err are made */
	uint64_t caps;
	uint32_t id;
	unsigned long spaces;
	uint64_t files;
	uint64_t heap;      /* the most there may be of it; 0 = it has none */
	const char *arg[2]; /* the second may be NULL */
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

/* Numbers 0 to 7 as the headers have them, and nothing else after exec. */
static int arrange(const struct part *c, int *ret_program, struct ss_err *err)
{
	int from[FDS];

	memcpy(from, c->fd, sizeof(from));
	from[FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	from[FD_OUT] = FD_OUT;
	from[FD_ERR] = FD_ERR;
	for (int i = 0; i < FDS; i++)
		if (from[i] >= 0 && (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_ASIDE)) < 0)
			return ss_fail_sys(err, "cannot arrange its descriptors");
	*ret_program = fcntl(c->program, F_DUPFD_CLOEXEC, FD_ASIDE);
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

/* What is left to dataplane, it gives up itself when its listeners are there. */
static int give_up_rights(const struct part *c, struct ss_err *err)
{
	if (rt_become_with(c->caps, c->id, c->id, err) < 0 || rt_no_new_privileges(err) < 0)
		return -1;
	return 0;
}

static int limit_heap(const struct part *c, struct ss_err *err)
{
	const struct rlimit r = { c->heap, c->heap };

	if (c->heap > 0 && setrlimit(RLIMIT_DATA, &r) < 0)
		return ss_fail_sys(err, "cannot limit its memory");
	return 0;
}

/* Returns only if it fails. */
static int become(const struct part *c, struct ss_err *err)
{
	static char words[3][24];
	char *argv[] = { words[0], words[1], c->arg[1] != NULL ? words[2] : NULL, NULL };
	char *const envp[] = { NULL };
	int program;

	(void)rt_format(words[0], sizeof(words[0]), "%s", c->name);
	(void)rt_format(words[1], sizeof(words[1]), "%s", c->arg[0]);
	if (c->arg[1] != NULL)
		(void)rt_format(words[2], sizeof(words[2]), "%s", c->arg[1]);
	if (setsid() < 0)
		return ss_fail_sys(err, "cannot start a session");
	if (rt_oom_score("-1000", err) < 0 || rt_limits(c->files, c->files, err) < 0 ||
	    limit_heap(c, err) < 0 || arrange(c, &program, err) < 0 || enter_nowhere(err) < 0 ||
	    give_up_rights(c, err) < 0 || rt_unblock_signals(err) < 0)
		return -1;
	(void)syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
	return ss_fail_sys(err, "cannot start");
}

SS_NORETURN static void run_child(const struct part *c)
{
	struct ss_err err = { 0 };
	char line[SS_ERR_MSG_MAX + 32];
	size_t n;

	(void)become(c, &err);
	n = rt_format(line, sizeof(line), "%s: %s\n", c->name, err.msg);
	(void)!write(FD_ERR, line, n);
	_exit(1);
}

static int start(const struct part *c, pid_t *ret, struct ss_err *err)
{
	*ret = (pid_t)syscall(SYS_clone, SIGCHLD | c->spaces, 0, 0, 0, 0);
	if (*ret == 0)
		run_child(c);
	if (*ret < 0)
		return ss_fail_sys(err, "cannot make the %s's namespaces", c->name);
	return 0;
}

int rt_plane_start(const struct rt_plane_start *s, struct rt_plane *ret, struct ss_err *err)
{
	char memory[24];
	AUTO_CLOSE int config = -1;
	AUTO_CLOSE int theirs = -1;
	int pair[2];

	(void)rt_format(memory, sizeof(memory), "%llu", (unsigned long long)s->memory);
	if (make_config(s->config, &config, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ss_fail_sys(err, "cannot make the pair to the dataplane");
	theirs = pair[1];
	if (rt_plane_init(ret, pair[0], err) < 0)
		return -1;
	return start(&(struct part){ .name = "dataplane",
				     .program = s->program,
				     .fd = { -1, -1, -1, theirs, config, s->tun, s->key, -1 },
				     .caps = RT_CAP_BIND,
				     .id = RT_PLANE_ID,
				     .spaces = APART,
				     .files = RT_PLANE_FILES,
				     .arg = { memory } },
		     &ret->pid, err);
}

int rt_key_start(const struct rt_key_start *s, pid_t *ret, struct ss_err *err)
{
	char memory[24], uid[24];
	AUTO_CLOSE int config = -1;

	(void)rt_format(memory, sizeof(memory), "%llu", (unsigned long long)s->memory);
	(void)rt_format(uid, sizeof(uid), "%u", s->least_uid);
	if (make_config(s->config, &config, err) < 0)
		return -1;
	return start(
		&(struct part){ .name = "keyplane",
				.program = s->program,
				.fd = { -1, -1, -1, s->pair, config, s->nsm, s->local, s->init },
				.id = RT_KEY_ID,
				.spaces = APART | CLONE_NEWNET,
				.files = RT_KEY_FILES,
				.heap = RT_KEY_HEAP + s->memory / 8,
				.arg = { memory, uid } },
		ret, err);
}

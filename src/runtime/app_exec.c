/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "runtime/app.h"
#include "runtime/kernel_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_FILES 1048576u
#define OPEN_FILES_SOFT 65536u
#define LAST_CAP 63 /* prctl() says EINVAL after the last that the kernel has */

/*
 * The capabilities that an image may count on, the same that other engines leave to it; all of
 * them only over what belongs to its own user namespace.
 */
static const uint8_t kept_caps[] = {
	0,  /* CHOWN */
	1,  /* DAC_OVERRIDE */
	3,  /* FOWNER */
	4,  /* FSETID */
	5,  /* KILL */
	6,  /* SETGID */
	7,  /* SETUID */
	8,  /* SETPCAP */
	10, /* NET_BIND_SERVICE */
	13, /* NET_RAW */
	18, /* SYS_CHROOT */
	27, /* MKNOD */
	29, /* AUDIT_WRITE */
	31, /* SETFCAP */
};

static char strings[MC_MAX_SIZE + MC_MAX_STRINGS];
static char *argv[MC_MAX_STRINGS + 1];
static char *envp[MC_MAX_STRINGS + 1];
static size_t strings_n;

static void make_vector(struct mc_list l, char **ret)
{
	struct ss_span s;

	/* The config's own size bounds the sum: every string fits with its NUL. */
	while (mc_next_string(&l, &s)) {
		*ret++ = strings + strings_n;
		memcpy(strings + strings_n, s.p, s.n);
		strings_n += s.n;
		strings[strings_n++] = '\0';
	}
	*ret = NULL;
}

static bool is_kept(int cap)
{
	for (size_t i = 0; i < sizeof(kept_caps); i++)
		if (kept_caps[i] == cap)
			return true;
	return false;
}

static int drop_caps(struct ss_err *err)
{
	for (int cap = 0; cap <= LAST_CAP; cap++) {
		if (is_kept(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return ss_fail_sys(err, "cannot drop capability %d", cap);
	}
	return 0;
}

/* As root, exec gives back what the bounding set leaves; as anybody else nothing is left. */
static int clear_caps(struct ss_err *err)
{
	struct {
		uint32_t version;
		int pid;
	} header = { .version = 0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */ };
	struct {
		uint32_t effective, permitted, inheritable;
	} none[2] = { { 0 }, { 0 } };

	if (syscall(SYS_capset, &header, none) < 0)
		return ss_fail_sys(err, "cannot drop capabilities");
	return 0;
}

static int set_limits(struct ss_err *err)
{
	static const struct rlimit files = { .rlim_cur = OPEN_FILES_SOFT, .rlim_max = OPEN_FILES };
	static const struct rlimit core = { 0 };

	if (prlimit(0, RLIMIT_NOFILE, &files, NULL) < 0 || prlimit(0, RLIMIT_CORE, &core, NULL) < 0)
		return ss_fail_sys(err, "cannot set limits");
	return 0;
}

/* If memory runs out, the application is what ends first, not its keeper. */
static int be_killable(struct ss_err *err)
{
	AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		return ss_fail_sys(err, "cannot set oom_score_adj");
	return 0;
}

static int become_user(const struct mc_config *c, struct ss_err *err)
{
	struct mc_list groups = c->groups;
	gid_t list[MC_MAX_GROUPS];
	size_t n = 0;
	uint32_t gid;

	while (mc_next_uint(&groups, &gid))
		list[n++] = gid;
	/* The system calls, not the library's: there is one thread, and nothing to synchronise. */
	if (syscall(SYS_setgroups, n, list) < 0)
		return ss_fail_sys(err, "cannot set the supplementary groups");
	if (syscall(SYS_setresgid, c->gid, c->gid, c->gid) < 0 ||
	    syscall(SYS_setresuid, c->uid, c->uid, c->uid) < 0)
		return ss_fail_sys(err, "cannot become %u:%u", c->uid, c->gid);
	if (c->uid != 0 && clear_caps(err) < 0)
		return -1;
	return 0;
}

static char cwd_room[4096];

static int enter_directory(struct ss_span cwd, struct ss_err *err)
{
	memcpy(cwd_room, cwd.p, cwd.n); /* mc_read() has bounded it */
	cwd_room[cwd.n] = '\0';
	if (chdir(cwd_room) < 0)
		return ss_fail_sys(err, "cannot enter the working directory '%s'", SS_SHOW(cwd));
	return 0;
}

/* No signal was ever given a handler or ignored here. */
static int unblock_signals(struct ss_err *err)
{
	sigset_t none;

	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return ss_fail_sys(err, "cannot unblock signals");
	return 0;
}

int rt_app_exec(const struct rt_app *app, struct ss_err *err)
{
	const struct mc_config *c = app->config;

	(void)umask(0022);
	make_vector(c->argv, argv);
	make_vector(c->env, envp);
	if (setsid() < 0)
		return ss_fail_sys(err, "cannot start a session");
	if (be_killable(err) < 0 || set_limits(err) < 0)
		return -1;
	if (setns(app->userns, CLONE_NEWUSER) < 0)
		return ss_fail_sys(err, "cannot enter the user namespace");
	if (drop_caps(err) < 0 || become_user(c, err) < 0)
		return -1;
	if (!c->new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ss_fail_sys(err, "cannot give up new privileges");
	if (enter_directory(c->cwd, err) < 0 || unblock_signals(err) < 0)
		return -1;
	return rt_exec(argv, envp, err);
}

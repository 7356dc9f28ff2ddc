/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/privileges.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define LAST_CAP 63 /* prctl() says EINVAL after the last that the kernel has */

int rt_caps_bound(uint64_t keep, struct ss_err *err)
{
	for (int cap = 0; cap <= LAST_CAP; cap++) {
		if ((keep >> cap & 1) != 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return ss_fail_sys(err, "cannot drop capability %d", cap);
	}
	return 0;
}

static int put_caps(uint64_t caps, uint64_t inheritable, struct ss_err *err)
{
	struct {
		uint32_t version;
		int pid;
	} header = { .version = 0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */ };
	const uint32_t low = (uint32_t)caps, high = (uint32_t)(caps >> 32);
	struct {
		uint32_t effective, permitted, inheritable;
	} sets[2] = { { low, low, (uint32_t)inheritable },
		      { high, high, (uint32_t)(inheritable >> 32) } };

	if (syscall(SYS_capset, &header, sets) < 0)
		return ss_fail_sys(err, "cannot drop capabilities");
	return 0;
}

int rt_caps_set(uint64_t caps, struct ss_err *err)
{
	return put_caps(caps, 0, err);
}

int rt_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, struct ss_err *err)
{
	if (syscall(SYS_setgroups, n_groups, groups) < 0)
		return ss_fail_sys(err, "cannot set the supplementary groups");
	if (syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
		return ss_fail_sys(err, "cannot become %u:%u", uid, gid);
	return 0;
}

/* An exec gives the ambient ones, which must be inheritable; and nothing becomes inheritable any
 * more once it is out of the bounding set. Another user keeps what is permitted, but nothing
 * ambient. */
int rt_become_with(uint64_t caps, uid_t uid, gid_t gid, struct ss_err *err)
{
	if (put_caps(caps | RT_CAP_SETGID | RT_CAP_SETUID | RT_CAP_SETPCAP, caps, err) < 0 ||
	    rt_caps_bound(0, err) < 0)
		return -1;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return ss_fail_sys(err, "cannot keep capabilities");
	if (rt_become(uid, gid, NULL, 0, err) < 0 || put_caps(caps, caps, err) < 0)
		return -1;
	for (int cap = 0; cap <= LAST_CAP; cap++)
		if ((caps >> cap & 1) != 0 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return ss_fail_sys(err, "cannot hand on capability %d", cap);
	return 0;
}

int rt_oom_score(const char *value, struct ss_err *err)
{
	AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		return ss_fail_sys(err, "cannot set oom_score_adj");
	return 0;
}

int rt_nice(int nice, struct ss_err *err)
{
	if (setpriority(PRIO_PROCESS, 0, nice) < 0)
		return ss_fail_sys(err, "cannot become as nice as %d", nice);
	return 0;
}

int rt_no_new_privileges(struct ss_err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ss_fail_sys(err, "cannot give up new privileges");
	return 0;
}

int rt_limits(uint64_t soft, uint64_t hard, struct ss_err *err)
{
	const struct rlimit files = { .rlim_cur = soft, .rlim_max = hard };
	static const struct rlimit core = { 0 };

	if (prlimit(0, RLIMIT_NOFILE, &files, NULL) < 0 || prlimit(0, RLIMIT_CORE, &core, NULL) < 0)
		return ss_fail_sys(err, "cannot set limits");
	return 0;
}

int rt_unblock_signals(struct ss_err *err)
{
	sigset_t none;

	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return ss_fail_sys(err, "cannot unblock signals");
	return 0;
}

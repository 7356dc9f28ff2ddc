/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "runtime/app.h"
#include "runtime/app_filter.h"
#include "runtime/privileges.h"

#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FILES 1048576u
#define OPEN_FILES_SOFT 65536u

/*
 * The capabilities that an image may count on, the same that other engines leave to it; all of
 * them only over what belongs to its own user namespace.
 */
#define CAP(n) (UINT64_C(1) << (n))
static const uint64_t kept_caps = CAP(0) |  /* CHOWN */
				  CAP(1) |  /* DAC_OVERRIDE */
				  CAP(3) |  /* FOWNER */
				  CAP(4) |  /* FSETID */
				  CAP(5) |  /* KILL */
				  CAP(6) |  /* SETGID */
				  CAP(7) |  /* SETUID */
				  CAP(8) |  /* SETPCAP */
				  CAP(10) | /* NET_BIND_SERVICE */
				  CAP(13) | /* NET_RAW */
				  CAP(18) | /* SYS_CHROOT */
				  CAP(27) | /* MKNOD */
				  CAP(29) | /* AUDIT_WRITE */
				  CAP(31);  /* SETFCAP */

static char strings[MC_MAX_SIZE + MC_MAX_STRINGS];
static char *argv[MC_MAX_STRINGS + 1];
static char *envp[MC_MAX_STRINGS + MC_MAX_SECRETS + 1];
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

static int become_user(const struct mc_config *c, struct ss_err *err)
{
	struct mc_list groups = c->groups;
	gid_t list[MC_MAX_GROUPS];
	size_t n = 0;
	uint32_t gid;

	while (mc_next_uint(&groups, &gid))
		list[n++] = gid;
	if (rt_become(c->uid, c->gid, list, n, err) < 0)
		return -1;
	/* As root, exec gives back what the bounding set leaves; as anybody else nothing is left.
	 */
	return c->uid != 0 ? rt_caps_set(0, err) : 0;
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

int rt_app_exec(const struct rt_app *app, struct ss_err *err)
{
	const struct mc_config *c = app->config;

	(void)umask(0022);
	make_vector(c->argv, argv);
	make_vector(c->env, envp);
	rt_secrets_env(app->secrets, envp, c->env.n);
	if (setsid() < 0)
		return ss_fail_sys(err, "cannot start a session");
	/* If memory runs out, the application is what ends first, not its keeper. */
	if (rt_oom_score("0", err) < 0 || rt_nice(RT_NICE_APPLICATION, err) < 0 ||
	    rt_limits(OPEN_FILES_SOFT, OPEN_FILES, err) < 0)
		return -1;
	if (setns(app->userns, CLONE_NEWUSER) < 0)
		return ss_fail_sys(err, "cannot enter the user namespace");
	if (rt_filter_apply(err) < 0 || rt_caps_bound(kept_caps, err) < 0 ||
	    become_user(c, err) < 0)
		return -1;
	if (!c->new_privileges && rt_no_new_privileges(err) < 0)
		return -1;
	if (enter_directory(c->cwd, err) < 0 || rt_unblock_signals(err) < 0)
		return -1;
	return rt_exec(argv, envp, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/measured.h"
#include "runtime/app_room.h"
#include "runtime/app_secret.h"
#include "runtime/console.h"

#include <sys/types.h>

/*
 * The application: how it is kept apart and started. What becomes of it is the supervisor's.
 *
 *   init (PID 1)                 the supervisor
 *    └ keeper                    PID 1 of the application's PID namespace, still the real root:
 *       │                        makes its mounts, reaps what is orphaned, ends when it ends
 *       └ application            in a user namespace of its own, no capability outside of it
 *
 * Image ids 0 … 2^30 - 1 are the kernel's 2^30 … 2^31 - 1, for its processes and, through an
 * idmapped mount, for its files. Its root is that mount of /app/rootfs: nodev, nosuid unless the
 * measured config grants new privileges. It owns no mount namespace, so it can change no mount.
 * Started again, it finds its files as it left them, and all else new.
 */
#define RT_ID_BASE 0x40000000u
#define RT_ID_COUNT 0x40000000u

struct rt_app {
	const struct mc_config *config;
	struct rt_secrets *secrets;
	struct rt_room room;
	bool has_nsm_device; /* /dev/nsm is there to be granted */
	bool has_attest; /* RT_ATTEST has the socket; false after rt_app_prepare(): no place for it
			  */
	const char *resolver; /* whom the application asks for names, or NULL */
	int userns;           /* the application's user namespace, for every start */
	/* Of one start; the descriptors are then the caller's. */
	int tree; /* its root, an idmapped mount that is not attached yet; closed when it started */
	pid_t keeper;
	int output[2]; /* reading ends: stdout, stderr */
	int report;    /* reading end: see below */
	int status;    /* reading end: waitpid()'s, when it has ended */
};

/*
 * What comes out of the report pipe: nothing and its end when the program is running; or a stop
 * code in one byte and a message. Afterwards, over the other pipe, the raw status of waitpid().
 */
#define RT_REPORT_MAX 600u

/* Once: makes what the image lacks (/proc, /sys, /dev, /tmp, /run), its files in /etc and the user
 * namespace. *ret_etc is false if the image's /etc was left alone. */
SS_MUST_CHECK SS_NONNULL int rt_app_prepare(struct rt_app *app, bool *ret_etc, struct ss_err *err);
/* For each start: the mount. */
SS_MUST_CHECK SS_NONNULL int rt_app_clone_tree(struct rt_app *app, struct ss_err *err);
/* In the keeper: attaches the root with its own /proc, /sys and /dev, and moves into it. */
SS_MUST_CHECK SS_NONNULL int rt_app_enter_root(const struct rt_app *app, struct ss_err *err);
/* In the application's process: gives up everything, then becomes the program. Returns only on
 * failure; the message names the program. */
SS_NONNULL int rt_app_exec(const struct rt_app *app, struct ss_err *err);
/* Starts keeper and application. */
SS_MUST_CHECK SS_NONNULL int rt_app_start(struct rt_app *app, struct ss_err *err);

/*
 * Becomes argv[0]: as it is if it holds a slash, else the first in PATH of `envp` (without one:
 * the usual folders) that can be executed. Never through a shell. Returns only on failure.
 */
SS_NONNULL int rt_exec(char *const *argv, char *const *envp, struct ss_err *err);

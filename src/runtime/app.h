/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/measured.h"
#include "runtime/console.h"

#include <sys/types.h>

/*
 * The application: how it is kept apart, started and watched.
 *
 *   init (PID 1)                 the watcher: relays output, passes signals on, reports the end
 *    └ keeper                    PID 1 of the application's PID namespace, still the real root:
 *       │                        makes its mounts, reaps what is orphaned, ends when it ends
 *       └ application            in a user namespace of its own, no capability outside of it
 *
 * Image ids 0 … 2^30 - 1 are the kernel's 2^30 … 2^31 - 1, for its processes and, through an
 * idmapped mount, for its files. Its root is that mount of /app/rootfs: nodev, nosuid unless the
 * measured config grants new privileges. It owns no mount namespace, so it can change no mount.
 */
#define RT_ID_BASE 0x40000000u
#define RT_ID_COUNT 0x40000000u

/* What one start needs; descriptors are the owner's until rt_app_start() has returned. */
struct rt_app {
	const struct mc_config *config;
	bool has_nsm_device;  /* /dev/nsm is there to be granted */
	const char *resolver; /* whom the application asks for names, or NULL */
	int userns;           /* the application's user namespace */
	int tree;             /* its root, an idmapped mount that is not attached yet */
	pid_t keeper;
	int output[2]; /* reading ends: stdout, stderr */
	int report;    /* reading end: see rt_app_report */
};

/*
 * What comes out of the report pipe: nothing and its end when the program is running; or a stop
 * code in one byte and a message. Afterwards, over the other pipe, the raw status of waitpid().
 */
#define RT_REPORT_MAX 600u

/* Makes what the image lacks (/proc, /sys, /dev, /tmp, /run), its files in /etc, the user namespace
 * and the mount. *ret_etc is false if the image's /etc was left alone. */
SS_MUST_CHECK SS_NONNULL int rt_app_prepare(struct rt_app *app, bool *ret_etc, struct ss_err *err);
/* In the keeper: attaches the root with its own /proc, /sys and /dev, and moves into it. */
SS_MUST_CHECK SS_NONNULL int rt_app_enter_root(const struct rt_app *app, struct ss_err *err);
/* In the application's process: gives up everything, then becomes the program. Returns only on
 * failure; the message names the program. */
SS_NONNULL int rt_app_exec(const struct rt_app *app, struct ss_err *err);
/* Starts keeper and application. */
SS_MUST_CHECK SS_NONNULL int rt_app_start(struct rt_app *app, int *ret_status_fd,
					  struct ss_err *err);

struct rt_app_end {
	bool failed; /* it never ran: `code` and the error say why */
	enum rt_stop_code code;
	int status; /* waitpid()'s */
};
/* Until the application's end: says when it runs, copies its output to the console, passes on
 * SIGTERM, SIGINT and SIGPWR as its stop signal. */
SS_MUST_CHECK SS_NONNULL int rt_app_watch(struct rt_app *app, int status_fd, struct rt_app_end *ret,
					  struct ss_err *err);

/*
 * Becomes argv[0]: as it is if it holds a slash, else the first in PATH of `envp` (without one:
 * the usual folders) that can be executed. Never through a shell. Returns only on failure.
 */
SS_NONNULL int rt_exec(char *const *argv, char *const *envp, struct ss_err *err);

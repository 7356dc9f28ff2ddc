/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/app.h"
#include "runtime/app_life.h"
#include "runtime/output.h"
#include "runtime/wall_clock.h"

#include <poll.h>

/*
 * What init is from the moment that everything is prepared: one loop over the application's output,
 * the signals, the wishes of dataplane, and time. Starts in order, each when the one before is
 * ready: dataplane, the clock, secrets that are required, the application. What is decided is
 * decided in app_life.c and wall_clock.c; here it is done.
 */
#define RT_READY_MS 30000u     /* for dataplane */
#define RT_TIME_MS 5000u       /* for the host's first time; then the application starts without */
#define RT_SECRETS_MS 3600000u /* for those without which the application does not start */
#define RT_FLUSH_MS 3000u      /* for the last word to the host */
#define RT_PTP_MS 64000u       /* between two looks at the hypervisor's clock */

enum rt_stage {
	RT_AWAIT_READY, /* dataplane */
	RT_AWAIT_TIME,  /* the host's first */
	RT_AWAIT_SECRETS,
	RT_AWAIT_END, /* the application was started */
};

enum {
	RT_POLL_OUT,
	RT_POLL_ERR,
	RT_POLL_REPORT,
	RT_POLL_SIGNALS,
	RT_POLL_PLANE,
	RT_POLL_SECRETS,
	RT_POLLS
};

struct rt_supervisor {
	const struct mc_config *config;
	struct rt_app app;
	struct rt_secrets secrets;
	struct rt_plane plane; /* .fd -1: none here */
	pid_t key;             /* keyplane; -1: none here */
	struct rt_clock clock;
	struct rt_life life;
	enum rt_stage stage;
	uint64_t stage_due;
	uint64_t ptp_due;
	struct pollfd fds[RT_POLLS];
	bool up; /* a keeper runs, or its output is not read to the end */
	bool keeper_ended;
	int keeper_status;
	bool failed; /* the program did not start: */
	enum rt_stop_code code;
	struct ss_err why;
};

/* `config`, `app`, `secrets`, `plane` and `clock` are filled in. */
SS_NORETURN SS_NONNULL void rt_supervise(struct rt_supervisor *s);

/* The last word: to dataplane, which has a bounded time to pass it on, and to the console. With a
 * code: what went wrong; else how the application ended. */
SS_NORETURN SS_NONNULL void rt_last_word(struct rt_plane *p, int status);
SS_NORETURN SS_NONNULL void rt_last_stop(struct rt_plane *p, enum rt_stop_code code,
					 const struct ss_err *err);
/* "exited 7" or "killed by signal 9" */
SS_NONNULL void rt_say_status(char *ret, size_t room, int status);
/* Milliseconds of a clock that only goes forward. */
uint64_t rt_now_ms(void);

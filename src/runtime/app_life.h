/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/measured.h"

/*
 * When the application is started, started again, told to stop, and killed. Decisions alone: no
 * system call and no clock. The caller says what happened, and when, in milliseconds of a clock
 * that only goes forward; and does what the answer says before it tells the next thing.
 *
 * An end is followed by a start if the measured policy wants it: after 100 ms, then after twice as
 * long as the last time, 30 s at most; who ran for a minute begins with 100 ms again. A wish to
 * stop is final: the stop signal, the grace, SIGKILL, no further start.
 */
#define RT_LIFE_PAUSE_MS 100u
#define RT_LIFE_PAUSE_MAX_MS 30000u
#define RT_LIFE_SETTLED_MS 60000u
#define RT_LIFE_NEVER UINT64_MAX

enum rt_life_state { RT_LIFE_NEW, RT_LIFE_RUNS, RT_LIFE_PAUSES, RT_LIFE_STOPS, RT_LIFE_OVER };

enum rt_life_do {
	RT_LIFE_WAIT,
	RT_LIFE_START,
	RT_LIFE_PAUSE,  /* it will start again in pause_ms: say so */
	RT_LIFE_SIGNAL, /* the stop signal */
	RT_LIFE_KILL,
	RT_LIFE_END, /* nothing runs and nothing will */
};

struct rt_life {
	enum mc_restart restart;
	uint32_t grace_ms;
	enum rt_life_state state;
	bool ran;          /* `status` is its last end */
	int status;        /* waitpid()'s */
	uint32_t starts;   /* so far */
	uint32_t pause_ms; /* the present or next one */
	uint64_t since;    /* it runs since then */
	uint64_t due;      /* the next rt_life_tick(), or RT_LIFE_NEVER */
};

SS_NONNULL void rt_life_init(struct rt_life *l, enum mc_restart restart, uint32_t grace_ms);
/* The first start. */
SS_MUST_CHECK SS_NONNULL enum rt_life_do rt_life_begin(struct rt_life *l, uint64_t now);
/* It ended. */
SS_MUST_CHECK SS_NONNULL enum rt_life_do rt_life_ended(struct rt_life *l, int status, uint64_t now);
/* Somebody wants it to stop; 0 = the measured grace. A second wish can only shorten the grace. */
SS_MUST_CHECK SS_NONNULL enum rt_life_do rt_life_stop(struct rt_life *l, uint64_t grace_ms,
						      uint64_t now);
/* Time has passed. */
SS_MUST_CHECK SS_NONNULL enum rt_life_do rt_life_tick(struct rt_life *l, uint64_t now);

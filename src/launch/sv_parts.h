/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/console_watch.h"
#include "launch/host.h"
#include "launch/outlet.h"
#include "launch/store.h"
#include "launch/supervise.h"
#include "launch/talk.h"

#include <sys/queue.h>

/* What sv_*.c share: one run. */
#define SV_LINES ((size_t)2 * 1024 * 1024) /* of logs that are kept for `logs` */
#define SV_CONSOLE ((size_t)512 * 1024)
#define SV_MAX_CLIENTS 32u
#define SV_CLIENT_OUT ((size_t)512 * 1024)
#define SV_DRAIN_MS 2000u /* for what has been said when the machine has ended */

struct sv_client;
LIST_HEAD(sv_client_list, sv_client);

struct sv {
	struct sv_plan *p;
	const struct sv_face *face; /* NULL: none */
	struct loop *loop;
	struct machine *machine;
	struct host *host;
	struct outlet *outlet;

	struct loop_fd ended_io, console_io, signal_io, report_io;
	struct loop_timer limit; /* of booting, of stopping, of ending: one at a time */
	struct loop_timer drain;
	struct console_watch console;
	bool show_console;
	uint64_t console_dropped;

	struct store lines, console_store;
	uint8_t *record; /* STORE_MAX_RECORD bytes */

	struct loop_fd listener;
	struct sv_client_list clients;
	size_t n_clients;

	bool booted, reported, told_ready;
	enum frame_state state;
	char reason[FRAME_MAX_TEXT + 1];  /* of the state, escaped */
	unsigned stops;                   /* how often we were told to stop */
	bool machine_ended, drained, cut; /* cut: without waiting for output */
	struct machine_end machine_end;
	bool end_known;
	struct sv_end end;
};

/* A line of ours: for people, and for `logs`. */
SS_NONNULL SS_PRINTF(2, 3) void sv_note(struct sv *s, const char *fmt, ...);
/* The first reason wins; the machine is stopped. */
SS_NONNULL SS_PRINTF(2, 3) void sv_fail(struct sv *s, const char *fmt, ...);
/* Somebody wants it to end: the first time in order, then at once. */
SS_NONNULL void sv_stop(struct sv *s, uint32_t grace_ms);
SS_NONNULL struct sv_status sv_status(const struct sv *s);

/* --- what is shown: sv_show.c --- */
SS_NONNULL void sv_show_frame(struct sv *s, const struct frame *f);
SS_NONNULL void sv_show_console(struct sv *s, struct ss_span line);
SS_NONNULL void sv_show_news(struct sv *s, int failed);

/* --- who asks: sv_serve.c --- */
SS_MUST_CHECK SS_NONNULL int sv_serve_start(struct sv *s, struct ss_err *err);
/* New lines, or new console: those who follow get them. */
SS_NONNULL void sv_serve_more(struct sv *s);
/* Nobody else may ask. */
SS_NONNULL void sv_serve_close(struct sv *s);
/* It has ended: everybody gets what they wait for. */
SS_NONNULL void sv_serve_end(struct sv *s);
SS_NONNULL bool sv_serve_is_idle(const struct sv *s);
SS_NONNULL void sv_serve_done(struct sv *s);

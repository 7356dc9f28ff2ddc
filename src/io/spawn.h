/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

#include <stdbool.h>

/*
 * Runs one other program to its end: an argument vector, never a shell.
 *
 * The program gets a process group of its own. When we are told to end (SIGINT, SIGTERM, SIGHUP
 * at their default action) or the time is over, the whole group gets SIGTERM and, IO_SPAWN_GRACE_MS
 * later, SIGKILL; a signal is then raised again, so that we end by it as usual. If we die
 * without warning the program gets SIGTERM (Linux). What it prints is handed on line by line while
 * it runs: without the line's end, NUL bytes shown as '?', lines over IO_SPAWN_LINE_MAX cut into
 * several, a bare CR ends a line too. The bytes are the program's: escape before showing.
 * Any number of threads may run programs at once.
 */
#define IO_SPAWN_LINE_MAX 4096u
#define IO_SPAWN_GRACE_MS 3000u

enum io_stream { IO_STDOUT, IO_STDERR };

struct io_spawn {
	const char *const *argv; /* NULL-terminated; argv[0] without '/' is looked up in PATH */
	const char *const *env;  /* the whole environment, "K=V"; NULL = ours */
	const char *dir;         /* working directory; NULL = ours */
	int in_fd;               /* its standard input; 0 = /dev/null */
	int out_fd;              /* its standard output goes here as it is; 0 = to line() */
	unsigned umask;          /* 0 = ours */
	uint64_t timeout_ms;     /* 0 = as long as it takes */
	bool enclosed;           /* with it ends all that it starts and mounts (io/enclose.h) */
	bool tidying;            /* signals do not stop it: it has a time, and an end to make */
	/* May be NULL. Called on the thread of io_spawn_run(). */
	void (*line)(void *ctx, enum io_stream from, const char *line);
	void *ctx;
};

struct io_exit {
	int status;     /* 0 … 255, or 128 + n for signal n */
	char last[256]; /* its last non-empty line on standard error, control bytes shown as '?' */
};

/*
 * 0 once the program ran and ended, whatever its status; -1 if it could not be started, if the
 * time was over or if a signal that somebody handles stopped us.
 */
SS_MUST_CHECK SS_NONNULL int io_spawn_run(const struct io_spawn *s, struct io_exit *ret,
					  struct ss_err *err);

/* -1 with `code` and the program's last words unless its status is 0; `what` is "podman save". */
SS_MUST_CHECK SS_NONNULL int io_exit_check(const struct io_exit *e, const char *what,
					   enum ss_code code, struct ss_err *err);

/* The file that `name` means: itself with a '/', else the first executable in PATH; NULL = none.
 * The caller frees it. */
SS_MUST_CHECK SS_NONNULL char *io_spawn_find(const char *name);

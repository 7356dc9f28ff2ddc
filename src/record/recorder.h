/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "record/rec_store.h"
#include "record/rec_tape.h"

#include <pthread.h>

/*
 * The recorder: an HTTP proxy that RUN steps fetch through. Recording, it asks the server, keeps
 * the body in the store and the rest on the tape; playing, it asks nobody. A step gets the same
 * bytes in both cases: the head is made from the entry, never from what the server sent.
 *
 * https goes through CONNECT, ended here with a certificate of an authority that lives as long as
 * the recorder. GET, HEAD and POST; anything else is refused by name, and so is, playing, what the
 * lock has no entry for. A thread a connection. What it refused or could not fetch is told to
 * `problem`.
 */
#define REC_CONNECTIONS_MAX 256u

struct rec_config {
	bool play;
	struct rec_store *store;
	const struct cfg_list *inputs; /* of the lock, sorted: what to play */
	uint64_t epoch;                /* the Date of every answer */
	uint64_t body_max;             /* 0 = REC_OBJECT_MAX */
	unsigned stall_s;              /* a server that sends nothing for so long; 0 = 60 */
	const char *ca_file;           /* io_fetch; NULL = the system's */
	/* One line each, without secrets; from any thread, one at a time. May be NULL. */
	void (*problem)(void *ctx, const char *line);
	void *ctx;
};

struct recorder;

/* Serves what connects to `listen_fd`, which is the recorder's from here on. Borrows the config. */
SS_MUST_CHECK SS_NONNULL int recorder_start(const struct rec_config *c, int listen_fd,
					    struct recorder **ret, struct ss_err *err);
/* The certificate, in PEM, by which steps know this recorder; appended. */
SS_MUST_CHECK SS_NONNULL int recorder_certificate(const struct recorder *r, struct ss_buf *ret,
						  struct ss_err *err);
/* Ends all connections, waits for them, and gives what was recorded (empty when playing). */
SS_MUST_CHECK SS_NONNULL int recorder_stop(struct recorder *r, struct cfg_list *ret,
					   struct ss_err *err);

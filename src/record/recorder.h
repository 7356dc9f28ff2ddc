/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "io/doors.h"
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
 * lock has no entry for. What is this machine's alone is asked for nobody (rec_reach.h). A thread a
 * connection. What it refused or could not fetch is told to
 * `problem`.
 *
 * Programs that know no proxy are led here (io/doors.h): every name has an address, connections to
 * any are judged by the name in TLS's hello or by Host; what is neither is refused, unless listed.
 */
#define REC_CONNECTIONS_MAX 256u
#define REC_STEPS_MAX 64u /* at a time */

struct rec_config {
	bool play; /* what `inputs` has; anything else is refused, */
	bool more; /* or asked for and recorded */
	/* Playing, a body that the store lacks is asked for, and must be the locked one. */
	bool fetch_missing;
	struct rec_store *store;
	const struct cfg_list *inputs; /* of the lock, sorted: what to play */
	uint64_t epoch;                /* the Date of every answer */
	uint64_t body_max;             /* 0 = REC_OBJECT_MAX */
	unsigned stall_s;              /* a server that sends nothing for so long; 0 = 60 */
	unsigned first_s;              /* a led connection that says nothing for so long; 0 = 30 */
	const char *ca_file;           /* io_fetch; NULL = the system's */
	/* "host:port": TCP that is passed on unrecorded; NULL = none. */
	const struct cfg_texts *raw;
	/* "host:port": what only this machine may ask and steps may all the same; NULL = nothing.
	 */
	const struct cfg_texts *local;
	/* One line each, without secrets; from any thread, one at a time. May be NULL. */
	void (*problem)(void *ctx, const char *line);
	void *ctx;
};

struct recorder;

/* What a step asked for. */
struct rec_counts {
	uint64_t requests; /* that got an answer */
	uint64_t bytes;    /* of their bodies */
	uint64_t cached;   /* answers for which nobody was asked */
	uint64_t failed;   /* requests that were refused, or could not be fetched */
};

/* Serves what connects to `listen_fd` (-1: nobody), the recorder's from here on, as a proxy.
 * Borrows the config. */
SS_MUST_CHECK SS_NONNULL int recorder_start(const struct rec_config *c, int listen_fd,
					    struct recorder **ret, struct ss_err *err);
/* The certificate, in PEM, by which steps know this recorder; appended. */
SS_MUST_CHECK SS_NONNULL int recorder_certificate(const struct recorder *r, struct ss_buf *ret,
						  struct ss_err *err);
/* The same as a trust store for Java (record/rec_jks.h). */
SS_MUST_CHECK SS_NONNULL int recorder_key_store(const struct recorder *r, struct ss_buf *ret,
						struct ss_err *err);
/* Serves a step through its doors (io_doors_open(); -1 where there is none), which are the
 * recorder's from here on, whatever is returned. */
SS_MUST_CHECK SS_NONNULL int recorder_step_begin(struct recorder *r, const int doors[IO_DOORS],
						 size_t *ret_step, struct ss_err *err);
/* Closes them, so that the step's network can go. */
SS_NONNULL void recorder_step_end(struct recorder *r, size_t step, struct rec_counts *ret);
/* Ends all connections, waits for them, and gives what is to be locked: what was recorded
 * and, with `more`, what was played. Empty when only playing. */
SS_MUST_CHECK SS_NONNULL int recorder_stop(struct recorder *r, struct cfg_list *ret,
					   struct ss_err *err);

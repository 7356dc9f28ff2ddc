/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "record/rec_parts.h"

#include <assert.h>
#include <stdatomic.h>

/*
 * The inside of a recorder, for the files that keep a part of it: rec_state.c (what all ask it
 * for), rec_told.c (what is told and counted), rec_alias.c (redirects), rec_slots.c (connections)
 * and recorder.c, which begins and ends it. Everybody else has rec_parts.h. Calls between the files
 * of this folder go one way.
 */

/* A redirect to a URL with secrets. */
struct rec_alias {
	char *plain;
	char *real;
};

enum rec_slot_state {
	REC_SLOT_FREE,
	REC_SLOT_RUNNING,
	REC_SLOT_OVER, /* to be joined */
};

/* A connection and its thread. */
struct rec_slot {
	enum rec_slot_state state;
	int fd;
	pthread_t thread;
};

/* What was refused, and how often. */
struct rec_refusal {
	char *line;
	uint64_t n;
};

/* A step and what it asked for. */
struct rec_place {
	bool taken;
	struct rec_step *step;
	struct rec_counts counts;
};

struct recorder {
	const struct rec_config *config;
	struct rec_names *names;
	struct rec_tape *tape;
	struct rec_authority *authority;
	void (*serve)(struct rec_conn *c); /* a connection, until it ends */
	int listen_fd;
	int wake[2]; /* a byte: stop */
	atomic_bool stopping;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t gone;
	struct rec_slot slots[REC_CONNECTIONS_MAX];
	size_t n_open; /* connections */
	struct rec_alias *aliases;
	size_t n_aliases;
	struct rec_refusal *refused;
	size_t n_refused;
	struct rec_place steps[REC_STEPS_MAX];
};

static inline void rec_must(int rc)
{
	assert(rc == 0);
	(void)rc;
}

/* Without an authority, which can fail, and with nothing begun. */
SS_NONNULL struct recorder *rec_state_new(const struct rec_config *c, int listen_fd);
/* Closes what is open; all connections and steps have ended. */
SS_NONNULL void rec_state_free(struct recorder *r);

/* What happened more than once, at the end. */
SS_NONNULL void rec_told_end(struct recorder *r);

/* Ends all connections, and waits for them. */
SS_NONNULL void rec_slots_end(struct recorder *r);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * The last records (log lines, pieces of console) that fit into a fixed number of bytes; an older
 * one goes for each new one. Any number of readers, each with a place of its own, which need not be
 * told when what they had still to read has gone: they find out how much it was.
 */
#define STORE_MAX_RECORD 65536u

struct store {
	uint8_t *p;
	size_t cap;
	size_t at, n;         /* the bytes in use: n from `at` on, round the end */
	uint64_t first, next; /* numbers of the oldest record, and of the one to come */
};

/* A reader's place; zeroed = the oldest record there is. */
struct store_place {
	uint64_t number;
	size_t offset; /* of that record, from the oldest; valid while `first` is `seen` */
	uint64_t seen;
};

SS_NONNULL void store_init(struct store *s, size_t cap);
void store_done(struct store *s); /* accepts a zeroed one */
/* Cut to STORE_MAX_RECORD, and to what fits at all. */
SS_NONNULL void store_put(struct store *s, struct ss_span record);
/*
 * The record at `p`, copied to `ret` (STORE_MAX_RECORD bytes), and `p` moves on; false if there is
 * none yet. *ret_lost: how many had gone before it could be read.
 */
SS_MUST_CHECK SS_NONNULL bool store_next(const struct store *s, struct store_place *p, uint8_t *ret,
					 size_t *ret_n, uint64_t *ret_lost);

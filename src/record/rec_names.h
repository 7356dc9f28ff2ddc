/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/*
 * The names that steps ask for, and an address for each: nobody's, from 198.18.0.0/15, the same
 * number behind fd73:656c:6673:616d::/96. It follows from the name, so it is the same in every
 * build unless two names of one build want the same; whether the name exists is told when something
 * is fetched from it. Any number of threads.
 */
#define REC_NAMES_MAX 32768u

struct rec_names;

SS_MUST_CHECK struct rec_names *rec_names_new(void);
void rec_names_free(struct rec_names *n);

/* Appends the answer to a DNS message; false: it is none that gets an answer. */
SS_MUST_CHECK SS_NONNULL bool rec_names_answer(struct rec_names *n, struct ss_span question,
					       struct ss_buf *ret);

#define REC_WHERE_MAX 264u /* a name, or an address in brackets where it has colons */

/* What a program meant by an address (IPv4 as ::ffff:a.b.c.d): the name, or the address itself. */
SS_NONNULL void rec_names_where(struct rec_names *n, const uint8_t address[16],
				char ret[REC_WHERE_MAX]);

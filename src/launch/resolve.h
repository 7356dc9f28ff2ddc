/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "launch/loop.h"

#include <netinet/in.h>

/*
 * Names to addresses by the host's own means (getaddrinfo: files, DNS, whatever the host has set
 * up), on a few threads, since it can only be waited for. The enclave asks, so the number of
 * questions is bounded; an answer that nobody waits for any more is dropped. A thread that is stuck
 * in a question does not hold up the end of the program.
 */
#define RESOLVE_THREADS 8u
#define RESOLVE_MAX_JOBS 256u /* waiting or being asked */
#define RESOLVE_MAX_ADDRS 8u
#define RESOLVE_MAX_NAME 253u

union resolve_addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};
socklen_t resolve_addr_size(const union resolve_addr *a);

struct resolve_answer {
	union resolve_addr addrs[RESOLVE_MAX_ADDRS]; /* with the port; in the system's order */
	size_t n;                                    /* 0: there is no such name, or nobody knows */
};

struct resolver;
struct resolve_job;

SS_MUST_CHECK SS_NONNULL int resolver_new(struct loop *l, struct resolver **ret,
					  struct ss_err *err);
void resolver_free(struct resolver *r); /* accepts NULL; no `done` is called any more */

/*
 * `done` is called from the loop, unless the job is cancelled before; the job is gone then. NULL:
 * too many questions already.
 */
SS_MUST_CHECK SS_NONNULL struct resolve_job *
resolver_ask(struct resolver *r, struct ss_span name, uint16_t port,
	     void (*done)(void *ctx, const struct resolve_answer *a), void *ctx);
void resolver_cancel(struct resolve_job *j); /* accepts NULL */

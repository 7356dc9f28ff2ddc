/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "config/lock_input.h"

/*
 * Whom the recorder asks on behalf of a step (docs/decisions/0031-what-steps-reach.md). It stands
 * in the host's own network: what only this machine may ask, a step may not. Judged is the address
 * that is connected to, after names were looked up; allowed is what the project lists by name.
 */
enum rec_reach {
	REC_REACH_ANY,      /* everybody's */
	REC_REACH_SELF,     /* this machine: loopback, "any", an address of its own */
	REC_REACH_LINK,     /* link-local */
	REC_REACH_METADATA, /* where clouds tell machines their credentials */
};

/* By the number alone, whatever form of IPv6 holds one of IPv4; IPv4 as ::ffff:a.b.c.d. */
enum rec_reach rec_reach_of(const uint8_t address[16]);

/* By the name alone: "localhost" and what is below it, the metadata services' names. */
enum rec_reach rec_reach_of_name(struct ss_span host);

/* Host and port of a URL in the form of rec_url_make(), as lists have them: "host:port". */
#define REC_REACH_WHERE 272u
SS_NONNULL void rec_reach_where(const char *url, char ret[REC_REACH_WHERE]);

/* `list` may be NULL. */
bool rec_reach_is_listed(const struct cfg_texts *list, const char *where);

/* SS_EINPUT, with the key in the message, unless the list has `where` or anybody may be there. */
SS_MUST_CHECK int rec_reach_check(const struct cfg_texts *list, const char *where,
				  const uint8_t address[16], struct ss_err *err);
/* The same before anything is looked up: names and numbers in the URL itself. With a proxy in
 * between nothing else can be judged here. */
SS_MUST_CHECK int rec_reach_check_name(const struct cfg_texts *list, const char *where,
				       struct ss_err *err);

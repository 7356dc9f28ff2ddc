/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "fmt/frame.h"
#include "launch/resolve.h"

/*
 * A connection to a name or an address out in the world, without waiting: the name is resolved,
 * then its addresses are tried, IPv6 and IPv4 in turn, each CONNECT_STAGGER_MS after the one before
 * or as soon as that has failed (RFC 8305 in small). The first to answer wins. All of it takes
 * CONNECT_MS at most. A UDP socket is connected to the first address that there is a route to.
 */
#define CONNECT_STAGGER_MS 250u
#define CONNECT_MS 20000u

struct connect_to {
	struct ss_span name;     /* without a NUL; or empty, and: */
	union resolve_addr addr; /* with its port */
	uint16_t port;
	bool udp;
};

struct connection;

/*
 * `done` is called from the loop, never from here, with a non-blocking socket that is the owner's,
 * or -1 and why not; the connection is gone then.
 */
SS_MUST_CHECK SS_NONNULL struct connection *
connect_start(struct loop *l, struct resolver *r, const struct connect_to *to,
	      void (*done)(void *ctx, enum frame_opened status, int fd), void *ctx);
void connect_cancel(struct connection *c); /* accepts NULL */

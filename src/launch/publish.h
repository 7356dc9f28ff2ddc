/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/facts.h"
#include "launch/host.h"

/*
 * `--port [IP:]HOST:GUEST`: what is published, and the sockets for it, bound before the enclave is
 * started, so that a port that is taken stops nothing half-way. Without an IP it is every address
 * of the host, IPv4 and IPv6; an IPv6 address stands in brackets. HOST 0 is any free port.
 */
#define PUBLISH_MAX 128u

struct publish_port {
	union resolve_addr addr; /* as bound, with the port that it became */
	bool any;                /* no IP was given */
	uint16_t to;
	bool udp, proxy;
	bool attested; /* TLS ends inside, which needs an NSM */
	int fd;
};

struct publish {
	struct publish_port v[PUBLISH_MAX];
	size_t n;
};

/* "[IP:]HOST:GUEST"; *ret_port as it is to be bound. */
SS_MUST_CHECK SS_NONNULL int publish_read(const char *text, struct publish_port *ret,
					  struct ss_err *err);
/* "[IP:]PORT", without an IP that of this machine alone: for --metrics and --dns. */
SS_MUST_CHECK SS_NONNULL int publish_read_addr(const char *text, const char *default_ip,
					       uint16_t default_port, union resolve_addr *ret,
					       struct ss_err *err);
/* Every ingress of the image with the port GUEST: the stream, the datagrams, or both. */
SS_MUST_CHECK SS_NONNULL int publish_open(const struct facts *f, const char *text,
					  struct publish *ret, struct ss_err *err);
void publish_done(struct publish *p); /* closes what is not taken: fd >= 0 */

/* A bound socket, listening if it is for streams. `addr` becomes what it is bound to. */
SS_MUST_CHECK SS_NONNULL int publish_bind(union resolve_addr *addr, bool any, bool udp, int *ret_fd,
					  struct ss_err *err);

#define PUBLISH_TEXT 96u
/* "0.0.0.0:8080", "[::1]:8080", "*:8080". */
SS_NONNULL void publish_show(const union resolve_addr *addr, bool any, char ret[PUBLISH_TEXT]);
/* Port number of an address. */
SS_NONNULL uint16_t publish_port_of(const union resolve_addr *addr);

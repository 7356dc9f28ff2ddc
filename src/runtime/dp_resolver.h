/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/dns.h"
#include "runtime/dp_dial.h"
#include "runtime/dp_limits.h"
#include "runtime/dp_packet.h"

/*
 * The resolver inside. Names of the allow-list have addresses of ours (dp_names.h), given out
 * without asking anybody: what a name means is asked by the host when it connects. Names off the
 * list do not exist (NXDOMAIN: a stub then gives up at once, where REFUSED makes it ask again and
 * say "temporary failure"). HTTPS and SVCB are empty: they would lead round the name. Other types
 * of listed names are asked of the host, over one stream that is opened when needed; what it
 * answers is passed on as it is, if it answers that question, and decides nothing here.
 */
struct dp_stream;

/* A question that the host has. */
struct dp_question {
	struct dp_timer timer;
	struct dns_query query;       /* its span points to `message` */
	struct dp_place asker, asked; /* of UDP */
	uint32_t stream, serial;      /* of TCP: the stream's number; DP_NONE for UDP */
	uint16_t id;                  /* what the host is told */
	size_t n_message;
	uint8_t message[512];
};

struct dp_resolver {
	struct dp_pair pair; /* DP_HOST: the stream to the host */
	struct dp_dial dial;
	struct dp_target target;
	bool dialling, open;
	uint64_t quiet_until_ms; /* after a failure the host is left alone for a moment */
	uint64_t addresses, empty, forwarded, unlisted, failed;
	struct dp_timers waiting, again;
	struct dp_timer turn;
	struct dp_slots slots;
	uint32_t next[DP_MAX_QUESTIONS];
	struct dp_question v[DP_MAX_QUESTIONS];
};

SS_NONNULL void dp_resolver_init(struct dp *d);
/* A UDP packet to the resolver's address. */
SS_NONNULL void dp_resolver_datagram(struct dp *d, const struct dp_packet *k);
/* A TCP connection to it. */
SS_NONNULL void dp_resolver_stream(struct dp *d, struct dp_stream *s);
SS_NONNULL void dp_resolver_event(struct dp *d, struct dp_watch *w, uint32_t events);
SS_NONNULL void dp_resolver_host_came(struct dp *d);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "endpoint/ep_keeper.h"
#include "endpoint/ep_listen.h"
#include "endpoint/ep_relay.h"

/*
 * A local port that speaks to an enclave only as long as it is attested.
 *
 * The endpoint is attested before anything listens, and again before a yes is older than
 * max_age_ms; every connection goes to the address that was attested and must show the attested
 * key. A no ends all at once. Where there is no answer, it is asked again until the last yes is too
 * old; then all ends. Another key with a yes (the enclave began anew) ends the connections of the
 * old one.
 *
 * It listens on loopback alone: what comes out of this port is plain text.
 */
#define EP_MAX_RELAYS 1024u /* 32 KiB and two descriptors each */

enum ep_event_kind {
	EP_EVENT_ATTESTED,     /* a yes; new_key: of another key than before */
	EP_EVENT_NOT_ANSWERED, /* why; it is asked again */
	EP_EVENT_LISTENING,    /* where */
	EP_EVENT_OPENED,       /* a connection, behind handshake and key */
	EP_EVENT_CLOSED,       /* over, sent, received */
	EP_EVENT_STOPPING,     /* a signal: what is open may end */
};

struct ep_event {
	enum ep_event_kind kind;
	bool new_key;
	const char *why;
	const char *where; /* "127.0.0.1:8443" */
	uint64_t id;       /* of the connection, from 1 */
	enum ep_over over;
	uint64_t sent, received;
};

struct ep_proxy_opts {
	const struct ep_url *url;
	struct ep_listen listen;
	uint64_t max_age_ms;
	uint64_t grace_ms; /* what open connections have to end after a signal */
	ep_attest attest;
	void (*event)(void *ctx, const struct ep_event *e); /* in the caller's thread */
	void *ctx;                                          /* of both */
};

/*
 * Runs until a signal, then ends by it (io/stop.h), or until it must not speak any more: -1 with
 * SS_EVERIFY for a no, SS_EREMOTE for no answer. Nothing is open then.
 */
SS_MUST_CHECK SS_NONNULL int ep_proxy_run(const struct ep_proxy_opts *o, struct ss_err *err);

/* A stable word: "done", "client", "key", … */
const char *ep_over_name(enum ep_over o);

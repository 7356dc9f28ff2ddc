/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "endpoint/ep_stream.h"

#include <poll.h>
#include <sys/queue.h>

/*
 * One connection of the proxy: a local program's socket and a TLS stream to the enclave, each one's
 * bytes handed to the other. Not a byte of the program goes out before the peer has shown the
 * pinned key. Ends are passed on one by one (FIN as close_notify and back), a cut becomes a reset,
 * and what one side does not take holds the other: one TLS record each way and no more.
 *
 * Driven by somebody's poll(): nothing here waits. Times are milliseconds of a steady clock.
 */
#define EP_RECORD ((size_t)16 * 1024)
#define EP_TURN_BYTES ((size_t)256 * 1024) /* then the others have their turn */
#define EP_IDLE_MS 3600000u                /* no byte either way: as every ingress has it */
#define EP_HALF_MS 600000u                 /* the same when one side has ended */

enum ep_over {
	EP_RUNS,
	EP_OVER_DONE,        /* both sides ended */
	EP_OVER_CLIENT,      /* the local program broke off */
	EP_OVER_UNREACHABLE, /* nobody took the connection, or in time */
	EP_OVER_HANDSHAKE,   /* no TLS 1.3, or not in time */
	EP_OVER_KEY,         /* the peer has another key than was attested */
	EP_OVER_CUT,         /* the enclave's side ended without saying so */
	EP_OVER_IDLE,
	EP_OVER_UNATTESTED, /* the proxy may not speak to this peer any more */
	EP_OVER_STOPPED,    /* the proxy ends */
};

struct ep_relay;
LIST_HEAD(ep_relays, ep_relay);

struct ep_way {
	uint8_t *bytes; /* EP_RECORD, while the connection is open */
	size_t at, n;   /* what is held */
	uint64_t total; /* passed on */
	bool ended;     /* its source has no more */
	bool told;      /* and the other side knows */
};

struct ep_relay {
	LIST_ENTRY(ep_relay) all;
	uint64_t id;
	int local, remote; /* the relay's */
	struct ep_stream *tls;
	enum { EP_DIALS, EP_SHAKES, EP_OPEN } state;
	struct ep_way out, in; /* to the enclave, from it */
	short want_local, want_remote;
	bool local_hung_up; /* poll() would say so for ever */
	bool peer_is_gone;  /* it takes no more; what it said is still passed on */
	bool is_ready;      /* its turn was over, not its bytes */
	uint64_t until_ms;
};

/* Takes `local`, non-blocking, over; begins to connect. Never fails: what did is found out by the
 * first turn. */
SS_NONNULL struct ep_relay *ep_relay_new(int local, uint64_t id, const struct ep_pin *p,
					 uint64_t now_ms);
/* Closes both; `hard`: each end sees a reset. */
SS_NONNULL void ep_relay_free(struct ep_relay *r, bool hard);

/* What to wait for. */
SS_NONNULL void ep_relay_poll(const struct ep_relay *r, struct pollfd ret[2]);
/* What can be done now that poll() said so. */
SS_NONNULL enum ep_over ep_relay_turn(struct ep_relay *r, const struct pollfd got[2],
				      struct ep_tls *t, const struct ep_url *u,
				      const struct ep_pin *p, uint64_t now_ms);

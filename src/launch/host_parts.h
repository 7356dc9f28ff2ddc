/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "launch/connect.h"
#include "launch/grams.h"
#include "launch/host.h"
#include "launch/relay.h"

/*
 * What host*.c share. Each part is initialised zeroed, started, and done; a part that was never
 * started may be done.
 */
#define HOST_CONTROL_IN (FRAME_HEAD + FRAME_MAX_BODY)
#define HOST_CONTROL_OUT (1024u + FRAME_MAX_PART) /* a few small frames, and a part of a chain */
#define HOST_MAX_BEATS 4u
#define HOST_MAX_SCRAPES 8u
#define HOST_MAX_WEB 8u /* metrics connections */

struct host;

/* --- heartbeat: host.c --- */
struct host_beat {
	struct loop_fd io;
	struct loop_timer limit;
	struct host *host;
	bool open;
};

/* --- control: host_control.c --- */
struct host_scrape {
	void (*done)(void *ctx, struct ss_span text);
	void *ctx;
};
struct host_control {
	struct loop_fd io; /* fd -1 = no stream */
	struct loop_timer retry, limit, time, scrape_limit;
	bool wanted;    /* after the heartbeat, until EXIT */
	bool connected; /* HELLO is under way or out */
	bool welcomed;
	bool paused;
	bool scraping; /* SCRAPE is out */
	uint32_t retries;
	uint8_t *in;
	size_t n_in;
	uint8_t out[HOST_CONTROL_OUT];
	size_t n_out;
	struct host_scrape scrapes[HOST_MAX_SCRAPES];
	size_t n_scrapes;
};

/* --- requests for certificates, and chains: host_cert.c --- */
struct host_cert {
	bool is_asked; /* the enclave, and it has not answered yet */
	bool is_csr;
	host_cert_done done; /* NULL: who asked has gone */
	void *ctx;
	struct loop_timer limit;
	struct ss_buf chain;
	size_t sent;
};

/* --- published ports: host_ingress.c, host_udp.c --- */
struct host_flow;
TAILQ_HEAD(host_flow_list, host_flow);
struct host_listener {
	struct loop_fd io;
	struct loop_timer again; /* after running out of descriptors */
	struct host *host;
	struct host_port port;
	struct host_flow_list flows; /* UDP: the longest idle first */
};

/* --- egress: host_egress.c --- */
struct host_call;
LIST_HEAD(host_call_list, host_call);

/* --- metrics: host_metrics.c --- */
struct host_web {
	struct loop_fd io;
	struct loop_timer limit;
	struct host *host;
	bool open, asked;
	char head[2048];
	size_t n_head;
	struct ss_buf answer;
	size_t sent;
};

struct host {
	struct host_opts o;
	struct host_counts n;
	struct resolver *resolver;
	struct relay_set relays;

	struct loop_fd beat_listener; /* fd -1 = none */
	struct host_beat beats[HOST_MAX_BEATS];

	struct host_control control;
	struct host_cert cert;

	struct host_listener *listeners;
	size_t n_flows;
	uint8_t *datagram; /* GRAM_MAX bytes */

	struct loop_fd egress; /* fd -1 = the image has no egress */
	uint32_t egress_port;
	struct host_call_list calls;
	size_t n_calls; /* connecting ones, and datagram streams */
	size_t n_opening;
	uint64_t noted_ms; /* when something refused was told last */

	struct loop_fd metrics;
	struct host_web web[HOST_MAX_WEB];
};

/* The heartbeat has come: calls the control port until it answers. */
SS_NONNULL void host_control_start(struct host *h);
SS_NONNULL void host_control_done(struct host *h);
/* False: there is no stream, or the enclave does not read. */
SS_NONNULL bool host_control_say(struct host *h, const struct frame *f);
/* Hangs up, and calls again. */
SS_NONNULL void host_control_lose(struct host *h);

/* An answer; false: nobody asked. */
SS_MUST_CHECK SS_NONNULL bool host_cert_frame(struct host *h, const struct frame *f);
SS_NONNULL void host_cert_lost(struct host *h); /* the stream is over */
SS_NONNULL void host_cert_free(struct host *h);

SS_MUST_CHECK SS_NONNULL int host_ingress_start(struct host *h, struct ss_err *err);
SS_NONNULL void host_ingress_done(struct host *h);
SS_NONNULL void host_udp_event(struct host_listener *l);
SS_NONNULL void host_udp_done(struct host_listener *l);
/* The PROXY v2 header for a client of a published port. */
SS_NONNULL void host_proxy_header(const union resolve_addr *client,
				  const union resolve_addr *server, bool udp, struct ss_buf *b);

SS_MUST_CHECK SS_NONNULL int host_egress_start(struct host *h, struct ss_err *err);
SS_NONNULL void host_egress_done(struct host *h);
/* Whether the measured list has it; `c` gets what to connect to. */
SS_MUST_CHECK SS_NONNULL bool host_egress_allows(const struct host *h, const struct frame *open,
						 struct connect_to *ret);
/* One question on a DNS stream: true = it may leave; false = *answer is what to say. */
SS_MUST_CHECK SS_NONNULL bool host_dns_allows(const struct host *h, struct ss_span question,
					      struct ss_buf *answer);
/* The host's resolver. */
SS_MUST_CHECK SS_NONNULL bool host_dns_server(const struct host *h, union resolve_addr *ret);

SS_MUST_CHECK SS_NONNULL int host_metrics_start(struct host *h, struct ss_err *err);
SS_NONNULL void host_metrics_done(struct host *h);
/* Ours as text. */
SS_NONNULL void host_metrics_write(const struct host *h, struct ss_buf *b);
/* Lines of the enclave's metrics that may stand behind ours. */
SS_NONNULL void host_metrics_filter(struct ss_span text, struct ss_buf *b);

SS_NONNULL SS_PRINTF(2, 3) void host_note(struct host *h, const char *fmt, ...);

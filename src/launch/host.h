/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/frame.h"
#include "launch/facts.h"
#include "launch/loop.h"
#include "launch/machine.h"
#include "launch/resolve.h"

/*
 * The host's side of one enclave that runs, whatever runs it (docs/formats/vsock.md): heartbeat,
 * control, published ports, egress, DNS, metrics. All on one loop; nothing waits.
 *
 * The enclave is not trusted: what it may open is bounded (HOST_MAX_*), what it says is read by
 * fmt/frame.h, and what it asks for passes the measured allow-list once more. What it says for
 * people is handed on as bytes: escape before showing.
 */
#define HOST_MAX_CONNS 10240u      /* published and egress streams together */
#define HOST_MAX_OPENING 512u      /* egress streams that are not connected yet */
#define HOST_MAX_FLOWS 1024u       /* clients of published UDP ports */
#define HOST_MAX_DATAGRAM_OUT 512u /* egress streams of UDP and DNS */
#define HOST_FLOW_IDLE_MS 60000u
#define HOST_OPEN_MS 10000u  /* for OPEN to arrive */
#define HOST_HELLO_MS 10000u /* for WELCOME, and for the byte of a heartbeat */
#define HOST_RETRY_MS 100u   /* between calls to a control port that nobody listens at yet */
#define HOST_TIME_MS 60000u  /* between two TIMEs */
#define HOST_SCRAPE_MS 5000u
#define HOST_CERT_MS 30000u /* a request for a certificate, a chain: until all is answered */

/* A published port. */
struct host_port {
	int fd;      /* bound, non-blocking; TCP: listening. The host's from host_new() on */
	uint16_t to; /* of the ingress */
	bool udp, proxy;
};

struct host_counts {
	uint64_t beats, control_streams, control_broken;
	uint64_t accepted, accept_refused;
	uint64_t datagrams_in, datagrams_out, flows, flows_refused;
	uint64_t opened, open_refused[FRAME_OPEN_LAST + 1];
	uint64_t questions, questions_refused;
	uint64_t lines, lines_lost, bytes_lost;
};

/* Called from the loop; what is pointed at lives as long as the call. */
struct host_events {
	void (*beat)(void *ctx);                     /* the first heartbeat */
	void (*welcome)(void *ctx, uint64_t memory); /* the control stream is up, again and again */
	void (*state)(void *ctx, enum frame_state s, struct ss_span reason);
	void (*line)(void *ctx, const struct frame *log);
	void (*lost)(void *ctx, uint64_t lines, uint64_t bytes);
	void (*exit)(void *ctx, const struct frame *exit);
	void (*note)(void *ctx, const char *text); /* worth telling; ours, escaped */
	void *ctx;
};

struct host_opts {
	struct loop *loop;
	struct machine *machine;
	const struct facts *facts; /* borrowed */
	const struct host_port *ports;
	size_t n_ports;
	bool has_dns; /* `dns` instead of /etc/resolv.conf */
	union resolve_addr dns;
	int metrics_fd; /* listening, non-blocking, the host's from here on; -1 = none */
	struct host_events on;
};

struct host;

SS_MUST_CHECK SS_NONNULL int host_new(const struct host_opts *o, struct host **ret,
				      struct ss_err *err);
void host_free(struct host *h); /* accepts NULL */

/* False: no control stream, so the enclave cannot be told. 0 = its own measured grace. */
SS_MUST_CHECK SS_NONNULL bool host_stop_guest(struct host *h, uint32_t grace_ms);
/* No lines are taken while paused: the enclave holds them, and counts what it cannot hold. */
SS_NONNULL void host_pause(struct host *h, bool paused);
/* The machine has ended: nobody is called any more, what has arrived is still read. */
SS_NONNULL void host_end(struct host *h);
/* There is a control stream, or one that is being made. */
SS_NONNULL bool host_is_connected(const struct host *h);
SS_NONNULL const struct host_counts *host_counts(const struct host *h);

/*
 * Ours, and behind them the enclave's own where it answers within HOST_SCRAPE_MS; `done` comes from
 * the loop, at most once, and not after host_free().
 */
SS_NONNULL void host_scrape(struct host *h, void (*done)(void *ctx, struct ss_span text),
			    void *ctx);
/* Forgets whoever asked with this ctx. */
SS_NONNULL void host_scrape_cancel(struct host *h, void *ctx);

/* What became of a question about the enclave's TLS key. */
struct host_cert_said {
	const char *why;    /* it was refused; NULL: not */
	bool is_input;      /* because of what was asked or handed in */
	struct ss_span csr; /* the request, DER, as the enclave made it */
};
typedef void (*host_cert_done)(void *ctx, const struct host_cert_said *said);
/*
 * A request for a certificate for these names (a frame CSR_ASK), and a chain to serve, DER, leaf
 * first. `done` comes at once or from the loop, once, and neither after a cancel with this ctx nor
 * after host_free().
 */
SS_NONNULL void host_csr(struct host *h, struct ss_span names, host_cert_done done, void *ctx);
SS_NONNULL void host_chain(struct host *h, struct ss_span chain, host_cert_done done, void *ctx);
SS_NONNULL void host_cert_cancel(struct host *h, void *ctx);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/measured.h"
#include "runtime/dp_cert.h"
#include "runtime/dp_control.h"
#include "runtime/dp_datagrams.h"
#include "runtime/dp_dial.h"
#include "runtime/dp_health.h"
#include "runtime/dp_ingress.h"
#include "runtime/dp_key.h"
#include "runtime/dp_link.h"
#include "runtime/dp_log.h"
#include "runtime/dp_metrics.h"
#include "runtime/dp_names.h"
#include "runtime/dp_pipe.h"
#include "runtime/dp_policy.h"
#include "runtime/dp_report.h"
#include "runtime/dp_resolver.h"
#include "runtime/dp_tcp.h"
#include "runtime/dp_tun.h"
#include "runtime/dp_udp.h"
#include "runtime/plane_net.h"

/*
 * dataplane: the program of the enclave that carries bytes between the host and the application
 * (docs/decisions/0018). All that it has is this one struct; nothing is allocated.
 *
 *      host                     dataplane                                  application
 *   control  9001 ── dp_control ─ dp_log, dp_health, dp_metrics ── dp_link ── init
 *   ingress     P ── dp_ingress ─ dp_pair ─────────────────────────────── 127.0.0.1:to
 *   egress      E ── dp_dial ──── dp_tcp, dp_udp, dp_resolver ─── dp_tun ──── any address
 *
 * Below them, without a descriptor and without this struct: dp_packet, dp_nat, dp_names,
 * dp_policy.
 */
#define DP_SCRATCH (2u + DP_DATAGRAM_MAX)

struct dp {
	struct dp_loop loop;
	struct mc_config config;
	uint64_t memory; /* of the enclave */
	struct dp_pipes pipes;
	struct dp_link link;
	struct dp_key key;
	struct dp_cert cert;
	struct dp_control control;
	struct dp_health health;
	struct dp_refusals refusals;
	struct dp_log log;
	struct dp_ingress ingress;
	struct dp_policy policy;
	struct dp_names names;
	struct dp_tun tun;
	struct dp_tcp tcp;
	struct dp_udp udp;
	struct dp_resolver resolver;
	uint8_t scratch[DP_SCRATCH]; /* of whoever has its turn */
};

/* What the program is started with (plane.h); tests use other descriptors. */
struct dp_start {
	int link;
	struct ss_span config; /* lives as long as the program */
	int tun;               /* -1: none */
	int key;               /* the pair to keyplane; -1: none */
	uint64_t memory;
};

/* Opens everything and tells init. */
SS_MUST_CHECK SS_NONNULL int dp_start(struct dp *d, const struct dp_start *s, struct ss_err *err);
/* Never ends by itself: -1 with *err. */
SS_MUST_CHECK SS_NONNULL int dp_run(struct dp *d, struct ss_err *err);

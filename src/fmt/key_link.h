/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * What dataplane and keyplane say to each other: datagrams over a SOCK_SEQPACKET pair, each a
 * struct kp_link_head, perhaps text, perhaps one descriptor (SCM_RIGHTS). `id` is dataplane's
 * number of the connection, with a generation in its upper half, so that an answer to one that is
 * over finds nobody.
 *
 * keyplane believes dataplane nothing but that these are two ends that belong together: it decides
 * by TLS alone what a stream may do. dataplane takes what comes for bounded requests. An unknown
 * type, a wrong length or a descriptor too many is the end of trust, and of the enclave.
 *
 *   dataplane                                      keyplane
 *   CONN id, listener, the host's end   -------->  handshake, ALPN
 *                                       <--------  WANT id, unless it is for the service
 *   APP id, the application's end       -------->  bytes, both ways
 *     or NO_APP id                      -------->  the host's end is reset
 *                                       <--------  OVER id, bytes of each way, why
 *
 * A PROXY header goes to the application before any byte: dataplane sends it on the end that it
 * passes with APP. Who closes: each its own copies; dataplane's are closed as soon as they are
 * sent.
 */
enum kp_link_type {
	/* to keyplane */
	KP_LINK_CONN = 1, /* a: index of the measured ingress */
	KP_LINK_APP,
	KP_LINK_NO_APP,
	/* One of these at a time: the next one comes after the answer. */
	KP_LINK_CSR_ASK, /* text: as frame CSR_ASK */
	KP_LINK_CHAIN,   /* text: as frame CHAIN */
	/* to dataplane */
	KP_LINK_READY = 32, /* the key is there; before it nothing is accepted */
	KP_LINK_WANT,
	KP_LINK_OVER,       /* a: enum kp_over; in, out: bytes of the application's two ways */
	KP_LINK_CSR,        /* text: DER */
	KP_LINK_CHAIN_SAID, /* a: enum frame_said */
	KP_LINK_SAY,        /* text: a line for the log, of source dataplane */
	KP_LINK_COUNTS,     /* text: a uint64_t for each enum kp_count */
};

/* Counted by dataplane for each ingress (docs/formats/metrics.md). */
enum kp_over {
	KP_OVER_DONE,
	KP_OVER_SERVED,    /* a document */
	KP_OVER_REFUSED,   /* the service said 4xx */
	KP_OVER_BUSY,      /* 503, or too many handshakes */
	KP_OVER_HANDSHAKE, /* it failed, or took too long */
	KP_OVER_CUT,       /* ended without close_notify */
	KP_OVER_IDLE,
	KP_OVER_NO_APP,
};

/* Counted by keyplane itself. */
enum kp_count {
	KP_N_SHAKEN, /* handshakes */
	KP_N_UNSHAKEN,
	KP_N_SLOW,
	KP_N_LIMIT,
	KP_N_GIVEN, /* documents to the network */
	KP_N_LATE,  /* too many wait, or for too long */
	KP_N_FAILED,
	KP_N_APP_GIVEN, /* the same to the application */
	KP_N_APP_LATE,
	KP_N_APP_FAILED,
	KP_N_FORM, /* refusals of the service, by what they say: 400 */
	KP_N_SENDER,
	KP_N_PATH,
	KP_N_METHOD,
	KP_N_TAKEN,
	KP_N_SIZE,
	KP_N_HEAD,
	KP_N_BUSY,    /* 503 */
	KP_N_SECRETS, /* that came */
	KP_COUNTS
};

/* The lower half of an id is below this: dataplane has no more connections at a time. */
#define KP_LINK_SLOTS 16384u
#define KP_LINK_MAX_TEXT 8704u /* a CHAIN of 8192 and its head, a CSR_ASK of 16 names */

struct kp_link_head {
	uint8_t type;
	uint8_t a;
	uint16_t zero;
	uint32_t n_text;
	uint64_t id;
	uint64_t in, out;
};
